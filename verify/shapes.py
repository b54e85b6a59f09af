"""The shape of responses: names of fields and types of values, never a value.

A name can also be somebody's own words (a custom field's label, a key of a map), so only names that look like API
fields are shown.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from verify.client import Response
from verify.times import moment

NAME: Final = re.compile(r"[a-z][a-zA-Z]*(_[a-zA-Z]+)*")
MAX_NAMES: Final = 8
"""Maximum names in a line."""

ENVELOPE: Final = (
    *("success", "data", "errors", "error", "error_description", "message", "meta", "pagination", "list", "prospects"),
    *("access_token", "token_type", "expires_in"),
)
"""Top-level names of responses (API reference 1.2, 1.4, 1.5)."""

CUSTOM: Final = "customField_"
TYPES: Final = {bool: "boolean", int: "integer", float: "number", str: "text", list: "list", dict: "object"}
Properties = Mapping[str, Any]


def type_of(value: Any) -> str:
    """The type of a JSON value."""
    return "null" if value is None else TYPES[type(value)]


def safe(name: str) -> str:
    """The name of a field, unless it may be somebody's own words."""
    if name.startswith(CUSTOM):
        return f"{CUSTOM}…"
    return name if NAME.fullmatch(name) and len(name) <= 40 else "(another name)"


def form_of(response: Response) -> str:
    """Status and shape of a response: `404, an object with errors`."""
    if not response.is_json:
        return f"{response.status}, not JSON"
    if isinstance(response.body, dict):
        names = [name for name in ENVELOPE if name in response.body]
        others = len(response.body) - len(names)
        more = [f"{others} other fields"] if others else []
        return f"{response.status}, an object with {listed([*names, *more])}"
    if isinstance(response.body, list):
        return f"{response.status}, a list of {len(response.body):,}"
    return f"{response.status}, {type_of(response.body)}"


def listed(names: Iterable[str]) -> str:
    """Some names, and the number of the others."""
    all_names = list(names)
    more = f" and {len(all_names) - MAX_NAMES} more" if len(all_names) > MAX_NAMES else ""
    return (", ".join(all_names[:MAX_NAMES]) or "nothing") + more


def schema_of(stream: str) -> Properties:
    """The properties of a stream's records."""
    schema = json.loads((files("source_snov") / "schemas" / f"{stream}.json").read_text(encoding="utf-8"))
    properties: Properties = schema["properties"]
    return properties


@dataclass
class Shape:
    """Rows compared with a schema: types of each field, unknown fields, and fields of other types."""

    types: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unknown: set[str] = field(default_factory=set)
    other: set[str] = field(default_factory=set)

    def add(self, row: Properties, properties: Properties, prefix: str = "") -> None:
        """Adds a row, with nested objects as far as the schema has them."""
        for name, value in row.items():
            path = f"{prefix}{safe(str(name))}"
            self.types[path][type_of(value)] += 1
            known = properties.get(snake_case(str(name)))
            if known is None:
                if not path.startswith(CUSTOM):
                    self.unknown.add(path)
                continue
            if not _fits(value, known):
                self.other.add(f"{path} ({type_of(value)})")
            inner = value if isinstance(value, list) else [value]
            below = known.get("items", known) if isinstance(value, list) else known
            if isinstance(below, dict) and "properties" in below:
                for part in inner:
                    if isinstance(part, dict):
                        self.add(part, below["properties"], f"{path}.")

    def missing(self, properties: Properties, optional: Iterable[str]) -> list[str]:
        """Top-level fields of the schema that no row has, in the schema's spelling."""
        there = {snake_case(path) for path in self.types if "." not in path}
        return [name for name in properties if name not in there and name not in set(optional)]


def _fits(value: Any, known: Properties) -> bool:
    """Whether a field of this type in the records may have this value in the API, by its reference."""
    type_names = known.get("type", [])
    wanted = [type_names] if isinstance(type_names, str) else type_names
    if value is None or not wanted:
        return True
    if known.get("format") == "date-time":
        return moment(value) is not None
    kind = type_of(value)
    fitting = {
        "integer": {"integer"},
        "number": {"integer", "number"},
        "string": {"text"},
        "boolean": {"boolean"},
        "array": {"list"},
        "object": {"object"},
    }
    if "number" in wanted and isinstance(value, str):
        return re.fullmatch(r"-?\d+(\.\d+)?%?", value) is not None
    # PHP writes an empty object as an empty list.
    return any(kind in fitting[name] for name in wanted if name in fitting) or ("object" in wanted and value == [])


def snake_case(name: str) -> str:
    """`prospectEmail` becomes `prospect_email`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
