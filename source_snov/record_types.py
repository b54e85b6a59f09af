"""Brings the API's values into the types that the stream's schema declares."""

import logging
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from datetime import date, datetime, timezone
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.schema import JsonFileSchemaLoader
from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice, StreamState
from airbyte_cdk.utils import AirbyteTracedException

logger = logging.getLogger("airbyte.snov")

_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")
_is_spaced_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}").fullmatch

NUMBERS = frozenset(("integer", "number"))

TOO_LARGE = 2**63
"""Warehouses hold numbers of 64 bits."""

Schema = Mapping[str, Any]
About = Callable[[], str]
"""Says what a record is about, when somebody needs to know."""


@dataclass(frozen=True, slots=True)
class Field:
    """What a schema says of one value, found out once for all records.

    plain: the Python types of values that are right as they are. number: whether it is one. fields: those of an object.
    items: those of an array.
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
        return cls(schema, types, _plain(schema, types), number, cls.all_of(schema), items)

    @classmethod
    def all_of(cls, schema: Schema) -> "dict[str, Field]":
        """The fields of an object."""
        return {name: cls.of(each) for name, each in schema.get("properties", {}).items()}


def _plain(schema: Schema, types: Sequence[str]) -> frozenset[type]:
    """None, and the types whose values are all right: not numbers, which may be too large, nor texts with a format."""
    kinds: tuple[type, ...] = (type(None),)
    if "format" not in schema and "array" not in types and NUMBERS.isdisjoint(types):
        kinds += tuple(kind for name, kind in (("string", str), ("boolean", bool)) if name in types)
    return frozenset(kinds)


@dataclass
class TypedRecord(RecordTransformation):
    """Converts each value that is not of its schema's type yet, and puts the fields in the schema's order.

    Numbers may arrive as text, percentages as `"61%"`, times in any of the API's four forms. A value that cannot be
    converted is left out, because no warehouse could hold it: the record is not lost, and a warning names stream,
    campaign and field once. Raises AirbyteTracedException (system_error) for a record without one of the fields that
    the schema does not let be null, which are those of the primary key.

    keyed_later: whether whoever reads the records adds the fields of the primary key.
    """

    config: Config
    parameters: InitVar[Mapping[str, Any]]
    keyed_later: bool = False

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._stream = parameters["name"]
        loader = JsonFileSchemaLoader(
            config=self.config, parameters=dict(parameters), file_path=parameters["schema_path"]
        )
        self._fields = Field.all_of(loader.get_json_schema())
        needed = [name for name, field in self._fields.items() if "null" not in field.types]
        self._needed = () if self.keyed_later else tuple(needed)
        self._warned: set[tuple[Any, str]] = set()

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        typed = self._object(record, self._fields, "", lambda: self._about(record, stream_slice))
        if missing := [name for name in self._needed if typed.get(name) is None]:
            raise AirbyteTracedException(
                message=f"Snov.io gave a record for {self._stream} whose {' and '.join(missing)} is missing or of an "
                f"unknown form ({self._about(record, stream_slice)}). Nothing can tell it from others, so "
                f"{self._stream} is not read further. Sync again; if this goes on, report it to the connector's "
                "maintainers.",
                internal_message=f"A record of {self._stream} without {', '.join(missing)}.",
                failure_type=FailureType.system_error,
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
            typed.update((name, value) for name, value in record.items() if name not in typed)
        return typed

    def _typed(self, value: Any, field: Field, path: str, about: About) -> Any:
        schema, types = field.schema, field.types
        if type(value) is int and field.number and abs(value) < TOO_LARGE:
            return value
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
            return None

    def _warn(self, path: str, value: Any, about: str) -> None:
        if (about, path) not in self._warned:
            self._warned.add((about, path))
            logger.warning(
                f"{self._stream}: {path} of {about} is {_quoted(value)}, which is not of the type the schema declares. "
                "The value is left out."
            )


def _quoted(value: Any) -> str:
    """A value as a message names it: the beginning of a text or number, else what it is."""
    if isinstance(value, Mapping | list):
        return "an object" if isinstance(value, Mapping) else "a list"
    return repr(str(value)[:40])


def _to_type(value: Any, schema: Schema, types: Sequence[str]) -> Any:
    """The value in the schema's type; raises ValueError when it has no such reading."""
    if value is None or not types:
        return value
    if schema.get("format") == "date-time":
        return to_local(value) if schema.get("airbyte_type") == "timestamp_without_timezone" else to_utc(value)
    if schema.get("format") == "date":
        return to_day(value)
    if "integer" in types or "number" in types:
        return to_number(value, whole="integer" in types)
    kinds: dict[str, type] = {"string": str, "boolean": bool, "object": Mapping, "array": list}
    if not isinstance(value, tuple(kinds[name] for name in types if name in kinds)):
        raise ValueError(value)
    return value


def to_number(value: Any, whole: bool) -> int | float:
    """`"61%"`, `"61"`, 61 or 61.0 → 61; `"61.5%"` → 61.5. A whole number has neither a fraction nor a `%`.

    Raises ValueError for anything else, and for what does not fit into 64 bits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    number: int | float
    if not isinstance(value, str):
        number = value
    else:
        match = _NUMBER.fullmatch(value)
        if match is None or (whole and match[2]):
            raise ValueError(value)
        number = float(match[1]) if "." in match[1] else int(match[1])
    if abs(number) >= TOO_LARGE or math.isnan(number):
        raise ValueError(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if whole and isinstance(number, float):
        raise ValueError(value)
    return number


def to_day(value: Any) -> str:
    """A day as `YYYY-MM-DD`, which is the only form; raises ValueError for anything else."""
    if not isinstance(value, str) or str(date.fromisoformat(value)) != value:
        raise ValueError(value)
    return value


def to_local(value: Any) -> str:
    """A time without a zone, in ISO 8601; raises ValueError for anything else."""
    if not isinstance(value, str) or (moment := datetime.fromisoformat(value)).tzinfo:
        raise ValueError(value)
    return moment.isoformat()


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
