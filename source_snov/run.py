"""The command line: `source-snov spec | check | discover | read`.

Imports what a command needs only when it runs: `spec` does not need the CDK.
"""

import gc
import json
import logging
import os
import signal
import sys
import tempfile
from threading import Thread, Timer

from source_snov.output import open_output, watch_output
from source_snov.specification import specification

SECONDS_TO_FLUSH = 2.0
"""Seconds for the last flush, which a reader that has stopped reading would block forever."""


def run() -> None:
    open_output()
    arguments = sys.argv[1:]
    if arguments == ["spec"]:
        print(json.dumps({"type": "SPEC", "spec": specification()}, ensure_ascii=False, separators=(",", ":")))
        return

    # Imports leave hardly any garbage: collecting it would take 0.3 of 2.6 seconds of CPU time.
    gc.disable()
    from airbyte_cdk.entrypoint import launch
    from airbyte_cdk.exception_handler import init_uncaught_exception_handler

    from source_snov.api.exceptions import out_of_memory
    from source_snov.source import SourceSnov

    gc.enable()
    # Imported objects stay, so the collector need not scan them again and again.
    gc.freeze()

    # Every thread inherits the mask. A signal handler could interrupt a write mid-line.
    signals = {signal.SIGTERM}
    # A shell starts background jobs with SIGINT ignored: Ctrl-C is for the foreground job.
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signals.add(signal.SIGINT)
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    Thread(target=_end_on_signal, args=[signals], name="signals", daemon=True).start()
    watch_output()
    init_uncaught_exception_handler(logging.getLogger("airbyte"))
    _check_temporary_folder()
    try:
        # Without a command, the CDK would end with a traceback.
        launch(SourceSnov(), arguments or ["--help"])
    except MemoryError:
        raise out_of_memory("outside any stream") from None
    except RuntimeError as error:
        # Python has no exception type for too little memory or too few processes, only this text.
        if "start new thread" not in str(error):
            raise
        raise out_of_memory("or processes when it started a thread") from None


def _check_temporary_folder() -> None:
    """Raises AirbyteTracedException if the CDK cannot create its temporary folder."""
    from source_snov.failures import config_error

    try:
        tempfile.gettempdir()
    except FileNotFoundError as error:
        raise config_error(
            "There is no folder for temporary files that this user can write to, or its disk is full. Set "
            "TMPDIR to one (in Docker: --tmpfs /tmp), or free some space, then try again.",
            str(error),
        ) from None


def _end_on_signal(signals: set[signal.Signals]) -> None:
    """Waits for one of the signals, then flushes the output in whole lines and ends the process at once.

    A normal exit would wait for threads, which may sleep for minutes.
    """
    from airbyte_cdk.entrypoint import PRINT_BUFFER

    received = signal.sigwait(signals)
    Timer(SECONDS_TO_FLUSH, _end, [received]).start()
    with PRINT_BUFFER.lock:
        PRINT_BUFFER.flush()
        _end(received)


def _end(received: int) -> None:
    # Clients expect the process to die of the signal. The first process of a container does not, so it exits itself.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {received})
    os.kill(os.getpid(), received)
    os._exit(128 + received)
