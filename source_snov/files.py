"""The files that a command is given. What is wrong with one is said without a word of what stands in it.

The CDK reads these files too, but ends in a bare traceback, and its messages quote the file, which may hold a secret.
"""

import json
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
)
from airbyte_cdk.utils import AirbyteTracedException

LARGEST_CONFIG = 1_000_000
"""Bytes; the identifiers of all campaigns of a large account are a tenth of it."""

KINDS = {dict: "an object", list: "a list", str: "text", bool: "a truth value", int: "a number", float: "a number"}


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    return KINDS.get(type(value), "null")


def config_in(path: str) -> dict[str, Any]:
    """The object of a configuration file. Raises AirbyteTracedException (config_error)."""
    config = _json_in(path, "configuration", "--config", largest=LARGEST_CONFIG)
    if not isinstance(config, dict):
        raise _unreadable(
            f"The configuration {path} must hold a JSON object, and holds {kind_of(config)}. "
            'It looks like {"client_id": "…", "client_secret": "…"}.'
        )
    return config


def catalog_in(path: str) -> ConfiguredAirbyteCatalog:
    """The configured catalog of a file. Raises AirbyteTracedException (config_error)."""
    found = _json_in(path, "catalog", "--catalog")
    try:
        catalog = ConfiguredAirbyteCatalogSerializer.load(found)
    except Exception as error:
        raise _unreadable(
            f"The catalog {path} is not a configured catalog of Airbyte{_where(error)}. It is an object with a list of "
            "streams, each with stream, sync_mode and destination_sync_mode; make it from the output of discover."
        ) from None
    if not catalog.streams:
        raise _unreadable(
            f"The catalog {path} selects no stream. Put at least one of those that discover names into it."
        )
    names = [each.stream.name for each in catalog.streams]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _unreadable(f"The catalog {path} selects {' and '.join(twice)} more than once. Remove the repetition.")
    return catalog


def states_in(path: str | None) -> list[AirbyteStateMessage]:
    """The states of a file; none without a file, or of an empty list or object.

    Raises AirbyteTracedException (config_error).
    """
    found = _json_in(path, "state", "--state") if path else None
    if not found:
        return []
    if not isinstance(found, list):
        raise _not_states(path, f": it is {kind_of(found)}")
    states = []
    for number, each in enumerate(found):
        try:
            state = AirbyteStateMessageSerializer.load(each)
        except Exception as error:
            raise _not_states(path, f": entry {number + 1} is none{_where(error)}") from None
        if not state.stream and not state.data and not state.global_:
            raise _not_states(path, f": entry {number + 1} has neither stream nor global nor data")
        states.append(state)
    return states


def _not_states(path: str | None, problem: str) -> AirbyteTracedException:
    return _unreadable(
        f"The state {path} is not a list of Airbyte's state messages{problem}. Give what the last sync printed as "
        "STATE, or leave --state out to read everything anew."
    )


def _json_in(path: str, what: str, option: str, largest: int | None = None) -> Any:
    try:
        with open(path, "rb") as file:
            content = file.read() if largest is None else file.read(largest + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the path is none"
        raise _unreadable(
            f"The {what} {path} cannot be read: {reason}. Name a file that this user may read with {option}."
        ) from None
    if largest is not None and len(content) > largest:
        raise _unreadable(
            f"The {what} {path} has more than {largest:,} bytes, which no {what} needs. Name another with {option}."
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _unreadable(
            f"The {what} {path} is not UTF-8 text (byte {error.start + 1}). Save it in UTF-8 and try again."
        ) from None
    if not text.strip():
        raise _unreadable(f"The {what} {path} is empty. Name another file with {option}.")
    try:
        return json.loads(text, object_pairs_hook=_without_twins if largest else None, parse_constant=_no_constant)
    except _Twice as twice:
        raise _unreadable(f"The {what} {path} has {twice} twice in one object. Remove one of them.") from None
    except json.JSONDecodeError as error:
        problem = f"it breaks off or goes wrong in line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        problem = "it has numbers that are none, or is nested too deeply"
    raise _unreadable(f"The {what} {path} is not JSON: {problem}. Correct it and try again.")


class _Twice(Exception):
    """A name that an object has twice."""


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name if name.isidentifier() and len(name) <= 40 else "a name")
        found[name] = value
    return found


def _no_constant(text: str) -> None:
    raise ValueError("not JSON")


def _where(error: Exception) -> str:
    """Where a file is not of its form, as the serializers know it, without what stands there."""
    details = getattr(error, "errors", None)
    path = getattr(details[0], "instance_path", "") if isinstance(details, list) and details else ""
    return f" (at {path[:80]})" if isinstance(path, str) and path else ""


def _unreadable(message: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.config_error)
