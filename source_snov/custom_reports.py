"""Reports that the configuration defines: each is a stream, declared as the manifest's own reports are."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from importlib.resources import files
from typing import Any

from source_snov.incremental.periods import Period
from source_snov.records.values import plain_day


@dataclass(frozen=True)
class Split:
    """What a report has rows for. like: the stream that is declared for it. ids: the field that chooses some of these.

    demanded: whether that has to be given, since no endpoint lists them. excluded: filters of another channel.
    """

    like: str
    ids: str = ""
    demanded: bool = False
    excluded: str = ""


SPLITS: Mapping[str, Split] = {
    "account": Split("account_analytics_monthly"),
    "campaign": Split("campaign_analytics_monthly", "campaign_ids"),
    "sender_email": Split("sender_analytics_daily", "sender_email_ids", excluded="sender_linkedin_ids"),
    "sender_linkedin": Split("linkedin_sender_analytics", "sender_linkedin_ids", excluded="sender_email_ids"),
    "campaign_owner": Split("owner_analytics", "campaign_owners", demanded=True),
}

FILTERS = ("campaign_ids", "sender_email_ids", "sender_linkedin_ids", "campaign_owners", "start_date")

KEY_FIELDS = ("date", "week", "month", "date_from", "date_to")

DAY_FIELD: Mapping[str, Any] = {"type": "string", "format": "date"}


def problems(config: Mapping[str, Any], taken: Iterable[str]) -> Iterable[str]:
    """What is wrong with reports whose fields are valid each, in words. taken: names of other streams."""
    names = set(taken)
    every = set(config.get("campaign_ids", ()))
    for number, report in enumerate(config.get("custom_reports", ()), 1):
        here = f"entry {number} of custom_reports"
        if report["name"] in names:
            yield f"{here} has the name {report['name']}, which another stream has; choose another"
        names.add(report["name"])
        split = SPLITS[report["split_by"]]
        if split.demanded and not report.get(split.ids):
            yield f"{here} needs {split.ids}: no endpoint lists what {report['split_by']} stands for"
        if report.get(split.excluded):
            yield f"{here} is split by {report['split_by']}, which {split.excluded} contradicts; remove one of them"
        if report.get("start_date") and not plain_day(report["start_date"]):
            yield f"the start_date of {here} is not a day of the calendar; write it as YYYY-MM-DD"
        elif report.get("start_date", "") > (config.get("end_date") or str(datetime.now(timezone.utc).date())):
            yield f"the start_date of {here} is after the last day to be read; choose an earlier one"
        if every and not every.issuperset(report.get("campaign_ids", ())):
            yield f"{here} has campaign_ids that the source's own lack; add them there, or leave that list empty"


def declared(report: Mapping[str, Any], streams: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The stream of a report, for the manifest. streams: the manifest's own, by name."""
    split, period = SPLITS[report["split_by"]], Period(report["period"])
    like = streams[split.like]
    entity = [name for name in like["primary_key"] if name not in KEY_FIELDS]
    own = {Period.DAY: ["date"], Period.WHOLE: []}.get(period, [period.value])
    given = like["$parameters"]["history"]
    history = {name: given[name] for name in ("entities", "by_name") if name in given}
    history["chosen_by"] = split.ids
    if period is Period.DAY:
        history["parts"] = streams["campaign_analytics_daily"]["$parameters"]["history"]["parts"]
    return {
        "$ref": f"#/definitions/streams/{split.like}",
        "name": report["name"],
        "primary_key": [*entity, *own] or ["account"],
        "$parameters": {
            "name": report["name"],
            "schemas": {report["name"]: split.like},
            "history": {**history, "period": period.value, "cursor_field": own[0] if own else "date_to"},
            "filters": {name: report[name] for name in FILTERS if report.get(name)},
        },
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema(split.like, period)},
    }


def schema(like: str, period: Period) -> Mapping[str, Any]:
    """The JSON schema of the stream `like`, with the key of another period."""
    text = files(__package__).joinpath("schemas", f"{like}.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    fields = found["properties"]
    entity = {name: field for name, field in fields.items() if name.endswith(("_id", "_owner"))}
    metrics = {name: field for name, field in fields.items() if name not in entity and name not in KEY_FIELDS}
    days: dict[str, Any] = {}
    if period is Period.WHOLE and not entity:
        days["account"] = {"type": "string", "description": "Always `all`. Primary key."}
    if period is Period.DAY:
        days["date"] = {**DAY_FIELD, "description": "The day. Primary key, and cursor."}
    elif period is not Period.WHOLE:
        days[period.value] = {
            **DAY_FIELD,
            "description": f"First day of the {period.value}. Primary key, and cursor.",
        }
    if period is not Period.DAY:
        days["date_from"] = {**DAY_FIELD, "description": "First day that the row is about."}
        days["date_to"] = {**DAY_FIELD, "description": "Last day that the row is about, included."}
    description = f"One record per {_entity(entity)}, as configured in custom_reports; period: {period.value}."
    return {**found, "description": description, "properties": {**entity, **days, **metrics}}


def _entity(fields: Iterable[str]) -> str:
    return next(iter(fields), "account").removesuffix("_id").replace("_", " ") + " and period"
