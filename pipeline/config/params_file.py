"""The file of settings as text: YAML in which no key stands twice, and what is wrong with a key in words."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_SHORT = reprlib.Repr()  # a few lines of aliases can stand for gigabytes of text
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 300

GONE = {"promote.bootstrap_samples"}  # the gate compares AUROCs without it: docs/decisions/0019
RENAMED = {
    "evaluate.views": "predict.tta_views",
    "predict.views": "predict.tta_views",
    "region_maps.views": "predict.tta_views",
    "train.averaging_decay": "train.ema_decay",
    "train.frozen_share": "train.frozen_fraction",
    "train.kept_epoch": "train.checkpoint",
    "validate.copy_correlation": "validate.copy_agreement",
    "validate.earlier_manifest": "validate.pinned_manifest",
}
_RULES = {
    "tuple_type": "Input should be a valid tuple, a list in brackets: [a, b]",
    "path_type": "Input should be a path",
}


def load(path: Path) -> dict[str, Any]:
    """Read the sections of a file; a key that stands twice is an error and never a choice between values.

    Raises
    ------
    ValueError, OSError
        It is missing, is not YAML or holds no sections; the message names the file and the line.
    """
    try:
        values = _parsed(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} not found: run from the repository's top folder") from None
    except OSError as error:
        raise OSError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ValueError(f"{path}, line {line}: it is not YAML in UTF-8. Save it so.") from None
    except yaml.MarkedYAMLError as error:
        what = error.problem or error.context
        raise ValueError(f"{path}, {_place(error)}it is not YAML: {what}.") from None
    except (yaml.YAMLError, ValueError, AttributeError, RecursionError) as error:  # PyYAML's own
        raise ValueError(f"{path}: it is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"{path} must hold sections of settings. Received: {_SHORT.repr(values)}")
    return values


def explained(path: Path, problems: Mapping[str, Mapping[str, Any]]) -> str:
    """Write one line a wrong key: the key, the rule, what was received.

    Parameters
    ----------
    problems
        What pydantic says of each key, by its dotted name.
    """
    renamed = [f"{RENAMED[key]}." for key in problems if key in RENAMED]
    lines = []
    for key, problem in problems.items():
        if key in RENAMED:
            lines.append(f"{path}: {key} is now {RENAMED[key]}: rename it.")
        elif key in GONE:
            lines.append(f"{path}: {key} is a setting no more: delete it.")
        elif problem["type"] == "extra_forbidden":
            received = _received(problem["input"])
            lines.append(f"{path}: {key} is no setting. Received: {received}. Check its spelling.")
        elif problem["type"] != "missing":
            rule = _RULES.get(problem["type"], problem["msg"].removeprefix("Value error, "))
            lines.append(f"{path}: {key}: {rule}. Received: {_received(problem['input'])}.")
        elif not any(new.startswith(f"{key}.") for new in renamed):
            lines.append(f"{path}: {key} is missing. Add it; params.yaml of the repository lists all.")
    return "\n".join(lines)


def _received(value: Any) -> str:
    """Write out a value, but of an address neither user nor password."""
    return re.sub(r"(?<=://)\S*@", "***@", _SHORT.repr(value))


def _parsed(text: str) -> Any:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        _refuse_duplicates(node)
        return None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


def _refuse_duplicates(root: yaml.Node | None) -> None:
    waiting, seen = [("", root)], set()  # by identity: an alias can lead back
    while waiting:
        above, node = waiting.pop()
        if not isinstance(node, yaml.MappingNode) or id(node) in seen:
            continue
        seen.add(id(node))
        first: dict[str, int] = {}
        for key, value in node.value:
            name, line = f"{above}{key.value}", key.start_mark.line + 1
            if name in first:
                problem = f"{name} stands twice, in line {first[name]} and in line {line}; delete one"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            first[name] = line
            waiting.append((f"{name}.", value))


def _place(error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    return f"line {mark.line + 1}: " if mark else ""
