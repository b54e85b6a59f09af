"""Brings the API's values into the types that the stream's schema declares."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import datetime, timezone
from typing import Any

from airbyte_cdk.sources.declarative.schema import JsonFileSchemaLoader
from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice, StreamState

logger = logging.getLogger("airbyte.snov")

_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")
_is_spaced_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}").fullmatch

Schema = Mapping[str, Any]
About = Callable[[], str]
"""Says what a record is about, when somebody needs to know."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a schema says of one value, found out once for all records.

    plain: the Python types of values that are right as they are. fields: those of an object. items: those of an array.
    """

    schema: Schema
    types: Sequence[str]
    plain: frozenset[type]
    fields: "Mapping[str, Field]"
    items: "Field | None"

    @classmethod
    def of(cls, schema: Schema) -> "Field":
        types = schema.get("type", ())
        types = [types] if isinstance(types, str) else types
        items = cls.of(schema.get("items", {})) if "array" in types else None
        return cls(schema, types, _plain(schema, types), cls.all_of(schema), items)

    @classmethod
    def all_of(cls, schema: Schema) -> "dict[str, Field]":
        """The fields of an object."""
        return {name: cls.of(each) for name, each in schema.get("properties", {}).items()}


def _plain(schema: Schema, types: Sequence[str]) -> frozenset[type]:
    """None, and the types that need no conversion; of those with a form of their own, each value is looked at."""
    kinds: tuple[type, ...] = (type(None),)
    if "array" not in types and schema.get("format") != "date-time":
        if "integer" in types or "number" in types:
            kinds += (int,)
        else:
            kinds += tuple(kind for name, kind in (("string", str), ("boolean", bool)) if name in types)
    return frozenset(kinds)


@dataclass
class TypedRecord(RecordTransformation):
    """Converts each value that is not of its schema's type yet, and puts the fields in the schema's order.

    Numbers may arrive as text, percentages as `"61%"`, times in any of the API's four forms. A value that cannot be
    converted stays as it is: the record is not lost, and a warning names stream, campaign and field once.
    """

    config: Config
    parameters: InitVar[Mapping[str, Any]]

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._stream = parameters["name"]
        loader = JsonFileSchemaLoader(
            config=self.config, parameters=dict(parameters), file_path=parameters["schema_path"]
        )
        self._fields = Field.all_of(loader.get_json_schema())
        self._warned: set[tuple[Any, str]] = set()

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        typed = self._object(record, self._fields, "", lambda: self._about(record, stream_slice))
        record.clear()
        record.update(typed)

    def _about(self, record: Mapping[str, Any], stream_slice: StreamSlice | None) -> str:
        partition = stream_slice.partition if stream_slice else {}
        about = " ".join(f"{name[:-3]} {value}" for name, value in partition.items() if name.endswith("_id"))
        return about or f"{self._stream.removesuffix('s')} {record.get('id')}"

    def _object(
        self, record: Mapping[str, Any], fields: Mapping[str, Field], path: str, about: About
    ) -> dict[str, Any]:
        typed: dict[str, Any] = {}
        for name, field in fields.items():
            if name in record:
                value = record[name]
                typed[name] = value if type(value) in field.plain else self._typed(value, field, path + name, about)
        if len(typed) < len(record):
            typed.update((name, value) for name, value in record.items() if name not in typed)
        return typed

    def _typed(self, value: Any, field: Field, path: str, about: About) -> Any:
        schema, types = field.schema, field.types
        if "object" in types and value == []:
            # PHP writes an empty map so.
            return value if "array" in types else {}
        if "object" in types and isinstance(value, Mapping):
            return self._object(value, field.fields, f"{path}.", about)
        if "array" in types and not schema.get("items", types) and value is not None and not isinstance(value, list):
            # An array of whatever the API may send: warehouses have no column for values of several types.
            return [value]
        if field.items is not None and isinstance(value, list):
            return [self._typed(item, field.items, path, about) for item in value]
        try:
            return _to_type(value, schema, types)
        except (ValueError, OverflowError, OSError):
            self._warn(path, value, about())
            return value

    def _warn(self, path: str, value: Any, about: str) -> None:
        if (about, path) not in self._warned:
            self._warned.add((about, path))
            logger.warning(
                f"{self._stream}: {path} of {about} is {str(value)[:40]!r}, which is not of the type the schema "
                "declares. The value is passed on as it is."
            )


def _to_type(value: Any, schema: Schema, types: Sequence[str]) -> Any:
    """The value in the schema's type; raises ValueError when it has no such reading."""
    if value is None or not types:
        return value
    if schema.get("format") == "date-time":
        if schema.get("airbyte_type") == "timestamp_without_timezone":
            return datetime.fromisoformat(value).isoformat() if isinstance(value, str) else value
        return to_utc(value)
    if "integer" in types or "number" in types:
        return to_number(value, whole="integer" in types)
    kinds: dict[str, type] = {"string": str, "boolean": bool, "object": Mapping, "array": list}
    if not isinstance(value, tuple(kinds[name] for name in types if name in kinds)):
        raise ValueError(value)
    return value


def to_number(value: Any, whole: bool) -> int | float:
    """`"61%"`, `"61"`, 61 or 61.0 → 61; `"61.5%"` → 61.5. A whole number has neither a fraction nor a `%`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    match = _NUMBER.fullmatch(str(value))
    if match is None or (whole and match[2]):
        raise ValueError(value)
    number = float(match[1])
    if number.is_integer():
        return int(match[1].partition(".")[0])
    if whole:
        raise ValueError(value)
    return number


def to_utc(value: Any) -> str:
    """An RFC 3339 time in UTC, to the second, from any of the API's forms (API reference, Conventions):

    Unix seconds, a PHP date object `{"date", "timezone_type", "timezone"}`, `YYYY-MM-DD HH:MM:SS` (taken as UTC), and
    ISO 8601 with a zone. Raises ValueError for anything else.
    """
    if type(value) is str and _is_spaced_time(value):
        # The form of every event.
        datetime.fromisoformat(value)
        return value.replace(" ", "T") + "Z"
    if isinstance(value, Mapping):
        if value.get("timezone") not in ("UTC", "Z", "+00:00", None):
            raise ValueError(value)
        value = value.get("date")
    if isinstance(value, bool):
        raise ValueError(value)
    if isinstance(value, int | float) or (isinstance(value, str) and value.strip().isdigit()):
        moment = datetime.fromtimestamp(float(value), timezone.utc)
    elif isinstance(value, str):
        moment = datetime.fromisoformat(value.strip())
        moment = moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    else:
        raise ValueError(value)
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
