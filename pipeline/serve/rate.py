"""How often one address may ask: a token bucket each."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

_MOST = 10_000  # addresses that are remembered; the longest unseen go first


class Rate:
    """Buckets of ``burst`` tokens that fill by ``per_s``; a request takes one.

    References
    ----------
    The token bucket of Turner, New directions in communications, IEEE Communications Magazine, 1986,
    https://doi.org/10.1109/MCOM.1986.1092946.
    """

    def __init__(self, per_s: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._burst, self._clock = per_s, burst, clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, address: str) -> float:
        """Take a token: 0 where there was one, else the seconds until there is one."""
        now = self._clock()
        tokens, at = self._buckets.pop(address, (float(self._burst), now))
        tokens = min(self._burst, tokens + (now - at) * self._per_s)
        taken = tokens >= 1
        self._buckets[address] = (tokens - taken, now)
        while len(self._buckets) > _MOST:
            self._buckets.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / self._per_s
