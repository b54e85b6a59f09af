"""Runs source-snov through PyAirbyte, without the internet, and shows the connector's own messages.

Import this before PyAirbyte, which reads its settings at import.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent.parent

# Without this, PyAirbyte looks up the connector in Airbyte's online registry.
os.environ["AIRBYTE_OFFLINE_MODE"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.setdefault("AIRBYTE_LOGGING_ROOT", str(ROOT / ".tmp" / "logs"))
# PyAirbyte writes the configuration, with the secret, to a world-readable file. Only this user can enter this folder.
PRIVATE: Final = ROOT / ".tmp" / "private"
PRIVATE.mkdir(mode=0o700, parents=True, exist_ok=True)
os.environ.setdefault("AIRBYTE_TEMP_DIR", str(PRIVATE))
# Libraries that PyAirbyte imports announce which Python versions they will drop.
warnings.simplefilter("ignore", FutureWarning)

import airbyte as ab  # noqa: E402
import airbyte.exceptions as airbyte_exceptions  # noqa: E402
import yaml  # noqa: E402

# Its name from PyAirbyte 1.0 on, and before.
PyAirbyteError: type[Any] = getattr(airbyte_exceptions, "AirbyteLibError", None) or airbyte_exceptions.PyAirbyteError

SOURCE: Final = "source-snov"

PROGRESS: Final = (" requests made, about ", "This sync takes about ")
"""What the connector's log says of how long it takes."""


class Messages(logging.Handler):
    """Collects the connector's errors, and prints its progress. PyAirbyte only writes them to a file."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self.errors.append(text)
        elif any(words in text for words in PROGRESS):
            print(text, file=sys.stderr)

    def reason(self, failure: Any) -> str:
        """Why a sync failed: the connector's own errors if there are any, without its summary."""
        own = [t for t in dict.fromkeys(self.errors) if not t.startswith("During the sync, the following streams")]
        return "\n".join(own) or str((failure.context or {}).get("failure_reason") or failure.get_message())


def connector(config: Mapping[str, Any], messages: Messages) -> ab.Source:
    """The connector installed next to the running Python. Raises PyAirbyteError if its check fails."""
    executable = Path(sys.executable).with_name(SOURCE)
    source = ab.get_source(SOURCE, local_executable=executable, config=dict(config))
    logger = logging.getLogger(f"airbyte.{SOURCE}")
    # PyAirbyte reuses the logger for the next sync of this process, whose messages would be printed twice.
    logger.handlers = [handler for handler in logger.handlers if not isinstance(handler, Messages)] + [messages]
    source.check()
    return source


class Interrupted:
    """Has a source's next read load what it got before the connector failed.

    PyAirbyte loads at the end of a read, and loads nothing if the connector failed: all streams lose what hours of
    requests have brought because of one. Of a stream that was not read to its end, records and states that came are
    loaded together; where they would replace a table, they are not, and the table stays.

    failure: the connector's, if it failed. lacking: the streams that were not read to their end then. warnings: the
    connector's, which PyAirbyte writes to its log file as if they were not; they are printed too.
    """

    def __init__(self, source: ab.Source, replaces: bool) -> None:
        self.failure: Any = None
        self.lacking: list[str] = []
        self.warnings: list[str] = []
        self._source = source
        self._replaces = replaces
        source._read_with_catalog = self._messages  # type: ignore[method-assign,assignment]

    def warned_of(self, stream: str) -> bool:
        """Whether a warning was about this stream, such as that the account's plan does not include it."""
        return any(text.startswith((f"{stream}:", f"{stream} ")) for text in self.warnings)

    def _messages(self, catalog: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        complete = set()
        try:
            for message in type(self._source)._read_with_catalog(self._source, catalog, *arguments, **options):
                status = message.trace.stream_status if message.trace else None
                if status and status.status.value == "COMPLETE":
                    complete.add(status.stream_descriptor.name)
                if message.log and message.log.level.value == "WARN":
                    self.warnings.append(message.log.message)
                    print(message.log.message, file=sys.stderr)
                yield message
        except PyAirbyteError as failure:
            self.failure = failure
            self.lacking = [one.stream.name for one in catalog.streams if one.stream.name not in complete]
            if self._replaces:
                # PyAirbyte loads the streams of this catalog.
                catalog.streams = [one for one in catalog.streams if one.stream.name in complete]


def suggested_streams() -> Sequence[str]:
    """The streams that the connector's metadata suggests."""
    metadata = yaml.safe_load((ROOT / "metadata.yaml").read_text())
    streams: list[str] = metadata["data"]["suggestedStreams"]["streams"]
    return streams
