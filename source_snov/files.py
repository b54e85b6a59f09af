"""Reads the files of a command: configuration, catalog, state. Errors never quote the file.

The CDK's own reading ends in a bare traceback and quotes the file, which may hold a secret.
"""

import json
import logging
import os
from contextlib import suppress
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    AirbyteStateType,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    Type,
)
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.failures import config_error

logger = logging.getLogger("airbyte.snov")

KINDS = {dict: "an object", list: "a list", str: "text", bool: "a boolean", int: "a number", float: "a decimal number"}


def kind_of(value: Any) -> str:
    """The type of a JSON value, in words."""
    return KINDS.get(type(value), "null")


def config_in(path: str) -> dict[str, Any]:
    """Reads a configuration file. Raises AirbyteTracedException (config_error)."""
    config = _json_in(path, "configuration", "--config")
    if not isinstance(config, dict):
        raise config_error(
            f"The configuration {path} must contain a JSON object, but contains {kind_of(config)}. "
            'It looks like {"client_id": "…", "client_secret": "…"}.'
        )
    return config


def catalog_in(path: str) -> ConfiguredAirbyteCatalog:
    """Reads a configured catalog. Raises AirbyteTracedException (config_error)."""
    found = _json_in(path, "catalog", "--catalog")
    try:
        catalog = ConfiguredAirbyteCatalogSerializer.load(found)
    except Exception as error:
        raise config_error(
            f"The catalog {path} is not a configured Airbyte catalog{_where(error)}. It must be an object with a list "
            "of streams, each with stream, sync_mode and destination_sync_mode; make it from the output of discover."
        ) from None
    if not catalog.streams:
        raise config_error(
            f"The catalog {path} selects no stream. Add at least one of the streams that discover prints."
        )
    names = [each.stream.name for each in catalog.streams]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise config_error(f"The catalog {path} selects {' and '.join(twice)} more than once. Remove the duplicates.")
    return catalog


def states_in(path: str | None) -> list[AirbyteStateMessage]:
    """Reads a state file: a list, JSON lines or a single object, of state messages or of a sync's whole output.

    Returns nothing without a file, or, with a warning, if it does not exist. The last state of each stream counts.
    Raises AirbyteTracedException (config_error).
    """
    if not path:
        return []
    try:
        os.stat(path)
    except FileNotFoundError:
        logger.warning(f"The state {path} does not exist: this sync reads everything, like a first sync.")
        return []
    except OSError:
        pass  # opening it reports the error
    found = _json_in(path, "state", "--state", lines=True)
    if not found:
        return []
    if not isinstance(found, list | dict):
        raise _not_states(path, f"it contains {kind_of(found)}")
    states = []
    for number, each in enumerate(found if isinstance(found, list) else [found], start=1):
        kind = each.get("type") if isinstance(each, dict) else None
        if kind not in OTHER_TYPES:
            states += _states_of(each["state"] if kind == "STATE" and "state" in each else each, path, number)
    if not states:
        raise _not_states(path, "it has only messages of other types")
    return states


OTHER_TYPES = [*(kind.value for kind in Type if kind != Type.STATE), "DEBUG"]
"""Types of the lines of a sync's output that are not states."""


def _states_of(entry: Any, path: str, number: int) -> list[AirbyteStateMessage]:
    try:
        state = AirbyteStateMessageSerializer.load(entry)
    except Exception as error:
        raise _not_states(path, f"entry {number} is not a state message{_where(error)}") from None
    if not state.stream and not state.data and not state.global_:
        raise _not_states(path, f"entry {number} has neither stream nor global nor data")
    if not state.global_:
        return [state]
    if state.global_.shared_state and vars(state.global_.shared_state):
        raise _not_states(path, f"entry {number} has a shared_state, so it is from another connector")
    # The CDK accepts a global state only as the single entry.
    return [AirbyteStateMessage(type=AirbyteStateType.STREAM, stream=each) for each in state.global_.stream_states]


def _not_states(path: str, problem: str) -> AirbyteTracedException:
    return config_error(
        f"The state {path} does not consist of Airbyte state messages: {problem}. Make it from the output of the "
        f'last sync, such as output.jsonl: grep \'"type":"STATE"\' output.jsonl > {path}. Without --state, everything '
        "is read again."
    )


def _json_in(path: str, what: str, option: str, lines: bool = False) -> Any:
    """lines: whether JSON lines are accepted too, as a list."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise config_error(
            f"The {what} {path} is not UTF-8 text (byte {error.start + 1}). Save it as UTF-8 and try again."
        ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a valid path"
        raise config_error(
            f"The {what} {path} cannot be read: {reason}. Give {option} a file that this user may read."
        ) from None
    if not text.strip():
        raise config_error(f"The {what} {path} is empty. Give {option} another file.")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if lines and (values := _lines_of(text)):
            return values
        problem = f"syntax error in line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        problem = "it has a number that is too long, or is nested too deeply"
    raise config_error(f"The {what} {path} is not JSON: {problem}. Correct it and try again.")


def _lines_of(text: str) -> list[Any]:
    """The values of JSON lines; empty for anything else. Skips an incomplete last line."""
    *lines, rest = text.split("\n")
    try:
        values = [json.loads(line) for line in lines if line.strip()]
    except (ValueError, RecursionError):
        return []
    with suppress(ValueError, RecursionError):
        values.append(json.loads(rest))
    return values


def _where(error: Exception) -> str:
    """The place of the error in the file, as the serializer knows it, without quoting the value."""
    details = getattr(error, "errors", None)
    path = getattr(details[0], "instance_path", "") if isinstance(details, list) and details else ""
    return f" (at {path[:80]})" if isinstance(path, str) and path else ""
