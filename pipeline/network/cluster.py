"""The processes that train one network together, by the variable TF_CONFIG, which TensorFlow reads, too.

References
----------
https://www.tensorflow.org/guide/distributed_training#setting_up_the_tf_config_environment_variable
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VARIABLE = "TF_CONFIG"
_TRAINING = ("chief", "worker")  # kinds of processes, in the order in which TensorFlow counts them


class ClusterError(ValueError):
    """``TF_CONFIG`` does not say which processes train together."""


@dataclass(frozen=True)
class Cluster:
    """Processes that each compute the gradient of a part of every batch.

    Attributes
    ----------
    addresses
        Host and port of each; none where a process trains alone.
    rank
        Which of them this one is, from 0 on.
    """

    addresses: tuple[str, ...] = ()
    rank: int = 0

    @property
    def size(self) -> int:
        """How many processes train."""
        return max(1, len(self.addresses))

    @property
    def is_chief(self) -> bool:
        """Whether it is this process that writes what is learnt."""
        return self.rank == 0

    def variable(self) -> str:
        """Write it as ``TF_CONFIG``."""
        workers = {"worker": list(self.addresses)}
        return json.dumps({"cluster": workers, "task": {"type": "worker", "index": self.rank}})


ALONE = Cluster()


def read(environment: Mapping[str, str] = os.environ) -> Cluster:
    """Read ``TF_CONFIG``; without it, or where it names one process, a process trains alone.

    Raises
    ------
    ClusterError
        It is not JSON of the agreed form, or asks for other processes than a chief and workers.
    """
    text = environment.get(VARIABLE, "")
    if not text:
        return ALONE
    try:
        return _parsed(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise ClusterError(
            f"{VARIABLE} must name the processes that train, a chief and workers, and which of them this one "
            f"is. Received: {text} ({type(error).__name__}: {error}). Unset it, or see "
            "docs/how-to/train-on-several.md."
        ) from error


def _parsed(value: dict[str, Any]) -> Cluster:
    jobs = {kind: list(addresses) for kind, addresses in value.get("cluster", {}).items()}
    if others := sorted(set(jobs) - {*_TRAINING}):
        raise ValueError(f"it names {', '.join(others)}")
    addresses = tuple(str(address) for kind in _TRAINING for address in jobs.get(kind, ()))
    if len(addresses) < 2:
        return ALONE
    kind, index = value["task"]["type"], int(value["task"]["index"])
    if not 0 <= index < len(jobs[kind]):
        raise IndexError(f"no {kind} {index}")
    return Cluster(addresses, index + (len(jobs.get("chief", ())) if kind == "worker" else 0))
