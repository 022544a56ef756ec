"""The reference of settings: keys and ranges from pipeline.config, values and meanings from params.yaml."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap

from pipeline.config import Config

_TYPES = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`", "string": "text"}
_NAMED = 4  # more keys than this that are read alike are "all others"
Schema = Mapping[str, Any]


def page(repository: Path) -> str:
    """Make one table a section of params.yaml, in its order."""
    values = YAML().load(repository / "params.yaml")
    schema = Config.model_json_schema(by_alias=True)
    read = _readers(yaml.safe_load((repository / "dvc.yaml").read_text(encoding="utf-8")))
    parts = (_section(name, values[name], schema, read) for name in values)
    return "\n".join(parts)


def allowed(schema: Schema) -> str:
    """Say in words which values a key takes, from its JSON schema."""
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(allowed(each) for each in schema["anyOf"])
    if schema["type"] == "array":
        return f"list: {allowed(schema['items'])}"
    if schema.get("format") == "path":
        return "path"
    empty = ", not empty" if schema.get("minLength") else ""
    return _TYPES[schema["type"]] + _limits(schema) + empty


def _limits(schema: Schema) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    limits = [f"{word} {schema[key]}" for key, word in words.items() if key in schema]
    multiple = f", a multiple of {schema['multipleOf']}" if "multipleOf" in schema else ""
    return f" {' '.join(limits)}{multiple}" if limits else multiple


def _section(name: str, values: CommentedMap, schema: Schema, read: Mapping[str, str]) -> str:
    """Head and table of a section, then those of the sections in it."""
    here = _definition(schema, name)
    keys = {key: value for key, value in values.items() if not isinstance(value, CommentedMap)}
    level = "##" + "#" * name.count(".")
    lines = [f"{level} {name}", "", here["description"].replace("``", "`"), ""]
    lines += ["| key | meaning | value | allowed |", "|---|---|---|---|"]
    for key, value in keys.items():
        meaning, rule = _escaped(_comment(values, key)), allowed(here["properties"][key])
        lines.append(f"| `{key}` | {meaning} | `{_shown(value)}` | {rule} |")
    lines += ["", *_runs_again({key: read.get(f"{name}.{key}", "") for key in keys})]
    nested = (_section(f"{name}.{key}", values[key], schema, read) for key in values if key not in keys)
    return "\n".join([*lines, "", *nested])


def _runs_again(readers: Mapping[str, str]) -> list[str]:
    """Say which stages run again after a change of any key, or of each group of keys that are read alike."""
    keys: dict[str, list[str]] = {}
    for key, stages in readers.items():
        keys.setdefault(stages, []).append(f"`{key}`")
    if len(keys) == 1:
        return [f"After a change DVC runs again: {next(iter(keys)) or 'nothing'}."]
    *others, most = sorted(keys, key=lambda stages: len(keys[stages]))
    lines = [f"- {', '.join(keys[stages])}: {stages or 'nothing'}" for stages in others]
    rest = "all others" if len(keys[most]) > _NAMED else ", ".join(keys[most])
    return ["After a change DVC runs again:", "", *lines, f"- {rest}: {most or 'nothing'}"]


def _definition(schema: Schema, name: str) -> Schema:
    """Find the schema of a section by its dotted name."""
    found = schema
    for part in name.split("."):
        reference = found["properties"][part]["$ref"].rpartition("/")[2]
        found = schema["$defs"][reference]
    return found


def _comment(values: CommentedMap, key: str) -> str:
    """Return what stands behind a key on its line."""
    token = values.ca.items.get(key, [None] * 3)[2]
    line = token.value.partition("\n")[0] if token else ""
    return str(line).lstrip("# ").strip()


def _shown(value: Any) -> str:
    """Write a value on one line, as params.yaml might."""
    return value or '""' if isinstance(value, str) else json.dumps(value)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _readers(dvc: Mapping[str, Any]) -> dict[str, str]:
    """Name the stages that DVC runs again when a key changes: those that list it, or take a path from it."""
    readers: dict[str, list[str]] = {}
    for stage, content in dvc["stages"].items():
        inserted = re.findall(r"\$\{([\w.]+)\}", yaml.safe_dump(content))
        leaves = (_leaves(key) for key in (*content.get("params", ()), *inserted))
        for leaf in dict.fromkeys(chain.from_iterable(leaves)):
            readers.setdefault(leaf, []).append(f"`{stage}`")
    return {key: ", ".join(stages) for key, stages in readers.items()}


def _leaves(key: str) -> Iterator[str]:
    """All keys below a section; a key alone is its own."""
    schema: Schema = Config.model_json_schema(by_alias=True)
    found: Schema = schema
    for part in key.split("."):
        found = found["properties"][part]
        found = schema["$defs"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found
    if "properties" not in found:
        yield key
        return
    for below in found["properties"]:
        yield from _leaves(f"{key}.{below}")
