"""The records of all streams of the demo account, compared with schemas, keys, the account and each other."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox.endpoints.activity import TYPES as ACTIVITY_TYPES
from sandbox.endpoints.prospects import addresses
from sandbox.endpoints.recipients import statuses
from sandbox.endpoints.replies import TYPES as REPLY_TYPES
from sandbox.endpoints.sequence import sequence
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.account import Account, Event
from sandbox.world.events import CLICK, EMAILS, FINISHED, OPEN, REPLY
from sandbox.world.warm_up_days import by_provider, daily
from unit_tests._daily import TODAY
from unit_tests._helpers import logs, records
from unit_tests._names import CORE, DAILY, STREAMS
from unit_tests._streams import OPTIONAL, REPORTS, primary_keys, rows_of, schema, strict, synced, utc

KEPT = (0, 4, 6, 9, 13, 14, 17, 21, 22, 23, 34, 36, 37, 46)
"""Positions of demo campaigns that cover each status and channel; the others are deleted, to save time."""


@pytest.fixture(scope="module")
def account() -> Account:
    made = seeds.demo_account(today=TODAY)
    for place, campaign in enumerate(list(made.campaigns)):
        if place not in KEPT:
            made.remove_campaign(campaign)
    return made


@pytest.fixture(scope="module")
def output(account: Account) -> Iterator[EntrypointOutput]:
    streams = [stream for stream in STREAMS if stream != DAILY]
    with Sandbox(account, UNLIMITED) as sandbox:
        yield synced(sandbox, *streams, report_owners=account.owners())


@pytest.fixture(scope="module")
def keys() -> dict[str, list[str]]:
    return primary_keys()


def test_the_streams_listed_here_are_those_of_the_source(keys: dict[str, list[str]]) -> None:
    assert sorted(keys) == sorted({*CORE, *OPTIONAL, *REPORTS})


MOST = (*OPTIONAL, *(stream for stream in REPORTS if stream != DAILY))


@pytest.mark.parametrize("stream", MOST)
def test_every_record_fits_its_schema_and_has_its_fields_in_order(output: EntrypointOutput, stream: str) -> None:
    found = records(output, stream)
    assert found
    validator = strict(stream)
    properties = list(schema(stream)["properties"])
    for record in found:
        assert list(record) == [name for name in properties if name in record]
        validator.validate(record)


@pytest.mark.parametrize("stream", MOST)
def test_the_primary_key_is_unique_and_never_null(
    output: EntrypointOutput, keys: dict[str, list[str]], stream: str
) -> None:
    found = rows_of(output, stream, *keys[stream])
    assert set(found.values()) == {1}
    assert not any(value in (None, "") for key in found for value in key)


def test_the_only_warning_is_about_the_started_campaign_without_a_list(
    output: EntrypointOutput, account: Account
) -> None:
    [without] = [
        campaign.id for campaign in account.campaigns.values() if campaign.started_at and campaign.list_id is None
    ]
    assert logs(output, "WARN") == [
        f"recipient_statuses: campaign {without} has no prospect list, so nobody in it can be asked about."
    ]


# The truth -----------------------------------------------------------------------------------------------------------


def _events(account: Account, kinds: Any) -> Iterator[tuple[int, Event]]:
    for campaign in account.campaigns:
        for event in account.events(campaign):
            if event.kind in kinds:
                yield campaign, event


def _mails(account: Account, *kinds: str) -> Counter[tuple[Any, ...]]:
    """Events of e-mails. Two of the same e-mail in the same second count once, because nothing distinguishes them."""
    found = {(campaign, event.recipient, event.step, event.at) for campaign, event in _events(account, kinds)}
    return Counter((campaign, utc(at), account.recipients[who].email) for campaign, who, _, at in found)


def _activity(account: Account) -> Counter[tuple[Any, ...]]:
    return Counter(
        (campaign, utc(event.at), ACTIVITY_TYPES[event.kind], account.recipients[event.recipient].name)
        for campaign, event in _events(account, ACTIVITY_TYPES)
    )


def _replies(account: Account) -> Counter[tuple[Any, ...]]:
    """One per person and type, with the time of the first reply."""
    found: defaultdict[tuple[int, int, str], list[int]] = defaultdict(list)
    for campaign, event in _events(account, REPLY_TYPES):
        found[campaign, event.recipient, REPLY_TYPES[event.kind]].append(event.at)
    return Counter(
        (campaign, account.recipients[who].name, kind, utc(min(times)))
        for (campaign, who, kind), times in found.items()
    )


def _lists(account: Account, deleted: bool = True) -> dict[int, tuple[int, ...]]:
    """The people in each list."""
    of_campaigns = {one.list_id: one.recipients for one in account.campaigns.values() if one.list_id is not None}
    others = {one.id: one.members for one in account.belongings.lists if deleted or one.deleted_at is None}
    return of_campaigns | others


def _warm_up_days(account: Account) -> Counter[tuple[Any, ...]]:
    return Counter(
        (one.id, str(day), *counts.values())
        for one in account.belongings.warm_ups
        if one.ready
        for day, counts in daily(one, one.start, account.today).items()
    )


def _contents(account: Account) -> Counter[tuple[Any, ...]]:
    """In the demo, e-mails follow each other, so their positions are their places among all e-mails."""
    return Counter(
        (
            campaign.id,
            int(step["_ref"]),
            variant["id"],
            position,
            step["subject"],
            variant["usage"],
            variant["plain_text"],
        )
        for campaign in account.campaigns.values()
        for position, step in enumerate(
            (step for step in sequence(campaign)["steps"] if step["type"] == "email"), start=1
        )
        for variant in step["content"]
    )


def _statuses(account: Account) -> Counter[tuple[Any, ...]]:
    """Some people have a former address too, which is not in the campaign."""
    return Counter(
        (campaign.id, address, True, status)
        if address == account.recipients[person].email
        else (campaign.id, address, False, None)
        for campaign in account.campaigns.values()
        if campaign.list_id is not None
        for person, status in statuses(account, campaign.id).items()
        for address in addresses(account.recipients[person])
    )


def _providers(account: Account) -> Counter[tuple[Any, ...]]:
    first = account.today - timedelta(days=29)
    return Counter(
        (one.id, provider, figures["count"], figures["spam"], figures["percent"], figures.get("categories"))
        for one in account.belongings.warm_ups
        if one.ready
        for provider, figures in by_provider(one, daily(one, first, account.today)).items()
    )


MAIL = ("campaign_id", "occurred_at", "prospect_email")
TRUTH = {
    "campaign_recipients_activity": (("campaign_id", "event_time", "event_type", "recipient_name"), _activity),
    "campaign_replies": (("campaign_id", "prospect_name", "reply_type", "received_at"), _replies),
    "emails_sent": (("campaign_id", "occurred_at", "user_email"), lambda account: _mails(account, *EMAILS)),
    "email_opens": (MAIL, lambda account: _mails(account, OPEN)),
    "email_clicks": (MAIL, lambda account: _mails(account, CLICK)),
    "email_replies": (MAIL, lambda account: _mails(account, REPLY)),
    "finished_prospects": (
        ("campaign_id", "user_name", "user_email"),
        lambda account: Counter(
            (campaign, account.recipients[who].name, account.recipients[who].email)
            for campaign, who in {(campaign, one.recipient) for campaign, one in _events(account, {FINISHED})}
        ),
    ),
    "campaign_settings": (
        ("id", "title"),
        lambda account: Counter((one.id, one.name) for one in account.campaigns.values()),
    ),
    "campaign_step_contents": (
        ("campaign_id", "step_id", "content_id", "position", "subject", "usage", "plain_text"),
        _contents,
    ),
    "recipient_statuses": (("campaign_id", "email", "exist", "status"), _statuses),
    "linkedin_accounts": (
        ("id", "username"),
        lambda account: Counter((one.id, one.address) for one in account.linkedin_senders.values()),
    ),
    "sender_email_accounts": (
        ("id", "email_from"),
        lambda account: Counter((one.id, one.address) for one in account.email_senders.values()),
    ),
    "warm_ups": (
        ("id", "status"),
        lambda account: Counter((one.id, one.status) for one in account.belongings.warm_ups),
    ),
    "warm_up_daily_statistics": (
        (
            "warm_up_id",
            "date",
            "emails_sent",
            "replies",
            "bounces",
            "spam_emails",
            "inbox_emails",
            "categories_emails",
            "scheduled",
        ),
        _warm_up_days,
    ),
    "warm_up_provider_statistics": (
        ("warm_up_id", "provider", "count", "spam", "percent", "categories"),
        _providers,
    ),
    "prospect_lists": (
        ("id", "contacts"),
        lambda account: Counter((number, len(people)) for number, people in _lists(account).items()),
    ),
    "list_prospects": (
        ("list_id", "name"),
        lambda account: Counter(
            (number, account.recipients[who].name)
            for number, people in _lists(account, deleted=False).items()
            for who in people
        ),
    ),
    "prospect_custom_fields": (
        ("label", "type", "required"),
        lambda account: Counter((one.label, one.type, one.required) for one in account.belongings.custom_fields),
    ),
    "sending_schedules": (
        ("id", "timezone"),
        lambda account: Counter((one.id, one.timezone) for one in account.belongings.schedules),
    ),
    "do_not_email_lists": (
        ("id", "total"),
        lambda account: Counter((one.id, one.total) for one in account.belongings.blacklists),
    ),
    "pipelines": (
        ("id", "created_at", "deals_count"),
        lambda account: Counter(
            (one.id, f"{one.created}T00:00:00Z", sum(stage.deals for stage in one.stages))
            for one in account.belongings.pipelines
        ),
    ),
    "pipeline_stages": (
        ("pipeline_id", "id", "deals_value"),
        lambda account: Counter(
            (one.id, stage.id, stage.value) for one in account.belongings.pipelines for stage in one.stages
        ),
    ),
    "account_balance": (("balance",), lambda account: Counter([(float(account.credits),)])),
    "webhooks": (
        ("id", "created_at"),
        lambda account: Counter((one.id, utc(one.created_at)) for one in account.belongings.webhooks),
    ),
}


def test_each_stream_is_compared_with_the_account() -> None:
    """Here, or where analytics and reports are."""
    elsewhere = {*REPORTS, "campaigns", "campaign_analytics", "campaign_progress", "sender_analytics"}
    assert {*TRUTH} == {*STREAMS} - elsewhere


@pytest.mark.parametrize("stream", TRUTH)
def test_the_records_equal_the_account(account: Account, output: EntrypointOutput, stream: str) -> None:
    fields, truth = TRUTH[stream]
    assert rows_of(output, stream, *fields) == truth(account)


# Agreement -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analytics(output: EntrypointOutput) -> dict[int, dict[str, Any]]:
    return {record["campaign_id"]: record for record in records(output, "campaign_analytics")}


def _people(rows: list[dict[str, Any]], field: str) -> Counter[int]:
    """The number of distinct people per campaign."""
    return Counter(campaign for campaign, _ in {(row["campaign_id"], row[field]) for row in rows})


@pytest.mark.parametrize(
    ("metric", "stream", "field", "only"),
    [
        ("emails_sent", "emails_sent", "id", {}),
        ("emails_sent", "campaign_recipients_activity", "event_id", {"event_type": "sent"}),
        ("email_opens", "email_opens", "prospect_email", {}),
        ("email_opens", "campaign_recipients_activity", "recipient_email", {"event_type": "open"}),
        ("link_clicks", "email_clicks", "prospect_email", {}),
        ("link_clicks", "campaign_recipients_activity", "recipient_email", {"event_type": "click"}),
        ("email_replies", "email_replies", "prospect_email", {}),
        ("email_replies", "campaign_replies", "contact", {"reply_type": "email"}),
        ("connection_request_replies", "campaign_replies", "contact", {"reply_type": "linkedinInvite"}),
        ("message_replies", "campaign_replies", "contact", {"reply_type": "linkedinMessage"}),
        ("in_mail_replies", "campaign_replies", "contact", {"reply_type": "linkedinInMail"}),
        ("bounced", "campaign_recipients_activity", "recipient_email", {"event_type": "bounce"}),
        ("unsubscribed", "campaign_recipients_activity", "recipient_email", {"event_type": "unsubscribe"}),
        ("connection_requests", "campaign_recipients_activity", "event_id", {"event_type": "send_invite"}),
    ],
)
def test_events_agree_with_the_analytics_of_their_campaign(
    output: EntrypointOutput, analytics: dict[int, Any], metric: str, stream: str, field: str, only: dict[str, str]
) -> None:
    rows = [row for row in records(output, stream) if only.items() <= row.items()]
    expected = {campaign: row[metric] for campaign, row in analytics.items() if row[metric]}
    assert expected
    assert _people(rows, field) == expected


def test_settings_and_lists_agree_with_the_campaigns(output: EntrypointOutput) -> None:
    campaigns = {row["id"]: row for row in records(output, "campaigns")}
    settings = {row["id"]: row for row in records(output, "campaign_settings")}
    assert {one: row["title"] for one, row in settings.items()} == {
        one: row["campaign"] for one, row in campaigns.items()
    }
    lists = {row["id"]: row for row in records(output, "prospect_lists")}
    members = Counter(row["list_id"] for row in records(output, "list_prospects"))
    assert {row["list_id"] for row in campaigns.values() if "list_id" in row} <= set(lists)
    assert members == {one: row["contacts"] for one, row in lists.items() if row["contacts"] and not row["is_deleted"]}


def test_warm_ups_agree_with_their_days(output: EntrypointOutput) -> None:
    spam = Counter[int]()
    for row in records(output, "warm_up_daily_statistics"):
        spam[row["warm_up_id"]] += row["spam_emails"]
    ready = {row["id"]: row["total_saved_from_spam"] for row in records(output, "warm_ups") if row["id"] in spam}
    assert ready == spam
