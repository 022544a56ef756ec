"""Scores of classifiers and maps: arrays in, arrays out."""
