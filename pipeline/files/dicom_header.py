"""Values of a DICOM header as they stand in real files: lists, letters, commas, nothing at all."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from pipeline.files.dicom_out import MANUFACTURER
from pipeline.files.faults import Note

_COMMA = re.compile(r"[+-]?\d+,\d*(?:[eE][+-]?\d+)?")
_LONGEST = 60
_MONOCHROME = re.compile(r"MONO\D*([12])")
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")


class Header:
    """Reads values of a `pydicom.Dataset`, or of an item of a sequence, without ever raising.

    What makes no sense is left out, with a note; items of one file share their list of notes.
    """

    def __init__(self, dataset: Any, notes: list[Note]) -> None:
        self._dataset = dataset
        self.notes = notes

    def text(self, keyword: str) -> str:
        """Give a value's text, the first of several, in capital letters; empty where there is none."""
        return next(iter(_items(self._value(keyword))), "").upper()

    @property
    def is_own(self) -> bool:
        """Whether it is of a result that we made, which must not be examined again."""
        return self.text("Manufacturer") == MANUFACTURER.upper()

    def uid(self, keyword: str) -> str:
        """Give a UID, of any length; empty where there is none, or such as ``UNKNOWN`` and ``1..2``."""
        text = self.text(keyword)
        return text if _UID.fullmatch(text) else ""

    def photometric(self) -> str:
        """Give the photometric interpretation; of ``MONOCHROME 1``, however spelt, the digit counts."""
        text = self.text("PhotometricInterpretation")
        spelt = _MONOCHROME.fullmatch(text)
        return f"MONOCHROME{spelt[1]}" if spelt else text

    def numbers(self, keyword: str, most: int | None = None) -> list[float]:
        """Give all numbers of a value, or the first of them; none where one is no finite number."""
        items = _items(self._value(keyword))[:most]
        numbers = [_number(item) for item in items]
        if any(_COMMA.fullmatch(item) for item in items):
            self.notes.append(Note("decimal_comma", f"{keyword} is {_shown(items)}; read as a decimal"))
        if None in numbers:
            self.nonsense(f"{keyword} is {_shown(items)}, which is no number; left out")
            return []
        return [number for number in numbers if number is not None]

    def number(self, keyword: str) -> float | None:
        """Give a number, the first of several."""
        return next(iter(self.numbers(keyword, 1)), None)

    def whole(self, keyword: str) -> int | None:
        """Give a whole number that must stand alone; of several the first, with a note."""
        numbers = self.numbers(keyword)
        if len(numbers) > 1:
            self.nonsense(f"{keyword} has {len(numbers)} values; the first is taken")
        return int(numbers[0]) if numbers else None

    def holds(self, keyword: str) -> bool:
        """Whether there is such an element, whatever it says."""
        return keyword in self._dataset

    def is_empty(self, keyword: str) -> bool:
        """Whether a value is there that says nothing."""
        return keyword in self._dataset and not _items(self._value(keyword))

    def item(self, keyword: str) -> Header | None:
        """Give the first item of a sequence; nothing where there is no such sequence."""
        value = self._value(keyword)
        if value is None:
            return None
        try:
            return Header(value[0], self.notes)
        except Exception:  # no sequence, or an empty one
            self.nonsense(f"{keyword} is empty; left out")
            return None

    def bytes_or_numbers(self, keyword: str) -> bytes | list[float]:
        """Give a table as it is stored: bytes, or numbers."""
        value = self._value(keyword)
        return value if isinstance(value, bytes) else self.numbers(keyword)

    def nonsense(self, detail: str) -> None:
        """Note what makes no sense, and what was done."""
        self.notes.append(Note("header_nonsense", detail))

    def _value(self, keyword: str) -> Any:
        if keyword not in self._dataset:
            return None
        try:
            return self._dataset[keyword].value
        except Exception:  # conversions of hostile bytes raise anything
            self.nonsense(f"{keyword} can't be read; left out")
            return None


def _items(value: Any) -> list[str]:
    """Split a value of any type into texts without blanks."""
    if value is None or value == "" or value == b"":
        return []
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        value = value.split("\\")
    elif not isinstance(value, Iterable):
        value = [value]
    return [str(item).strip(" \0\t\r\n") for item in value]


def _number(text: str) -> float | None:
    try:
        number = float(text.replace(",", ".") if _COMMA.fullmatch(text) else text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _shown(items: list[str]) -> str:
    return repr("\\".join(items)[:_LONGEST])
