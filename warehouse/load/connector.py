"""Runs source-snov through PyAirbyte, without the internet, and shows the connector's own messages.

Import this before PyAirbyte, which reads its settings at import.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
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
import yaml  # noqa: E402
from airbyte.exceptions import PyAirbyteError as PyAirbyteError  # noqa: E402

SOURCE: Final = "source-snov"

PROGRESS: Final = (" requests made, about ", "This sync takes about ")
"""What the connector's log says of how long it takes."""


class Messages(logging.Handler):
    """Collects the connector's errors, and prints its warnings and progress. PyAirbyte only writes them to a file."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self.errors.append(text)
        elif record.levelno == logging.WARNING or any(words in text for words in PROGRESS):
            print(text, file=sys.stderr)

    def reason(self, failure: PyAirbyteError) -> str:
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


def suggested_streams() -> Sequence[str]:
    """The streams that the connector's metadata suggests."""
    metadata = yaml.safe_load((ROOT / "metadata.yaml").read_text())
    streams: list[str] = metadata["data"]["suggestedStreams"]["streams"]
    return streams
