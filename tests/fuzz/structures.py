"""Sound values with parts replaced, removed or repeated; hypothesis shrinks them to what matters."""

from __future__ import annotations

import copy
import io
import json
import zipfile
from collections.abc import Iterator
from typing import Any

import yaml
from hypothesis import strategies as st

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, -1, 1, 2, 2**63, -(2**63), 10**400, 0.5, -0.0, 1e308, float("nan"), float("inf")]),
    st.sampled_from(
        ["", " ", "0", "1,5", "NA", "nan", "\0", "\ud800", "a\r\nb", "=1+1", "../x", "C:\\x\\y.jpg"]
    ),
    st.text(max_size=5),
    st.sampled_from(
        [[], [[]], {}, [None], [1, 2], [[1, 2, 3]], {"a": 1}, [[1] * 7], ["x"] * 6, {"size": [1, 1]}]
    ),
).map(copy.deepcopy)


@st.composite
def edited(draw: st.DrawFn, value: Any) -> Any:
    """Draw a copy with one to three edits."""
    value = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(sorted(_places(value), key=repr)))
        value = _edit(draw, value, place)
    return value


def _places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield way
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from _places(item, (*way, key))


def _edit(draw: st.DrawFn, value: Any, way: tuple[Any, ...]) -> Any:
    if not way:
        return draw(ODD)
    parent = value
    for key in way[:-1]:
        parent = parent[key]
    change = draw(st.sampled_from(["replace", "remove", "repeat", "as text"]))
    if change == "remove":
        parent.pop(way[-1])
    elif change == "repeat" and isinstance(parent, list):
        parent.insert(way[-1], copy.deepcopy(parent[way[-1]]))
    elif change == "as text":
        parent[way[-1]] = str(parent[way[-1]])
    else:
        parent[way[-1]] = draw(ODD)
    return value


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


def as_yaml(value: Any) -> bytes:
    return yaml.safe_dump(value).encode("utf-8", "replace")


@st.composite
def tables(draw: st.DrawFn, paths: list[str]) -> bytes:
    """Draw a CSV: odd headers, odd cells, rows too long or too short, in any encoding."""
    names = st.sampled_from(
        ["path", "patient_id", "PatientID", "study_id", "body_part", "split", "fold", "", "x", "Path "]
    )
    cells = st.one_of(
        st.sampled_from([*paths, "NA", "", "unknown", "=1", "a\nb", '"', "\0", "é"]), st.text(max_size=4)
    )
    header = draw(st.lists(names, min_size=1, max_size=4))
    header = draw(st.sampled_from([header, ["path", *header]]))
    rows = draw(st.lists(st.lists(cells, min_size=0, max_size=5), max_size=4))
    separator = draw(st.sampled_from([",", ";", "\t", ", "]))
    quoted = draw(st.booleans())
    lines = [separator.join(f'"{cell}"' if quoted else cell for cell in row) for row in (header, *rows)]
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-16-le"]))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines).encode(encoding, "replace")


def networks(sound: bytes) -> st.SearchStrategy[bytes]:
    """Draw Keras archives whose description of the layers is edited."""
    with zipfile.ZipFile(io.BytesIO(sound)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}

    def written(config: Any) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in (entries | {"config.json": as_json(config)}).items():
                archive.writestr(name, data)
        return buffer.getvalue()

    return edited(json.loads(entries["config.json"])).map(written)
