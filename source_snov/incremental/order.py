"""In which order a sync reads: the newest days of all histories before older ones, whichever stream they belong to."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from queue import PriorityQueue
from typing import Any

from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager

MAX_TASKS = 100_000
"""How many partitions may wait. What lists more of them waits too; a single worker would wait for itself."""


class NewestFirst(ThreadPoolManager):
    """The CDK's pool of workers, which reads partitions of a lower `part` first, else in the order of submission.

    Only older parts of a history have a part above 0. Tasks that generate a stream's partitions run before all of them,
    so that it is known early how many there are. The CDK's own pool reads partitions as they come: all of one stream's
    before those of the next.
    """

    def __init__(self, workers: ThreadPoolExecutor, logger: logging.Logger) -> None:
        super().__init__(workers, logger, MAX_TASKS)
        self._tasks: PriorityQueue[tuple[int, int, Callable[..., Any], Any]] = PriorityQueue()
        self._number = count()

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        self._tasks.put((getattr(args[0], "part", -1), next(self._number), function, args))
        super().submit(self._do_next)

    def _do_next(self) -> None:
        _, _, function, args = self._tasks.get_nowait()
        function(*args)
