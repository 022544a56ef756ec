"""The small repository of tests/track."""

from tests.track.conftest import baseline, reproduced

__all__ = ["baseline", "reproduced"]
