"""What counts of several readings of one radiograph: of each reader the last one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from pipeline.feedback.reading import Reading

Key = TypeVar("Key", bound=Hashable)


def by(key: Callable[[Reading], Key], all_readings: Iterable[Reading]) -> dict[Key, list[Reading]]:
    """Group readings, and keep the last of each reader and radiograph within a group.

    Readings without a name are by readers that nobody can tell apart: each of them counts.
    """
    groups: dict[Key, dict[Hashable, Reading]] = {}
    for place, reading in enumerate(sorted(all_readings, key=lambda each: each.time)):
        who = (reading.sha256, reading.reader or place)
        groups.setdefault(key(reading), {})[who] = reading
    return {name: list(members.values()) for name, members in groups.items()}
