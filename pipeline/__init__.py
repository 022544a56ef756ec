"""Find bone fractures in radiographs, and say how sure we are."""
