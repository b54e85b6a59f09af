"""`GET /v2/campaigns/{id}` and `GET /v2/campaigns/schedules`: how a campaign is set up (API reference 2.2, 2.3).

`GET /v2/campaigns/{id}/steps/{id}/content/{id}`: what its mails say (2.4).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.routing import Route

from sandbox.endpoints.sequence import content, sequence
from sandbox.endpoints.web import get, missing
from sandbox.state import State
from sandbox.world.account import Account, Campaign
from sandbox.world.belongings import Schedule

STATUSES: Final = {"Draft": "new", "Active (On hold)": "active", "Automatically paused": "paused"}
"""Statuses that this endpoint spells differently, apart from lower case; the last two are guesses."""

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def campaign_info_routes(state: State) -> list[Route]:
    """The paths of campaigns and schedules."""
    return [
        get(state, "/v2/campaigns/schedules", _schedules),
        get(state, "/v2/campaigns/{campaign_id:int}", _campaign),
        get(state, "/v2/campaigns/{campaign_id:int}/steps/{step_id:int}/content/{content_id:int}", _content),
    ]


def _schedules(state: State, request: Request) -> dict[str, Any]:
    return {"data": [_schedule(one) for one in state.account.belongings.schedules]}


def _schedule(one: Schedule) -> dict[str, Any]:
    days = [
        {"day": name, "enabled": number in one.days, "start_time": one.start_time, "end_time": one.end_time}
        for number, name in enumerate(WEEKDAYS)
    ]
    return {"id": one.id, "name": one.name, "timezone": one.timezone, "days": days}


def _campaign(state: State, request: Request) -> dict[str, Any]:
    campaign = state.account.campaigns.get(request.path_params["campaign_id"])
    if campaign is None:
        raise missing()
    return {"success": True, "data": campaign_info(state.account, campaign)}


def _content(state: State, request: Request) -> dict[str, Any]:
    """Which ids the real API takes as `step_id` is a guess: `_ref` of the step."""
    asked = request.path_params
    campaign = state.account.campaigns.get(asked["campaign_id"])
    found = content(campaign, asked["step_id"], asked["content_id"]) if campaign else None
    if found is None:
        raise missing("Content")
    return {"data": found}


def campaign_info(account: Account, campaign: Campaign) -> dict[str, Any]:
    """The settings and the sequence of a campaign; `deals` only for campaigns that create deals."""
    schedules, blacklists = account.belongings.schedules, account.belongings.blacklists
    schedule = schedules[campaign.id % len(schedules)] if schedules else None
    info = {
        "id": campaign.id,
        "status": STATUSES.get(campaign.status, campaign.status.lower()),
        "title": campaign.name,
        "email_accounts": list(campaign.email_senders),
        "linkedin_accounts": list(campaign.linkedin_senders),
        "priority": ("low", "medium", "high")[campaign.id % 3],
        "tracking": {"open": True, "link_click": True},
        "sending_settings": _sending(campaign),
        "recipients": {
            "list_id": campaign.list_id,
            "black_list_id": blacklists[0].id if blacklists and campaign.id % 2 else None,
        },
        "schedule_id": schedule.id if schedule else None,
        "start_campaign_at": _start(account, campaign, schedule),
        "complete_campaign_at": None,
        "timezone": schedule.timezone if schedule else "UTC",
        "complete_campaign_after_last_step": campaign.status in ("Completed", "Archived"),
        "archive_in_months": (1, 2, 3, 6)[campaign.id % 4],
        "provider_matching": campaign.id % 5 == 0,
        "sequence": sequence(campaign),
    }
    if account.belongings.pipelines and campaign.id % 7 == 0:
        info["deals"] = _deals(account)
    return info


def _sending(campaign: Campaign) -> dict[str, Any]:
    return {
        "sending_priority": "follow_up" if campaign.id % 2 else "first_email",
        "daily_sending_all": None if campaign.id % 3 else 200,
        "daily_sending_new_recipients": 20 if campaign.id % 4 else None,
        "skip_unverifiable": True,
        "skip_unverified": False,
        "skip_who_replied": True,
        "skip_company_domain_who_replied": False,
        "skip_recipients_without_variables_data": True,
        "skip_other_recipients_email_addresses": True,
        "skip_recipients_added_to_my_another_campaign": False,
        "skip_recipients_added_to_team_another_campaign": False,
        "one_click_unsubscribe": True,
    }


def _start(account: Account, campaign: Campaign, schedule: Schedule | None) -> str | None:
    """The planned start in the campaign's own zone: in a week for a scheduled campaign, none for a draft."""
    hour = schedule.start_time if schedule else "08:30"
    if campaign.started_at is not None:
        return f"{datetime.fromtimestamp(campaign.started_at, UTC).date()} {hour}:00"
    return f"{account.today + timedelta(days=7)} {hour}:00" if campaign.status == "Scheduled" else None


def _deals(account: Account) -> dict[str, Any]:
    pipeline = account.belongings.pipelines[0]
    return {
        "event": ["reply", "click"],
        "pipeline_id": pipeline.id,
        "stage_id": pipeline.stages[0].id if pipeline.stages else None,
        "potential_value": 1500,
        "currency": "EUR",
    }
