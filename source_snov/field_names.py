"""One rule for the names of all fields: the API's own, in snake_case."""

import re
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from functools import lru_cache
from typing import Any

from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice, StreamState

CUSTOM_FIELD = "customField_"

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
        labelled: dict[str, Any] = {}
        renamed: dict[str, Any] = {}
        for name, value in record.items():
            if name.startswith(CUSTOM_FIELD):
                labelled[name.removeprefix(CUSTOM_FIELD)] = value
            else:
                renamed[snake_case(name)] = value if type(value) in _PLAIN else _renamed(value)
        given = record.get("customFields", record.get("custom_fields"))
        if labelled or isinstance(given, Mapping):
            renamed["custom_fields"] = {**(given if isinstance(given, Mapping) else {}), **labelled}
        record.clear()
        record.update(renamed)


# The names of fields are few, and each comes with every record.
@lru_cache(maxsize=1000)
def snake_case(name: str) -> str:
    return _WORD_BEGINS.sub("_", name).lower()


def _renamed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {snake_case(name): _renamed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_renamed(inner) for inner in value]
    return value
