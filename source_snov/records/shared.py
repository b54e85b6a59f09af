"""Access to the objects that the components of one sync share.

The CDK builds an authenticator and an error handler per requester, and a copy of every parent per child. Only the API
budget is built once per sync and passed to all of them, so it holds the shared objects.
"""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Shared(Protocol):
    """The API budget, as components see it that make no requests."""

    def shared(self, kind: type[T]) -> T:
        """The sync's only instance of `kind`, created without arguments on first use."""


class Once:
    """What is made once for each key, however many threads need it; a subclass for each use is what a sync shares."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: dict[Hashable, tuple[Lock, list[Any]]] = {}

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """If `make` raises, nothing is kept, and the next thread tries."""
        with self._lock:
            lock, made = self._made.setdefault(key, (Lock(), []))
        with lock:
            if not made:
                made.append(make())
            return made[0]
