"""Logs a warning that many records repeat once, with a count."""

import logging
from collections.abc import Hashable
from dataclasses import dataclass, field
from threading import Lock

logger = logging.getLogger("airbyte.snov")


@dataclass
class _Notice:
    text: str
    level: int
    count: int = 0
    logged: int = 0
    about: set[Hashable] = field(default_factory=set)


class Notices:
    """The warnings of one sync. Get it with `api_budget.shared(Notices)`.

    Logs the first text of each key within a minute, and again at the end of the sync if it recurred.
    """

    def __init__(self) -> None:
        self._notices: dict[Hashable, _Notice] = {}
        self._lock = Lock()

    def add(self, key: Hashable, text: str, level: int = logging.WARNING, about: Hashable = None) -> None:
        """Counts one occurrence of `key`, such as a stream and a field.

        text: a sentence about this occurrence. about: its subject, which counts once even if several streams report it.
        """
        with self._lock:
            notice = self._notices.setdefault(key, _Notice(text, level))
            if about is None or about not in notice.about:
                notice.count += 1
                notice.about.add(about)

    def log(self, final: bool = False) -> None:
        """Logs new warnings; if `final`, also those that recurred since they were logged."""
        with self._lock:
            due = [one for one in self._notices.values() if not one.logged or (final and one.count > one.logged)]
            said = [(one.level, one.text, one.count) for one in due]
            for one in due:
                one.logged = one.count
        for level, text, count in said:
            logger.log(level, f"{text} ({count:,} times in this sync; this is the first.)" if count > 1 else text)
