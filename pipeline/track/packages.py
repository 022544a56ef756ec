"""Installed packages, found without importing them."""

from __future__ import annotations

from importlib import metadata

_OTHER_NAMES = {"opencv-python": ("opencv-python-headless",), "tensorflow": ("tensorflow-cpu",)}


def installed(name: str) -> tuple[str, str] | None:
    """Return the name under which a package was installed, and its version; None where it was not.

    Some packages are published under several names, and import alike.
    """
    for candidate in (name, *_OTHER_NAMES.get(name, ())):
        try:
            return candidate, metadata.version(candidate)
        except metadata.PackageNotFoundError:
            continue
    return None
