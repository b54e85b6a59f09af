"""What one would write by hand: one request after the other, and each record as a line of JSON.

It has no pace, no repetition, no error handling and no typed records.

    python -m benchmarks.alternatives.loop config.json campaigns campaign_analytics > records.jsonl
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import requests

from benchmarks.alternatives.periods import EVENTS_WINDOW, ONE_DAY, day_of, windows

TIMEOUT = (15, 60)
PAGE = 1000

Record = dict[str, Any]


def main(config: dict[str, Any], streams: Sequence[str]) -> None:
    """Print every record of these streams."""
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {token(session, config)}"
        url = config["api_url"]
        for campaign in get(session, f"{url}/v1/get-user-campaigns"):
            for stream in streams:
                if stream == "campaigns":
                    write(stream, campaign)
                else:
                    for record in OF_CAMPAIGN[stream](session, url, campaign):
                        write(stream, {"campaign_id": campaign["id"], **record})


def write(stream: str, record: Record) -> None:
    """One record as a line of JSON."""
    print(json.dumps({"type": "RECORD", "stream": stream, "record": record}))


def analytics(session: requests.Session, url: str, campaign: Record) -> Iterator[Record]:
    """The totals of a campaign."""
    yield figures(session, url, campaign, str(day_of(campaign["created_at"])), str(datetime.now(timezone.utc).date()))


def analytics_by_day(session: requests.Session, url: str, campaign: Record) -> Iterator[Record]:
    """The figures of each day since a campaign was started."""
    for first, last in windows(campaign["started_at"], ONE_DAY):
        yield {"date": first, **figures(session, url, campaign, first, last)}


def figures(session: requests.Session, url: str, campaign: Record, first: str, last: str) -> Record:
    """What happened in a campaign over some days."""
    parameters = {"campaign_id": campaign["id"], "date_from": first, "date_to": last}
    answer: Record = get(session, f"{url}/v2/statistics/campaign-analytics", parameters)
    return answer


def progress(session: requests.Session, url: str, campaign: Record) -> Iterator[Record]:
    """How far a campaign is."""
    yield get(session, f"{url}/v2/campaigns/{campaign['id']}/progress")


def events(session: requests.Session, url: str, campaign: Record) -> Iterator[Record]:
    """Every event of a campaign."""
    for first, last in windows(campaign["started_at"], EVENTS_WINDOW):
        offset, more = 0, True
        while more:
            parameters = {"dateFrom": first, "dateTo": last, "limit": PAGE, "offset": offset}
            page = get(session, f"{url}/v2/campaigns/{campaign['id']}/recipients-activity", parameters)
            yield from page["data"]
            offset, more = offset + PAGE, page["pagination"]["has_more"]


OF_CAMPAIGN = {
    "campaign_analytics": analytics,
    "campaign_analytics_daily": analytics_by_day,
    "campaign_progress": progress,
    "campaign_recipients_activity": events,
}


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
    main(json.loads(Path(sys.argv[1]).read_text()), sys.argv[2:])
