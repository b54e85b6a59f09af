"""Parses the JSON of a response, once for the error handler and the extractors.

The CDK's decoder silently turns bytes that are not strict UTF-8 into an empty object.
"""

import json
import math
from collections.abc import Mapping
from threading import local
from typing import Any

import requests


class _Last(local):
    """The last response that a thread parsed. whole: whether its content is still in `body`."""

    response: requests.Response | None = None
    body: Any = None
    whole = False


_last = _Last()


def json_of(response: requests.Response) -> Any:
    """The parsed body. Callers must not change it; use `take` for that.

    Accepts UTF-8, UTF-16 and UTF-32, with or without a byte order mark, else the charset of the header. Invalid bytes,
    lone surrogates and NUL become the replacement character, NaN and infinite numbers null: warehouses cannot hold
    them. Raises ValueError if the body is not JSON.
    """
    if _last.response is not response or not _last.whole:
        _last.response = _last.body = None
        body = _parsed(response)
        _last.response, _last.body, _last.whole = response, body, True
    return _last.body


def take(response: requests.Response, under: str) -> Any:
    """The content of a response (see `content_of`). The caller owns it and may change it."""
    body = json_of(response)
    content = content_of(body, under)
    # Frees the page before the next one is read.
    path, _, name = under.rpartition(".")
    around = content_of(body, path)
    _last.whole = False
    if name and isinstance(around, dict):
        around.pop(name, None)
    else:
        _last.body = None
    return content


def around_content_of(response: requests.Response) -> Any:
    """The body, possibly without its content."""
    return _last.body if _last.response is response and _last.body is not None else json_of(response)


def _parsed(response: requests.Response) -> Any:
    content = response.content
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        text = content.decode(response.encoding or "utf-8", errors="replace")
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        body = json.loads(text, parse_constant=_null, parse_float=_finite)
        # Lone surrogates and NUL can only come as escapes, and few bodies have any.
        return _cleaned(body) if "\\ud" in text or "\\uD" in text or "\\u0000" in text else body
    except RecursionError:
        raise ValueError("The JSON is nested too deeply.") from None


def _null(text: str) -> None:
    return None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _cleaned(value: Any) -> Any:
    """The value without NUL, which Postgres rejects, and without lone surrogates, which UTF-8 cannot encode."""
    if isinstance(value, str):
        value = value.replace("\x00", "\ufffd")
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_cleaned(name): _cleaned(inner) for name, inner in value.items()}
    return [_cleaned(inner) for inner in value] if isinstance(value, list) else value


def content_of(body: Any, under: str) -> Any:
    """The value at a dotted path of the body; the body itself for an empty path; None if there is no such value."""
    for name in filter(None, under.split(".")):
        body = body.get(name) if isinstance(body, Mapping) else None
    return body
