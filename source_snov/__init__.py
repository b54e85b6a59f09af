"""Airbyte source connector for Snov.io."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_snov.source import SourceSnov

__all__ = ["SourceSnov"]


def __getattr__(name: str) -> Any:
    # Importing it takes seconds, which the command `spec` does without.
    if name != "SourceSnov":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from source_snov.source import SourceSnov

    return SourceSnov
