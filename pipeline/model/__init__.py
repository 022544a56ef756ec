"""The network: backbones, pyramid, training, calibration and the bundle."""
