"""Runs the connector through its entrypoint, and checks what every output must satisfy."""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.exception_handler import assemble_uncaught_exception
from airbyte_cdk.logger import AirbyteLogFormatter
from airbyte_cdk.models import AirbyteMessageSerializer

from source_snov import SourceSnov

FAILURE_TYPES = ("system_error", "config_error", "transient_error")
UNFORESEEN = ("Something went wrong in the connector", "exited with an unexpected error")
"""The CDK's messages for unexpected exceptions."""


class Said:
    """The output of a command: `lines`, each a JSON object, and `raised`, the exception that ended it, if any."""

    def __init__(self, lines: Sequence[str], raised: BaseException | None) -> None:
        self.lines = lines
        self.raised = raised
        self.messages: list[dict[str, Any]] = [json.loads(line, parse_constant=_reject_constant) for line in lines]

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of the messages of a type, such as RECORD, TRACE or CONNECTION_STATUS."""
        name = {"CONNECTION_STATUS": "connectionStatus"}.get(kind, kind.lower())
        return [message[name] for message in self.messages if message["type"] == kind]

    @property
    def errors(self) -> list[dict[str, Any]]:
        return [trace["error"] for trace in self.of("TRACE") if trace["type"] == "ERROR"]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [record["data"] for record in self.of("RECORD") if record["stream"] == stream]

    def statuses(self) -> list[str]:
        return [trace["stream_status"]["status"] for trace in self.of("TRACE") if trace["type"] == "STREAM_STATUS"]


def run(arguments: Sequence[str]) -> Said:
    """Runs a command in this process. Reports an exception as the connector's process would."""
    lines: list[str] = []
    raised: BaseException | None = None
    # The CDK's own test helpers set the level to debug and leave it there.
    logging.getLogger("airbyte").setLevel(logging.INFO)
    with _logged(lines):
        entrypoint = AirbyteEntrypoint(SourceSnov())
        try:
            lines.extend(entrypoint.run(entrypoint.parse_args(list(arguments))))
        except Exception as error:
            raised = error
            logging.getLogger("airbyte").fatal(error, exc_info=error)
            trace = assemble_uncaught_exception(type(error), error).as_airbyte_message()
            lines.append(orjson.dumps(AirbyteMessageSerializer.dump(trace)).decode())
    return Said(lines, raised)


def read(
    folder: Path,
    config: Any,
    *streams: str,
    state: Any = None,
    mode: str = "full_refresh",
    debug: bool = False,
) -> Said:
    """Runs `read` with these files. state: None for no file."""
    catalog = {
        "streams": [
            {
                "stream": {"name": name, "json_schema": {}, "supported_sync_modes": ["full_refresh", "incremental"]},
                "sync_mode": mode,
                "destination_sync_mode": "append",
            }
            for name in streams
        ]
    }
    arguments = ["read", "--config", write(folder / "config.json", config)]
    arguments += ["--catalog", write(folder / "catalog.json", catalog)]
    if debug:
        arguments.append("--debug")
    if state is not None:
        arguments += ["--state", write(folder / "state.json", state)]
    return run(arguments)


def write(path: Path, content: Any) -> str:
    """Writes the content, bytes unchanged and anything else as JSON. Returns the path."""
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)


def stream_state(stream: str, state: Any) -> list[Mapping[str, Any]]:
    """The content of a state file for one stream."""
    return [{"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": state}}]


def assert_explained(said: Said) -> None:
    """Checks that the connector expected every failure, with a failure type and a message."""
    for error in said.errors:
        assert error["failure_type"] in FAILURE_TYPES
        assert len(error["message"]) > 20
        assert not any(text in error["message"] for text in UNFORESEEN), error
    for message in said.messages:
        assert json.dumps(message, ensure_ascii=False).encode(), "a lone surrogate"


@contextmanager
def _logged(lines: list[str]) -> Iterator[None]:
    handler = _Lines(lines)
    handler.setFormatter(AirbyteLogFormatter())
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


class _Lines(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Lets exceptions of the formatter fail the test; the usual handler would print them to stderr."""
        self._lines.append(self.format(record))


def _reject_constant(text: str) -> float:
    raise AssertionError(f"{text} is not JSON")
