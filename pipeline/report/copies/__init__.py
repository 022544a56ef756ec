"""Groups and pairs of copies on the validate page: pictures, and what turns one into the other."""
