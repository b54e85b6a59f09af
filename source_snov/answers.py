"""The JSON of an answer, read in one way by whoever judges it and by whoever takes the records from it.

The CDK's decoder reads bytes that are not strict UTF-8 as an empty object, without a failure.
"""

import json
from collections.abc import Iterable, MutableMapping
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


@dataclass
class WholeAnswer(RecordExtractor):
    """The objects of an array, or the one object that the body is; the error policy has let nothing else through."""

    parameters: InitVar[Any]

    def extract_records(self, response: requests.Response) -> Iterable[MutableMapping[Any, Any]]:
        body = json_of(response)
        yield from body if isinstance(body, list) else [body]
