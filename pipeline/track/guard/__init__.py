"""What stands between the network and a served model; its files run alone, beside the model's own code."""
