"""Brings the API's values into the types that the stream's schema declares."""

import logging
import re
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from datetime import datetime, timezone
from typing import Any

from airbyte_cdk.sources.declarative.schema import JsonFileSchemaLoader
from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice, StreamState

logger = logging.getLogger("airbyte.snov")

_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")


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
        self._properties: Mapping[str, Mapping[str, Any]] = loader.get_json_schema()["properties"]
        self._warned: set[tuple[Any, str]] = set()

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        schemas = self._properties.items()
        known = {name: self._convert(record, name, schema) for name, schema in schemas if name in record}
        unknown = {name: value for name, value in record.items() if name not in known}
        record.clear()
        record.update(known | unknown)

    def _convert(self, record: Mapping[str, Any], name: str, schema: Mapping[str, Any]) -> Any:
        value = record[name]
        if value is None:
            return None
        try:
            return _to_type(value, schema)
        except (ValueError, OverflowError, OSError):
            self._warn(record.get("campaign_id", record.get("id")), name, value)
            return value

    def _warn(self, campaign: Any, name: str, value: Any) -> None:
        if (campaign, name) not in self._warned:
            self._warned.add((campaign, name))
            logger.warning(
                f"{self._stream}: {name} of campaign {campaign} is {str(value)[:40]!r}, which is not of the type the "
                "schema declares. The value is passed on as it is."
            )


def _to_type(value: Any, schema: Mapping[str, Any]) -> Any:
    """The value in the schema's type; raises ValueError when it has no such reading."""
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if schema.get("format") == "date-time":
        return to_utc(value)
    if "integer" in types or "number" in types:
        return to_number(value, whole="integer" in types)
    if types[0] == "string" and not isinstance(value, str):
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
