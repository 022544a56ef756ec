"""New radiographs against those that the champion learnt from."""
