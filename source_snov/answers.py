"""The JSON of an answer, read in one way by whoever judges it and by whoever takes the records from it.

The CDK's decoder reads bytes that are not strict UTF-8 as an empty object, without a failure.
"""

import json
import math
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import InitVar, dataclass
from threading import local
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.extractors.record_extractor import RecordExtractor
from airbyte_cdk.utils import AirbyteTracedException


class _Last(local):
    """The answer that a thread looked at last: parsed once for all who look at it one after the other.

    whole: whether it still carries its content.
    """

    response: requests.Response | None = None
    body: Any = None
    whole = False


_last = _Last()


def json_of(response: requests.Response) -> Any:
    """The parsed body, to be left as it is; for what is to be changed, see `take`.

    UTF-8, -16 or -32, with or without a byte order mark, else the charset of the header. What warehouses and JSON have
    no place for is replaced rather than the record lost: a byte or half a character that fits nothing by the
    replacement character, NaN and infinite numbers by null. Raises ValueError if it is not JSON.
    """
    if _last.response is not response or not _last.whole:
        _last.response = _last.body = None
        body = _parsed(response)
        _last.response, _last.body, _last.whole = response, body, True
    return _last.body


def take(response: requests.Response, under: str) -> Any:
    """What an answer carries (see `content_of`), for the one caller alone."""
    body = json_of(response)
    content = content_of(body, under)
    # What is left is small, and a page that was read need not stay until the next one.
    path, _, name = under.rpartition(".")
    around = content_of(body, path)
    _last.whole = False
    if name and isinstance(around, dict):
        around.pop(name, None)
    else:
        _last.body = None
    return content


def around_content_of(response: requests.Response) -> Any:
    """The body, of which the content may have been taken."""
    return _last.body if _last.response is response and _last.body is not None else json_of(response)


def _parsed(response: requests.Response) -> Any:
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
        content = take(response, self.under)
        for item in content if isinstance(content, list) else [content]:
            yield (content_of(item, self.each_under) or item) if self.each_under else item


@dataclass
class DaysOfAnswer(RecordExtractor):
    """One object per day out of a map from days to objects: each with its `date`.

    under: where the map stands in the body. An empty map may come as an empty array. Raises AirbyteTracedException
    (system_error) for a day with anything but an object.
    """

    parameters: InitVar[Any]
    under: str = ""

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
            yield {"date": day, **figures}
