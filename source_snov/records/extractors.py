"""Extracts the records of a response: the objects of an array, a single object, or those of a map."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import InitVar, dataclass
from typing import Any

import requests
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor

from source_snov.failures import system_error
from source_snov.records.body import content_of, json_of, take


@dataclass
class BodyExtractor(RecordExtractor):
    """Extracts the objects of an array, or a single object. The error handler has rejected everything else but nulls.

    under: dotted path to them in the body; empty if the body has no envelope.
    """

    parameters: InitVar[Any]
    under: str = ""

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        content = take(response, self.under)
        yield from (row for row in content if row is not None) if isinstance(content, list) else [content]


class StillComputing(Exception):
    """Raised when the API says that it is still computing the figures. partial: whether the response has some."""

    def __init__(self, partial: bool) -> None:
        super().__init__()
        self.partial = partial


@dataclass
class MapExtractor(RecordExtractor):
    """Turns a map from days, or other names, to objects into one object for each, with its name in a field.

    under: path to the map; an empty map may come as an empty array. field: the name's field, such as `date`. complete:
    path to the flag that says whether the map is complete. Raises AirbyteTracedException (system_error) for what is not
    an object, and StillComputing after the last one of an incomplete map.
    """

    parameters: InitVar[Any]
    under: str = ""
    field: str = ""
    complete: str = ""

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        found = content_of(json_of(response), self.under)
        for name, figures in found.items() if isinstance(found, Mapping) else ():
            if not isinstance(figures, Mapping):
                raise system_error(
                    f"Snov.io should have answered with an object for each {self.field} and did not. Sync "
                    "again; if this goes on, ask Snov.io support about it.",
                    f"Not an object for each {self.field} under {self.under}.",
                )
            yield {**figures, self.field: name}
        if self.complete and content_of(json_of(response), self.complete) in (False, "false", "0"):
            raise StillComputing(partial=bool(found))
