"""The JSON of an answer, read in one way by whoever judges it and by whoever takes the records from it.

The CDK's decoder reads bytes that are not strict UTF-8 as an empty object, without a failure.
"""

import json
import math
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import InitVar, dataclass
from typing import Any

import requests
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor


def json_of(response: requests.Response) -> Any:
    """The parsed body: UTF-8, -16 or -32, with or without a byte order mark, else the charset of the header.

    What warehouses and JSON have no place for is replaced rather than the record lost: a byte or half a character that
    fits nothing by the replacement character, NaN and infinite numbers by null. Raises ValueError if it is not JSON.
    """
    content = response.content
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        text = content.decode(response.encoding or "utf-8", errors="replace")
    try:
        body = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        # Half a character can only come as an escape, and few bodies have any of this kind.
        return _whole_characters(body) if "\\ud" in text or "\\uD" in text else body
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def _no_number(text: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _whole_characters(value: Any) -> Any:
    """The value without halves of UTF-16 pairs, which no UTF-8 has."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_whole_characters(name): _whole_characters(inner) for name, inner in value.items()}
    return [_whole_characters(inner) for inner in value] if isinstance(value, list) else value


def content_of(body: Any, under: str) -> Any:
    """What an answer carries: the body itself, or what stands in it under a dotted path; None if that is not there."""
    for name in filter(None, under.split(".")):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


@dataclass
class Answer(RecordExtractor):
    """The objects of an array, or the one object; the error policy has let nothing else through.

    under: where they stand in the body, as a dotted path; empty if the body is no envelope. each_under: where each
    stands in its own envelope, if it has one.
    """

    parameters: InitVar[Any]
    under: str = ""
    each_under: str = ""

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        content = content_of(json_of(response), self.under)
        for item in content if isinstance(content, list) else [content]:
            yield content_of(item, self.each_under) or item


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
