"""Pages and charts, made from the files that the stages wrote."""
