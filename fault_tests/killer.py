"""An executor for PyAirbyte that kills the connector, and delivers what it printed until then."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from signal import SIGKILL
from typing import IO, Any, Final

from airbyte._executors.base import Executor
from airbyte.exceptions import AirbyteSubprocessFailedError

import warehouse.load.connector  # noqa: F401  makes settings that PyAirbyte reads at import
from fault_tests.connector_process import start
from fault_tests.moments import TIMED, Course, Moment
from sandbox.running import Sandbox

ALL: Final = "all"
COVERED: Final = "covered"
NOTHING: Final = "nothing"


@dataclass(frozen=True)
class Run:
    """One run of the connector. moment: when it is killed, if at all.

    loaded: what reaches the tables if it is killed. ALL: everything that was printed, even a broken last line. COVERED:
    the same, without the records of a stream after its last state. NOTHING: the executor fails with the exit code, like
    PyAirbyte's own ones, and PyAirbyte drops everything.
    """

    loaded: str = ALL
    moment: Moment | None = None
    course: Course = field(default_factory=Course)


class Killer(Executor):
    """Runs the connector in a separate process, and kills it at the moment in `run`."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(name="source-snov")
        self._sandbox = sandbox
        self.run = Run()

    @property
    def _cli(self) -> list[str]:
        return []

    def ensure_installation(self, *, auto_fix: bool = True) -> None:
        """Does nothing: the connector is imported."""

    def install(self) -> None:
        """Does nothing, as above."""

    def uninstall(self) -> None:
        """Does nothing, as above."""

    def execute(self, args: list[str], **_: Any) -> Iterator[str]:
        run = self.run if args[0] == "read" else Run()
        course = run.course
        began, before = time.monotonic(), len(self._sandbox.requests)
        process, pipe = start(args)
        with open(pipe.fileno(), encoding="utf-8", errors="replace", closefd=False) as output:
            if run.moment and run.moment.kind in TIMED:
                reached = self._since(run.moment, began, before)
                threading.Thread(target=_kill_when, args=(process, reached), daemon=True).start()
            lines = _printed(output, run, process)
            yield from _covered(lines) if run.loaded == COVERED else lines
        pipe.close()
        process.join()
        # At a moment of the clock it may already have ended by itself. Output after a moment in the output is not read,
        # so it does not matter how far the process was ahead of its reader.
        course.killed = course.killed or process.exitcode != 0
        course.requests = len(self._sandbox.requests) - before
        course.seconds = time.monotonic() - began
        if course.killed and (run.loaded == NOTHING or not run.moment):
            raise AirbyteSubprocessFailedError(run_args=args, exit_code=process.exitcode or -SIGKILL)

    def _since(self, moment: Moment, began: float, before: int) -> Callable[[], bool]:
        if moment.kind == "requests":
            return lambda: len(self._sandbox.requests) - before >= moment.at
        return lambda: (time.monotonic() - began) * 1_000 >= moment.at


def _kill_when(process: BaseProcess, reached: Callable[[], bool]) -> None:
    while process.is_alive() and not reached():
        time.sleep(0.005)
    process.kill()


def _printed(output: IO[str], run: Run, process: BaseProcess) -> Iterator[str]:
    """The output until the process ends or is killed, line by line, as the reader of a pipe sees it."""
    moment, course = run.moment, run.course
    for line in output:
        names = _names(line)
        course.printed.update(names)
        course.broken = not line.endswith("\n")
        if moment and moment.kind in names and course.printed[moment.kind] >= moment.at:
            process.kill()
            course.killed = True
            part = line[: round(len(line) * moment.part)]
            course.broken = 0 < len(part) < len(line)
            if part != line:
                course.printed.subtract(names)
            if part:
                yield part
            return
        yield line


def _names(line: str) -> list[str]:
    """The names under which a line of the output counts."""
    message = _message(line)
    kind = str(message["type"])
    names = ["line", kind]
    if kind in ("RECORD", "STATE"):
        names.append(f"{kind} {_stream(message)}")
    if kind == "TRACE" and message["trace"].get("stream_status", {}).get("status") == "COMPLETE":
        names.append("COMPLETE")
    return names


def _message(line: str) -> dict[str, Any]:
    with suppress(ValueError):
        message: dict[str, Any] = json.loads(line)
        return message
    return {"type": "broken"}


def _stream(message: dict[str, Any]) -> str:
    if message["type"] == "RECORD":
        return str(message["record"]["stream"])
    return str(message["state"]["stream"]["stream_descriptor"]["name"])


def _covered(lines: Iterable[str]) -> Iterator[str]:
    """The lines without records after the last state of their stream."""
    whole = [(line, _message(line)) for line in lines]
    last_state = {_stream(message): place for place, (_, message) in enumerate(whole) if message["type"] == "STATE"}
    for place, (line, message) in enumerate(whole):
        if message["type"] != "RECORD" or place < last_state.get(_stream(message), 0):
            yield line
