"""What CI does beside the commands of `fracture` and DVC; `python -m ci.rehearse` walks it all here."""
