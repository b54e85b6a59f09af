"""Airbyte source connector for Snov.io."""

from source_snov.source import SourceSnov

__all__ = ["SourceSnov"]
