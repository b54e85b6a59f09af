"""The connector in a process of its own, made from one that has the CDK imported already.

A module of its own because each such process imports it: importing PyAirbyte too would take seconds.
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
    """A running connector, and the pipe that it prints to."""
    receiving, sending = PROCESSES.Pipe(duplex=False)
    # As small as can be, so that it is not long ahead of its reader.
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
