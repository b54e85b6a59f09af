"""States as they would be if the sync had been made earlier, for tests and benchmarks. Imports nothing heavy."""

import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any


def earlier(stream_state: Mapping[str, Any], days: int = 1) -> dict[str, Any]:
    """The state of a stream as a sync made so many days earlier would have left it."""
    moved: dict[str, Any] = json.loads(json.dumps(stream_state))
    for entities in (moved[name] for name in moved if name != "unfinished"):
        for entity in entities.values() if isinstance(entities, dict) else ():
            for name in {"until", "checked_at"} & entity.keys():
                day = date.fromisoformat(entity[name][:10]) - timedelta(days=days)
                entity[name] = f"{day}{entity[name][10:]}"
            if "last_active" in entity:
                entity["last_active"] = min(entity["last_active"], entity["until"])
            # While the newest days are read, it follows `until`.
            if entity.get("next", "") > entity.get("since", ""):
                entity["next"] = str(date.fromisoformat(entity["next"]) - timedelta(days=days))
    if isinstance(moved.get("unfinished"), dict):
        moved["unfinished"]["day"] = str(date.fromisoformat(moved["unfinished"]["day"]) - timedelta(days=days))
    return moved
