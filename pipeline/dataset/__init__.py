"""The tables that travel from stage to stage: layout, manifest, labels, annotations, profile."""
