"""How good the decisions are: by group and subgroup, under perturbation, beside shortcuts."""
