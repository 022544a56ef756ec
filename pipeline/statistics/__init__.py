"""AUROC and its kin, intervals, comparisons, cheap classifiers: arrays in, arrays out."""
