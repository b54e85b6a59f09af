"""Access to the objects that the components of one sync share.

The CDK builds an authenticator and an error handler per requester, and a copy of every parent per child. Only the API
budget is built once per sync and passed to all of them, so it holds the shared objects.
"""

from typing import Protocol, TypeVar

T = TypeVar("T")


class Shared(Protocol):
    """The API budget, as components see it that make no requests."""

    def shared(self, kind: type[T]) -> T:
        """The sync's only instance of `kind`, created without arguments on first use."""
