"""What the command line does beside the stages: predict, assess, doctor."""
