"""Requesters whose answers several slices of a sync share."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import requests
from airbyte_cdk.sources.declarative.interpolation.interpolated_string import InterpolatedString
from airbyte_cdk.sources.declarative.requesters.http_requester import HttpRequester
from airbyte_cdk.sources.declarative.requesters.request_options import InterpolatedRequestOptionsProvider
from airbyte_cdk.sources.types import StreamSlice

from source_snov.analytics import LONGER_URL, is_empty, most_campaigns
from source_snov.answers import json_of
from source_snov.campaign_life import first_day
from source_snov.error_policy import RequestNotAccepted
from source_snov.record_types import to_utc
from source_snov.sync_shared import sync_shared

logger = logging.getLogger("airbyte.snov")


class _Answers:
    """What was answered, or raised, for each URL (and page) of one sync."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.by_url: dict[str, requests.Response | Exception | None] = {}


@dataclass
class OncePerSyncRequester(HttpRequester):
    """Sends each request of a list (one per page) once a sync, however many streams ask for it at whatever moment.

    The CDK reads a parent once per child: its cache is not shared by requests under way at the same time. A failure is
    shared too, so that a list that cannot be read costs its tries once and not once per stream.
    """

    def send_request(self, *args: Any, **kwargs: Any) -> requests.Response | None:
        shared = sync_shared(self.api_budget, _Answers)  # type: ignore[arg-type]  # never None here
        page = (kwargs.get("next_page_token") or {}).get("next_page_token")
        key = self.get_url() if page is None else f"{self.get_url()} {page}"
        with shared.lock:
            if key not in shared.by_url:
                try:
                    shared.by_url[key] = super().send_request(*args, **kwargs)
                except Exception as error:
                    shared.by_url[key] = error
            answer = shared.by_url[key]
        if isinstance(answer, Exception):
            raise answer
        return answer


class _NeverStarted:
    """The answers about the campaigns of one sync that were never started, by campaign."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.by_campaign: dict[int, requests.Response] | None = None


class _Named:
    """Whether one sync names campaigns in the requests about senders: until the API refuses that."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.refused = False


@dataclass
class AllCampaignsRequester(HttpRequester):
    """Names all campaigns that have started, or the configured ones, as the slice's extra field `campaigns`.

    A request that names none is answered for the active ones only (API reference), or for all (knowledge base). It is
    made when there are more than a request can name, or when the API refuses them, with a warning.

    campaign_list: reads the campaign list. request_parameters: as of NeverStartedTogetherRequester.
    """

    campaign_list: OncePerSyncRequester = None  # type: ignore[assignment]  # a base class has defaults already
    request_parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config, parameters=parameters, request_parameters=self.request_parameters
        )
        super().__post_init__(parameters)

    def send_request(
        self, stream_state: Any = None, stream_slice: StreamSlice | None = None, *args: Any, **kwargs: Any
    ) -> requests.Response | None:
        named = sync_shared(self.api_budget, _Named)  # type: ignore[arg-type]  # never None here
        campaigns = self._campaigns()
        if not named.refused and len(campaigns) <= most_campaigns(self.config, campaigns, LONGER_URL):
            try:
                return self._ask(campaigns, stream_slice, kwargs)
            except RequestNotAccepted as refusal:
                reason = str(refusal.message)
        else:
            reason = f"There are {len(campaigns)}."
        with named.lock:
            first, named.refused = not named.refused, True
        if first:
            logger.warning(
                f"{self.name}: one request cannot name all campaigns. {reason} Snov.io is asked without naming any, "
                "and may leave out those that are paused or completed. Set campaign_ids to choose campaigns."
            )
        return self._ask([], stream_slice, kwargs)

    def _ask(
        self, campaigns: Sequence[int], stream_slice: StreamSlice | None, kwargs: Mapping[str, Any]
    ) -> requests.Response | None:
        asked = StreamSlice(
            partition=stream_slice.partition if stream_slice else {},
            cursor_slice={},
            extra_fields={"campaigns": ",".join(map(str, campaigns))},
        )
        return super().send_request(**{**kwargs, "stream_slice": asked})

    def _campaigns(self) -> list[int]:
        wanted: list[int] = self.config.get("campaign_ids") or []
        answer = self.campaign_list.send_request()
        rows = json_of(answer) if answer is not None else []
        started = [int(row["id"]) for row in rows if not _is_never_started(row)]
        # A list without any would mean all.
        return sorted({*started} & {*wanted} if wanted else {*started}) or wanted


