"""Malformed response bodies for Hypothesis: mutations of right ones, or JSON of any shape."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

DEEP = ("@@40@@", "@@400@@", "@@4000@@")
"""Stand in for this many nested arrays, which Python's JSON encoder cannot write."""

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-3, 70),
    st.floats(),
    st.text(st.characters(exclude_categories=()), max_size=12),
    st.sampled_from(
        [
            "", "0", "-1", "NaN", "Infinity", "-Infinity", "1e400", "9" * 30, "9" * 5000, "61%", "61.5 %", "١٢", "²",
            "2026-01-05", "20260105", "2026-W01-1", "2026-13-45", "0001-01-01", "9999-12-31T23:59:59-23:00",
            "2026-01-05 09:00:00", "2026-01-05T09:00:00", "2026-01-05T24:00:00Z", "2026-01-05T09:00:00.123456+05:30",
            "null", "None", "{{ config }}", "\x00", "\ud800", "\udc00x", "é" * 300, *DEEP,
            {}, [], [[]], {"": ""}, [None], {"date": "2026-01-05 09:00:00.000000", "timezone": "UTC"},
            {"date": None, "timezone": "Mars"}, {"date": 5}, {"id": None}, {"success": False}, {"errors": [None]},
            10**400, 2**63, 2**64, 1e300, 1.5, -0.0, 253402300800, -62135596801, 1e20,
        ]
    ),
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.text(st.characters(exclude_categories=()), max_size=6), inner, max_size=4),
    ),
    max_leaves=12,
)
CHANGES = ("replace", "replace", "replace", "null", "delete", "twice", "in_list", "in_object", "rename", "swap")
SPOILED = ("no", "no", "no", "no", "no", "cut", "byte", "bom", "utf-16", "latin", "raw", "twice", "empty", "page")


@st.composite
def bodies(draw: st.DrawFn, right: Any) -> bytes:
    """The bytes of a response. right: the JSON of a right response."""
    if draw(st.integers(0, 4)) == 0:
        document = deepcopy(draw(JSON))
    else:
        document = deepcopy(right)
        for _ in range(draw(st.integers(1, 3))):
            # The next change must not modify what Hypothesis draws from.
            document = deepcopy(_changed(draw, document))
    return _spoiled(draw, document)


def _changed(draw: st.DrawFn, document: Any) -> Any:
    places = list(_places(document))
    if not places:
        return deepcopy(draw(JSON))
    container, key = places[draw(st.integers(0, len(places) - 1))]
    change = draw(st.sampled_from(CHANGES))
    if change == "replace":
        container[key] = deepcopy(draw(JSON))
    elif change == "null":
        container[key] = None
    elif change == "delete":
        del container[key]
    elif change == "twice" and isinstance(container, list):
        container.insert(key, deepcopy(container[key]))
    elif change == "in_list":
        container[key] = [container[key]]
    elif change == "in_object":
        container[key] = {"data": container[key], "0": container[key]}
    elif change == "rename" and isinstance(container, dict):
        container[draw(st.text(max_size=4))] = container.pop(key)
    elif change == "swap":
        other, place = places[draw(st.integers(0, len(places) - 1))]
        container[key] = deepcopy(other[place])
    return document


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(document, dict | list):
        for key in list(document) if isinstance(document, dict) else range(len(document)):
            yield document, key
            yield from _places(document[key])


def _spoiled(draw: st.DrawFn, document: Any) -> bytes:
    text = json.dumps(document)
    for deep in DEEP:
        levels = int(deep.strip("@"))
        text = text.replace(f'"{deep}"', "[" * levels + "]" * levels)
    way = draw(st.sampled_from(SPOILED))
    content = text.encode()
    place = draw(st.integers(0, len(content))) if way in ("cut", "byte") else 0
    ways = {
        "cut": lambda: content[:place],
        "byte": lambda: content[:place] + b"\xff\xfe" + content[place:],
        "bom": lambda: text.encode("utf-8-sig"),
        "utf-16": lambda: text.encode("utf-16"),
        "latin": lambda: json.dumps(document, ensure_ascii=False).encode("latin-1", "replace"),
        "raw": lambda: json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass"),
        "twice": lambda: content + content,
        "empty": lambda: b"",
        "page": lambda: b"<html>" + content,
    }
    return ways[way]() if way in ways else content
