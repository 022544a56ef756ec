"""What a DICOMweb server answers to STOW-RS: which instances it has, and why it refuses others.

The body tells whether it is JSON or XML: servers spell the Content-Type in many ways, or leave it out.
https://dicom.nema.org/medical/dicom/current/output/chtml/part18/chapter_I.html
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple
from xml.etree import ElementTree

_STORED, _FAILED, _INSTANCE, _REASON = "00081199", "00081198", "00081155", "00081197"


class Told(NamedTuple):
    """The SOPInstanceUIDs that a server has, and its reasons (FailureReason) for those that it refuses."""

    stored: frozenset[str] = frozenset()
    failed: frozenset[int] = frozenset()


def read(body: bytes) -> Told:
    """Read an answer; it tells nothing where it can't be read whole, such as the page of a proxy."""
    try:
        found = _parsed(body)
        stored = frozenset(str(_value(item, _INSTANCE)).strip("\0 ") for item in _items(found, _STORED))
        return Told(stored, frozenset(int(_value(item, _REASON)) for item in _items(found, _FAILED)))
    except (ValueError, LookupError, TypeError, AttributeError, ElementTree.ParseError):
        return Told()


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return _like_json(ElementTree.fromstring(body))


def _like_json(node: ElementTree.Element) -> dict[str | None, Any]:
    """Arrange the attributes of a Native DICOM Model as DICOM's JSON does."""
    return {
        each.get("tag"): {
            "Value": [_like_json(item) for item in each.findall("{*}Item")]
            or [value.text for value in each.findall("{*}Value")]
        }
        for each in node.findall("{*}DicomAttribute")
    }


def _items(found: Any, tag: str) -> Any:
    return found.get(tag, {}).get("Value") or ()


def _value(item: Any, tag: str) -> Any:
    return item[tag]["Value"][0]
