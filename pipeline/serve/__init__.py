"""The HTTP service: the model that answers, asked by people and programs; limits, metrics, canaries."""
