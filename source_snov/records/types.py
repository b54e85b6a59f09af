"""Converts values to the types that the stream's schema declares."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from typing import Any

from airbyte_cdk.sources.declarative.schema import JsonFileSchemaLoader
from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice

from source_snov.failures import system_error
from source_snov.records.notices import Notices
from source_snov.records.shared import Shared
from source_snov.records.values import TOO_LARGE, Schema, is_no_time, to_type

NUMBERS = frozenset(("integer", "number"))

JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}

MAX_NEW_FIELDS = 100
"""Maximum number of new fields that a sync names: a new object may have different keys in every record."""


About = Callable[[], str]
"""Names the record's campaign or the like, for messages."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a schema, prepared once for all records.

    plain: Python types that need no conversion. number: whether it is numeric. fields, items: of an object, an array.
    """

    schema: Schema
    types: Sequence[str]
    plain: frozenset[type]
    number: bool
    fields: "Mapping[str, Field]"
    items: "Field | None"

    @classmethod
    def of(cls, schema: Schema) -> "Field":
        types = schema.get("type", ())
        types = [types] if isinstance(types, str) else types
        items = cls.of(schema.get("items", {})) if "array" in types else None
        number = "format" not in schema and not NUMBERS.isdisjoint(types) and "array" not in types
        return cls(schema, types, _plain_types(schema, types), number, cls.all_of(schema), items)

    @classmethod
    def all_of(cls, schema: Schema) -> "dict[str, Field]":
        """The fields of an object, by name."""
        return {name: cls.of(each) for name, each in schema.get("properties", {}).items()}


def _plain_types(schema: Schema, types: Sequence[str]) -> frozenset[type]:
    """The Python types that need no check. Numbers may be too large, and texts with a format may not match it."""
    kinds: tuple[type, ...] = (type(None),)
    if "format" not in schema and "array" not in types and NUMBERS.isdisjoint(types):
        kinds += tuple(kind for name, kind in (("string", str), ("boolean", bool)) if name in types)
    return frozenset(kinds)


class _NewFields(set[tuple[str, str]]):
    """The new fields that this sync has logged, each with its stream."""


@dataclass
class TypedRecord(RecordTransformation):
    """Converts each value to its schema's type, and puts the fields in the schema's order.

    Numbers may arrive as text and text as numbers, booleans as 0 and 1, percentages as `"61%"`, times in any of the
    API's forms. A value that cannot be converted is left out, because the warehouse would reject the record; one
    warning per stream and field names the first. Fields that are not in the schema pass through and are logged once:
    destinations that go by the schema, such as PyAirbyte, drop them silently.

    Raises AirbyteTracedException (system_error) for a record without a non-nullable field; those are the primary key.

    keyed_later: whether a later component adds or checks the primary key.
    """

    config: Config
    parameters: InitVar[Mapping[str, Any]]
    api_budget: Shared
    keyed_later: bool = False

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._stream = parameters["name"]
        loader = JsonFileSchemaLoader(
            config=self.config, parameters=dict(parameters), file_path=parameters["schema_path"]
        )
        self._fields = Field.all_of(loader.get_json_schema())
        needed = [name for name, field in self._fields.items() if "null" not in field.types]
        self._needed = () if self.keyed_later else tuple(needed)
        self._notices = self.api_budget.shared(Notices)
        self._new = self.api_budget.shared(_NewFields)

    def transform(
        self, record: dict[str, Any], *args: Any, stream_slice: StreamSlice | None = None, **kwargs: Any
    ) -> None:
        typed = self._object(record, self._fields, "", lambda: self._about(record, stream_slice))
        if missing := [name for name in self._needed if typed.get(name) is None]:
            raise system_error(
                f"Snov.io gave a record for {self._stream} whose {' and '.join(missing)} is missing or of an "
                f"unknown form ({self._about(record, stream_slice)}). Without it the record has no primary "
                f"key, so {self._stream} is not read any further. Sync again; if this goes on, report it to the "
                "connector's maintainers.",
                f"A record of {self._stream} without {', '.join(missing)}.",
            )
        record.clear()
        record.update(typed)

    def _about(self, record: Mapping[str, Any], stream_slice: StreamSlice | None) -> str:
        partition = stream_slice.partition if stream_slice else {}
        about = " ".join(f"{name[:-3]} {value}" for name, value in partition.items() if name.endswith("_id"))
        known = record.get("id")
        return about or f"{self._stream.removesuffix('s')} {str(known)[:40] if isinstance(known, int | str) else '?'}"

    def _object(
        self, record: Mapping[str, Any], fields: Mapping[str, Field], path: str, about: About
    ) -> dict[str, Any]:
        typed: dict[str, Any] = {}
        for name, field in fields.items():
            if name in record:
                value = record[name]
                typed[name] = value if type(value) in field.plain else self._typed(value, field, path + name, about)
        if len(typed) < len(record):
            new = {name: value for name, value in record.items() if name not in typed}
            typed.update(new)
            for name, value in new.items() if fields else ():
                self._note_new(path + name, value)
        return typed

    def _typed(self, value: Any, field: Field, path: str, about: About) -> Any:
        schema, types = field.schema, field.types
        if type(value) is int and field.number and abs(value) < TOO_LARGE:
            return value
        if "object" in types and value == []:
            # PHP writes an empty map as an empty array.
            return value if "array" in types else {}
        if "object" in types and isinstance(value, Mapping):
            return self._object(value, field.fields, f"{path}.", about)
        if "array" in types and not schema.get("items", types) and value is not None and not isinstance(value, list):
            # The schema declares an array of anything: a warehouse column cannot hold values of several types.
            return [value]
        if field.items is not None and isinstance(value, list):
            return [self._typed(item, field.items, path, about) for item in value]
        try:
            return to_type(value, schema, types)
        except ValueError:
            if "format" not in schema or not is_no_time(value):
                self._warn(path, value, about())
            return None

    def _warn(self, path: str, value: Any, about: str) -> None:
        self._notices.add(
            ("type", self._stream, path),
            f"{self._stream}: {path} of {about} is {_quoted(value)}, which is not of the type the schema declares. "
            "The value is left out.",
        )

    def _note_new(self, path: str, value: Any) -> None:
        field = (self._stream, path)
        if value is None or field in self._new or len(self._new) >= MAX_NEW_FIELDS:
            return
        self._new.add(field)
        self._notices.add(
            ("new field", *field),
            f"{self._stream}: new field {path[:80]} ({JSON_TYPES[type(value)]}), not in the schema. Destinations that "
            "go by the schema leave it out. Look for a newer version of the connector, or report the field to its "
            "maintainers.",
            logging.INFO,
        )


def _quoted(value: Any) -> str:
    """The start of a text or number, for a message; for anything else, its kind."""
    if isinstance(value, Mapping | list):
        return "an object" if isinstance(value, Mapping) else "a list"
    return repr(str(value)[:40])
