"""What networks are tried with: see `tests.networks`."""

from tests.networks import _narrow_backbone, _repeatable, examples, network, network_file, settings

__all__ = ["_narrow_backbone", "_repeatable", "examples", "network", "network_file", "settings"]
