"""Extracts the records of a response: the objects of an array, a single object, or one object per day."""

from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import InitVar, dataclass
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor
from airbyte_cdk.utils import AirbyteTracedException

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
    """Raised when the API says that it is still computing the days. partial: whether the response has some."""

    def __init__(self, partial: bool) -> None:
        super().__init__()
        self.partial = partial


@dataclass
class DaysExtractor(RecordExtractor):
    """Turns a map from days to objects into one object per day, with its `date`.

    under: path to the map; an empty map may come as an empty array. complete: path to the flag that says whether the
    map is complete. Raises AirbyteTracedException (system_error) for a day that is not an object, and StillComputing
    after the last day of an incomplete map.
    """

    parameters: InitVar[Any]
    under: str = ""
    complete: str = ""

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        days = content_of(json_of(response), self.under)
        for day, figures in days.items() if isinstance(days, Mapping) else ():
            if not isinstance(figures, Mapping):
                raise AirbyteTracedException(
                    message="Snov.io should have answered with an object for each day and did not. Sync again; if this "
                    "goes on, ask Snov.io support about it.",
                    internal_message=f"Not an object for each day under {self.under}.",
                    failure_type=FailureType.system_error,
                )
            yield {**figures, "date": day}
        if self.complete and content_of(json_of(response), self.complete) in (False, "false", "0"):
            raise StillComputing(partial=bool(days))
