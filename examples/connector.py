"""source-snov as PyAirbyte runs it: without asking the internet about it, and with the connector's own words.

Import this before PyAirbyte, which reads its settings when it is imported.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent

# Without the first, PyAirbyte asks Airbyte's online registry about the connector.
os.environ["AIRBYTE_OFFLINE_MODE"] = "1"
os.environ["DO_NOT_TRACK"] = "1"
os.environ.setdefault("AIRBYTE_LOGGING_ROOT", str(ROOT / ".tmp" / "logs"))
# PyAirbyte keeps the configuration, with the secret, in a file that everybody may read, in a folder that only we enter.
PRIVATE: Final = ROOT / ".tmp" / "private"
PRIVATE.mkdir(mode=0o700, parents=True, exist_ok=True)
os.environ.setdefault("AIRBYTE_TEMP_DIR", str(PRIVATE))
# Libraries that PyAirbyte imports tell from which version on they drop which Python.
warnings.simplefilter("ignore", FutureWarning)

import airbyte as ab  # noqa: E402
import yaml  # noqa: E402
from airbyte.exceptions import PyAirbyteError as PyAirbyteError  # noqa: E402

SOURCE: Final = "source-snov"


class Words(logging.Handler):
    """Keeps the connector's errors, and shows its warnings and how far it is: PyAirbyte writes them to a file only."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.levelno >= logging.ERROR:
            self.errors.append(text)
        elif record.levelno == logging.WARNING or " requests made in this sync" in text:
            print(text, file=sys.stderr)

    def reason(self, failure: PyAirbyteError) -> str:
        """Why a sync failed: in the connector's words if there are any, without its summary of them."""
        own = [t for t in dict.fromkeys(self.errors) if not t.startswith("During the sync, the following streams")]
        return "\n".join(own) or str((failure.context or {}).get("failure_reason") or failure.get_message())


def connector(config: Mapping[str, Any], words: Words) -> ab.Source:
    """The connector that is installed beside the Python that runs this. Raises PyAirbyteError if its check fails."""
    executable = Path(sys.executable).with_name(SOURCE)
    source = ab.get_source(SOURCE, local_executable=executable, config=dict(config))
    logger = logging.getLogger(f"airbyte.{SOURCE}")
    # PyAirbyte keeps the logger for the next sync of this process, whose words would be shown twice.
    logger.handlers = [handler for handler in logger.handlers if not isinstance(handler, Words)] + [words]
    source.check()
    return source


def suggested_streams() -> Sequence[str]:
    """The streams that answer most questions, as the connector's metadata suggests them."""
    metadata = yaml.safe_load((ROOT / "metadata.yaml").read_text())
    streams: list[str] = metadata["data"]["suggestedStreams"]["streams"]
    return streams
