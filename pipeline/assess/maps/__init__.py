"""Region maps: regions cut from them, their scores against annotations, and whether they can be believed."""
