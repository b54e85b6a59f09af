"""Access to the objects that the components of one sync share.

The CDK builds an authenticator and an error handler per requester, and a copy of every parent per child. Only the API
budget is built once per sync and passed to all of them, so it holds the shared objects.
"""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar

T = TypeVar("T")


class Shared:
    """The API budget, as components see it that make no requests."""

    def __init__(self) -> None:
        self._instances: dict[type[Any], Any] = {}
        self._creating = Lock()

    def shared(self, kind: type[T]) -> T:
        """The sync's only instance of `kind`, created without arguments on first use."""
        with self._creating:
            if kind not in self._instances:
                self._instances[kind] = kind()
            instance: T = self._instances[kind]
            return instance


class Once:
    """A memo: each value is made once per key, by the first thread that needs it. Subclass it for each use."""

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
