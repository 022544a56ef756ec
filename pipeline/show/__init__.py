"""Figures, overlays and report pages."""
