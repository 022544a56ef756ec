"""What a command does beside the stages: predict, assess, drift, promote, roll back, compare, doctor."""
