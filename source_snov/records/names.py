"""Names all fields by one rule: the API's own name, in snake_case."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from functools import lru_cache
from typing import Any

from airbyte_cdk.sources.declarative.transformations import RecordTransformation

from source_snov.records.notices import Notices
from source_snov.records.shared import Shared

CUSTOM_FIELD = "customField_"

MAX_LEVELS = 100
"""Maximum depth at which names are changed. Python's recursion limit is some hundreds of levels further."""

EMPTY: Sequence[Any] = (None, "", [], {})
"""Values without information."""

_PLAIN = frozenset((str, int, float, bool, type(None)))

_WORD_BEGINS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass
class FieldNames(RecordTransformation):
    """Renames `prospectEmail` to `prospect_email`, in nested objects too, and gathers custom fields by label.

    `customField_<Label>` becomes `custom_fields: {"<Label>": …}`. Users choose the labels, so they stay unchanged,
    unlike with the CDK's KeysToSnakeCase. If two fields get the same name, the one with a value wins; if both have one
    and they differ, the one in camelCase wins, with a warning.
    """

    parameters: InitVar[Mapping[str, Any]]
    api_budget: Shared

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._stream = parameters["name"]
        self._notices = self.api_budget.shared(Notices)

    def transform(self, record: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        renamings = _renamings(tuple(record))
        if renamings is None:
            # The usual case: no name at the top level changes.
            for name, value in record.items():
                if type(value) not in _PLAIN:
                    record[name] = self._renamed(value)
            return
        names, labels = renamings
        if len(names) + len(labels) < len(record):
            names = self._chosen([name for name in record if name not in labels], record)
        renamed = {new: self._renamed(record[name]) for new, name in names.items()}
        given = record.get("customFields") or record.get("custom_fields")
        given = given if isinstance(given, Mapping) else {}
        if labels or given:
            labelled = {label: record[name] for name, label in labels.items()}
            told = {label: value for label, value in labelled.items() if label not in given or value not in EMPTY}
            renamed["custom_fields"] = {**given, **told}
        record.clear()
        record.update(renamed)

    def _renamed(self, value: Any, levels: int = MAX_LEVELS) -> Any:
        if isinstance(value, Mapping) and levels:
            names: Mapping[str, str] = {snake_case(name): name for name in value}
            if len(names) < len(value):
                names = self._chosen(value, value)
            return {new: self._renamed(value[name], levels - 1) for new, name in names.items()}
        if isinstance(value, list) and levels:
            return [self._renamed(inner, levels - 1) for inner in value]
        return value

    def _chosen(self, names: Iterable[str], values: Mapping[str, Any]) -> Mapping[str, str]:
        """The field that wins each new name."""
        chosen: dict[str, str] = {}
        # Fields with a value first, then those in camelCase.
        for name in sorted(names, key=lambda name: (values[name] in EMPTY, name == snake_case(name))):
            taken = chosen.setdefault(snake_case(name), name)
            if values[name] not in EMPTY and values[name] != values[taken]:
                self._notices.add(
                    ("spelling", self._stream, taken, name),
                    f"{self._stream}: {taken} and {name} of one record are the same field with different values. The "
                    f"value of {taken} is taken. Report this to the connector's maintainers.",
                )
        return chosen


@lru_cache(maxsize=1000)
def _renamings(names: tuple[str, ...]) -> tuple[Mapping[str, str], Mapping[str, str]] | None:
    """The fields by new name, and the labels of the custom ones; None if nothing changes."""
    labels = {name: name.removeprefix(CUSTOM_FIELD) for name in names if name.startswith(CUSTOM_FIELD)}
    renamed = {snake_case(name): name for name in names if name not in labels}
    right = not labels and "custom_fields" not in names and tuple(renamed) == names
    return None if right else (renamed, labels)


# There are few names, and every record has the same ones.
@lru_cache(maxsize=1000)
def snake_case(name: str) -> str:
    return _WORD_BEGINS.sub("_", name).lower()
