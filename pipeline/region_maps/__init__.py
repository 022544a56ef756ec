"""How good the maps and regions are, whether the decision uses them, and their overlays."""
