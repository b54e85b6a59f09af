"""Requests for campaign analytics that are about several campaigns at once."""

import logging
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

import requests
from airbyte_cdk.sources.declarative.requesters.http_requester import HttpRequester
from airbyte_cdk.sources.declarative.requesters.request_options import InterpolatedRequestOptionsProvider
from airbyte_cdk.sources.types import StreamSlice

from source_snov.analytics import LONGER_URL, is_empty, most_campaigns
from source_snov.answers import json_of
from source_snov.campaign_life import first_day
from source_snov.error_policy import RequestNotAccepted
from source_snov.once_per_sync import OncePerSyncRequester
from source_snov.record_types import to_utc
from source_snov.sync_shared import sync_shared

logger = logging.getLogger("airbyte.snov")

Rows = Sequence[Mapping[str, Any]]


@dataclass
class AnalyticsRequester(HttpRequester):
    """Works out once which parameters are the same in all its requests; the CDK would do so for each request.

    request_parameters: as of a requester of the CDK, which makes something of them for its own requesters only.
    """

    request_parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        def provider(names: Callable[[str], bool]) -> InterpolatedRequestOptionsProvider:
            chosen = {name: text for name, text in self.request_parameters.items() if names(text)}
            return InterpolatedRequestOptionsProvider(
                config=self.config, parameters=parameters, request_parameters=chosen
            )

        self.request_options_provider = provider(_is_of_a_slice)
        self._same = provider(lambda text: not _is_of_a_slice(text))
        super().__post_init__(parameters)

    @cached_property
    def _in_every_request(self) -> Mapping[str, Any]:
        return self._same.get_request_params()

    def get_request_params(self, **kwargs: Any) -> MutableMapping[str, Any]:
        return {**super().get_request_params(**kwargs), **self._in_every_request}


def _is_of_a_slice(template: str) -> bool:
    return "stream_" in template


@dataclass
class CampaignsRequester(AnalyticsRequester):
    """A requester that knows the campaigns.

    campaign_list: reads them.
    """

    campaign_list: OncePerSyncRequester = None  # type: ignore[assignment]  # a base class has defaults already

    def campaigns(self, started: bool) -> Rows:
        """The campaigns that were started, or those that never were: of the configured ones, if there are any."""
        answer = self.campaign_list.send_request()
        wanted = self.config.get("campaign_ids")
        return [
            row
            for row in (json_of(answer) if answer is not None else [])
            if _is_never_started(row) is not started and (not wanted or int(row["id"]) in wanted)
        ]


class _NeverStarted:
    """The answers about the campaigns of one sync that were never started, by campaign."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.by_campaign: dict[int, requests.Response] | None = None


@dataclass
class NeverStartedTogetherRequester(CampaignsRequester):
    """Asks once about all campaigns that were never started, and shares the answer if nothing happened in any."""

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
        rows = self.campaigns(started=False)
        size = most_campaigns(self.config, [row["id"] for row in rows])
        for group in (rows[start : start + size] for start in range(0, len(rows), size)):
            answer = self._ask(group, kwargs) if len(group) > 1 else None
            if answer is not None and is_empty(json_of(answer)):
                yield from ((int(row["id"]), answer) for row in group)

    def _ask(self, rows: Rows, kwargs: Mapping[str, Any]) -> requests.Response | None:
        """The answer about these campaigns since the first of them was created; None if the API refuses it."""
        together = StreamSlice(
            partition={"campaign_id": _listed(rows)},
            cursor_slice={},
            extra_fields={"created_at": min((_created(row) for row in rows), default="")},
        )
        try:
            return super().send_request(**{**kwargs, "stream_slice": together})
        except RequestNotAccepted:
            return None


class _Named:
    """Whether one sync names campaigns in the requests about senders: until the API refuses that."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.refused = False


@dataclass
class AllCampaignsRequester(CampaignsRequester):
    """Names all campaigns that were started, or the configured ones, as the slice's extra field `campaigns`.

    A request that names none is answered for the active ones only (API reference), or for all (knowledge base). It is
    made when there are more than a request can name, or when the API refuses them, with a warning.
    """

    def send_request(
        self, stream_state: Any = None, stream_slice: StreamSlice | None = None, *args: Any, **kwargs: Any
    ) -> requests.Response | None:
        named = sync_shared(self.api_budget, _Named)  # type: ignore[arg-type]  # never None here
        # A list without any would mean all.
        rows = self.campaigns(started=True) or [{"id": one} for one in self.config.get("campaign_ids") or ()]
        reason = f"There are {len(rows)}."
        if not named.refused and len(rows) <= most_campaigns(self.config, [row["id"] for row in rows], LONGER_URL):
            try:
                return self._ask(rows, stream_slice, kwargs)
            except RequestNotAccepted as refusal:
                reason = str(refusal.message)
        answer = self._ask([], stream_slice, kwargs)
        with named.lock:
            first, named.refused = not named.refused, True
        if first:
            logger.warning(
                f"{self.name}: one request cannot name all campaigns. {reason} Snov.io is asked without naming any, "
                "and may leave out those that are paused or completed. Set campaign_ids to choose campaigns."
            )
        return answer

    def _ask(self, rows: Rows, stream_slice: StreamSlice | None, kwargs: Mapping[str, Any]) -> requests.Response | None:
        asked = StreamSlice(
            partition=stream_slice.partition if stream_slice else {},
            cursor_slice={},
            extra_fields={"campaigns": _listed(rows)},
        )
        return super().send_request(**{**kwargs, "stream_slice": asked})


def _listed(rows: Rows) -> str:
    return ",".join(dict.fromkeys(str(row["id"]) for row in rows))


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
