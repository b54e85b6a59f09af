"""Runs the connector in a separate process, forked from one that has already imported the CDK.

A separate module, because each such process imports it: importing PyAirbyte too would take seconds.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Final

PROCESSES: Final = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["airbyte_cdk.entrypoint", "source_snov.run", "source_snov.source", __name__])

PAGE: Final = 4_096


def start(arguments: Sequence[str]) -> tuple[BaseProcess, Connection]:
    """Starts the connector. Returns its process and the pipe of its output."""
    receiving, sending = PROCESSES.Pipe(duplex=False)
    # As small as possible, so that the process does not run far ahead of its reader.
    fcntl.fcntl(sending.fileno(), fcntl.F_SETPIPE_SZ, PAGE)
    process = PROCESSES.Process(target=_connector, args=(arguments, sending))
    process.start()
    sending.close()
    return process, receiving


def _connector(arguments: Sequence[str], output: Connection) -> None:
    from source_snov.run import run

    os.dup2(output.fileno(), sys.stdout.fileno())
    output.close()
    sys.argv = ["source-snov", *arguments]
    run()
