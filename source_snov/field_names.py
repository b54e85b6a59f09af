"""One rule for the names of all fields: the API's own, in snake_case."""

import re
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from functools import lru_cache
from typing import Any

from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice, StreamState

CUSTOM_FIELD = "customField_"

MOST_LEVELS = 100
"""Names nested deeper than so are left as they are; Python gives up some hundreds of levels later."""

_PLAIN = frozenset((str, int, float, bool, type(None)))
_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass
class FieldNames(RecordTransformation):
    """Turns `prospectEmail` into `prospect_email`, in nested objects too, and gathers custom fields by their labels.

    `customField_<Label>` becomes `custom_fields: {"<Label>": …}`: labels are the users' and are kept as they are, which
    the CDK's KeysToSnakeCase does not.
    """

    parameters: InitVar[Mapping[str, Any]]

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        names = _renamings(tuple(record))
        if names is None:
            # As most records are: right as they come, unless something is nested.
            for name, value in record.items():
                if type(value) not in _PLAIN:
                    record[name] = _renamed(value)
            return
        labelled = {name.removeprefix(CUSTOM_FIELD): value for name, value in record.items() if names[name] is None}
        renamed = {new: _renamed(record[name]) for name, new in names.items() if new is not None}
        given = record.get("customFields", record.get("custom_fields"))
        if labelled or isinstance(given, Mapping):
            renamed["custom_fields"] = {**(given if isinstance(given, Mapping) else {}), **labelled}
        record.clear()
        record.update(renamed)


@lru_cache(maxsize=1000)
def _renamings(names: tuple[str, ...]) -> Mapping[str, str | None] | None:
    """The new name of each field, None for a custom one; None for all if every name is right and none is custom."""
    renamed = {name: None if name.startswith(CUSTOM_FIELD) else snake_case(name) for name in names}
    right = "custom_fields" not in names and all(name == new for name, new in renamed.items())
    return None if right else renamed


# The names of fields are few, and each comes with every record.
@lru_cache(maxsize=1000)
def snake_case(name: str) -> str:
    return _WORD_BEGINS.sub("_", name).lower()


def _renamed(value: Any, levels: int = MOST_LEVELS) -> Any:
    if isinstance(value, Mapping) and levels:
        return {snake_case(name): _renamed(inner, levels - 1) for name, inner in value.items()}
    if isinstance(value, list) and levels:
        return [_renamed(inner, levels - 1) for inner in value]
    return value