@dataclass
class NeverStartedTogetherRequester(HttpRequester):
    """Asks once about all campaigns that were never started, and shares the answer if nothing happened in any of them.

    campaigns_url: where an OncePerSyncRequester has read the campaign list.
    request_parameters: as of a requester of the CDK, which makes something of them for its own requesters only.
    """

    campaigns_url: InterpolatedString | str = ""
    request_parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config, parameters=parameters, request_parameters=self.request_parameters
        )
        self._campaigns_url = InterpolatedString.create(self.campaigns_url, parameters=parameters)
        super().__post_init__(parameters)

    def send_request(
        self, stream_state: Any = None, stream_slice: StreamSlice | None = None, *args: Any, **kwargs: Any
    ) -> requests.Response | None:
        if stream_slice is not None and _is_never_started(stream_slice.extra_fields):
            shared = sync_shared(self.api_budget, _NeverStarted)  # type: ignore[arg-type]  # never None here
            with shared.lock:
                if shared.by_campaign is None:
                    shared.by_campaign = dict(self._settled_together(kwargs))
            if answer := shared.by_campaign.get(stream_slice["campaign_id"]):
                return answer
        return super().send_request(stream_state, stream_slice, *args, **kwargs)

    def _settled_together(self, kwargs: Mapping[str, Any]) -> Iterator[tuple[int, requests.Response]]:
        wanted = self.config.get("campaign_ids")
        rows = [row for row in self._campaigns() if _is_never_started(row)]
        rows = [row for row in rows if not wanted or int(row["id"]) in wanted]
        size = most_campaigns(self.config, [row["id"] for row in rows])
        for group in (rows[start : start + size] for start in range(0, len(rows), size)):
            campaigns = [int(row["id"]) for row in group]
            answer = self._ask(campaigns, group, kwargs) if len(group) > 1 else None
            if answer is not None and is_empty(json_of(answer)):
                yield from ((campaign, answer) for campaign in campaigns)

    def _ask(
        self, campaigns: Sequence[int], rows: Sequence[Mapping[str, Any]], kwargs: Mapping[str, Any]
    ) -> requests.Response | None:
        """The answer about these campaigns since the first of them was created; None if the API refuses it."""
        together = StreamSlice(
            partition={"campaign_id": ",".join(map(str, campaigns))},
            cursor_slice={},
            extra_fields={"created_at": min((_created(row) for row in rows), default="")},
        )
        try:
            return super().send_request(**{**kwargs, "stream_slice": together})
        except RequestNotAccepted:
            return None

    def _campaigns(self) -> Sequence[Mapping[str, Any]]:
        shared = sync_shared(self.api_budget, _Answers)  # type: ignore[arg-type]  # never None here
        answer = shared.by_url.get(self._campaigns_url.eval(self.config))
        rows: Sequence[Mapping[str, Any]] = json_of(answer) if isinstance(answer, requests.Response) else []
        return rows


def _is_never_started(campaign: Mapping[str, Any]) -> bool:
    try:
        return first_day(campaign.get("started_at"), campaign.get("created_at")) is None
    except ValueError:
        return False


def _created(campaign: Mapping[str, Any]) -> str:
    """When a campaign was created, in UTC; an empty text, before all others, if that cannot be read."""
    try:
        return to_utc(campaign.get("created_at"))
    except (ValueError, OverflowError, OSError):
        return ""
