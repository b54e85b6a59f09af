"""What one would write by hand: the connector's three endpoints, one request after the other, as JSON lines.

It is here to compare with: it has no pace, no repetition, no error handling and no typed records.

    python -m benchmarks.requests_loop config.json > records.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import requests

TIMEOUT = (15, 60)

Record = dict[str, Any]


def main(config: dict[str, Any]) -> None:
    """Print every record of every stream."""
    with requests.Session() as session:
        for stream, record in records(session, config):
            print(json.dumps({"stream": stream, "data": record}))


def records(session: requests.Session, config: dict[str, Any]) -> Iterator[tuple[str, Record]]:
    """Every record with the name of its stream."""
    url = config["api_url"]
    session.headers["Authorization"] = f"Bearer {token(session, config)}"
    today = datetime.now(timezone.utc).date().isoformat()
    for campaign in get(session, f"{url}/v1/get-user-campaigns"):
        yield "campaigns", campaign
        created = datetime.fromtimestamp(campaign["created_at"], timezone.utc).date().isoformat()
        period = {"campaign_id": campaign["id"], "date_from": created, "date_to": today}
        analytics = get(session, f"{url}/v2/statistics/campaign-analytics", period)
        yield "campaign_analytics", period | analytics
        progress = get(session, f"{url}/v2/campaigns/{campaign['id']}/progress")
        yield "campaign_progress", {"campaign_id": campaign["id"]} | progress


def token(session: requests.Session, config: dict[str, Any]) -> str:
    """A new access token."""
    credentials = {name: config[name] for name in ("client_id", "client_secret")}
    form = {"grant_type": "client_credentials", **credentials}
    answer = session.post(f"{config['api_url']}/v1/oauth/access_token", data=form, timeout=TIMEOUT)
    answer.raise_for_status()
    access_token: str = answer.json()["access_token"]
    return access_token


def get(session: requests.Session, url: str, parameters: dict[str, Any] | None = None) -> Any:
    """The JSON of an answer."""
    answer = session.get(url, params=parameters, timeout=TIMEOUT)
    answer.raise_for_status()
    return answer.json()


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text()))
