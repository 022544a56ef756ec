"""What files are tried with: the bundle with random weights of `tests.commands`."""

from tests.commands.conftest import learnt, models

__all__ = ["learnt", "models"]
