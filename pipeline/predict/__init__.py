"""What a finished model does: bundle, calibration, operating points, maps, regions."""
