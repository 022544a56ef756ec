"""The DVC stages, one file each: read, compute, write, record."""
