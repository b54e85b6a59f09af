"""What the components of one sync share.

The CDK builds an authenticator and an error handler for each requester, and a copy of every parent for each child.
The API budget is the one object it makes once a sync and hands to all of them, so it is what shared things hang on:
two syncs in one process share nothing, and all of it goes when the sync's budget goes.
"""

from threading import Lock
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from airbyte_cdk.sources.streams.call_rate import AbstractAPIBudget

T = TypeVar("T")

_shared: WeakKeyDictionary[AbstractAPIBudget, dict[type[Any], Any]] = WeakKeyDictionary()
_lock = Lock()


def sync_shared(api_budget: AbstractAPIBudget, kind: type[T]) -> T:
    """The sync's only instance of `kind`, which is made without arguments the first time somebody asks for it."""
    with _lock:
        instances = _shared.setdefault(api_budget, {})
        if kind not in instances:
            instances[kind] = kind()
        instance: T = instances[kind]
        return instance
