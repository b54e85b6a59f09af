"""The JSON of an answer, read in one way by whoever judges it and by whoever takes the records from it.

The CDK's decoder reads bytes that are not strict UTF-8 as an empty object, without a failure.
"""

import json
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import InitVar, dataclass
from typing import Any

import requests
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor


def json_of(response: requests.Response) -> Any:
    """The parsed body: UTF-8, -16 or -32, with or without a byte order mark, else the charset of the header.

    A byte that fits nothing is replaced rather than the record lost. Raises ValueError if it is not JSON.
    """
    content = response.content
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        text = content.decode(response.encoding or "utf-8", errors="replace")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def content_of(body: Any, under: str) -> Any:
    """What an answer carries: the body itself, or what stands in it under a dotted path; None if that is not there."""
    for name in filter(None, under.split(".")):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


@dataclass
class Answer(RecordExtractor):
    """The objects of an array, or the one object; the error policy has let nothing else through.

    under: where they stand in the body, as a dotted path; empty if the body is no envelope.
    """

    parameters: InitVar[Any]
    under: str = ""

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        content = content_of(json_of(response), self.under)
        yield from content if isinstance(content, list) else [content]


@dataclass
class DaysOfAnswer(RecordExtractor):
    """One object per day out of a map from days to objects: each with its `date`.

    under: where the map stands in the body. An empty map may come as an empty array.
    """

    parameters: InitVar[Any]
    under: str = ""

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        days = content_of(json_of(response), self.under)
        if isinstance(days, Mapping):
            yield from ({"date": day, **figures} for day, figures in days.items() if isinstance(figures, Mapping))
