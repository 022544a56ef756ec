"""How good the answers are: by group and subgroup, under perturbation, beside shortcuts."""
