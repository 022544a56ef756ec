"""How the network learns: loop, losses, augmentation, sampling, averaging, self-training, checkpoints."""
