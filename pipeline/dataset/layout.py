"""The layout of a folder of radiographs: a folder a split, and in each a folder a class."""

from __future__ import annotations

SPLITS = ("train", "val", "test")
CLASS_FOLDERS = {"fractured": True, "not fractured": False}
