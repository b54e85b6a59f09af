"""Requests that streams share, and requests for totals."""

import logging
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from threading import Lock
from typing import Any

import requests
from airbyte_cdk.sources.declarative.requesters.http_requester import HttpRequester
from airbyte_cdk.sources.declarative.requesters.request_options import InterpolatedRequestOptionsProvider
from airbyte_cdk.sources.types import StreamSlice

from source_snov.api.all_campaigns import AllCampaigns
from source_snov.api.assumptions import BELIEVED_DAYS, DAY, Aggregate, Assumptions, LastDay, Refused
from source_snov.api.budget import SnovBudget
from source_snov.api.exceptions import EntityNotFound, RequestNotAccepted, again, filter_ignored
from source_snov.records.analytics import LONGER_URL, actions, is_empty, most_campaigns
from source_snov.records.body import json_of
from source_snov.records.first_day import day_of, is_started
from source_snov.records.listing import Listing
from source_snov.records.notices import Notices
from source_snov.records.shared import Once

logger = logging.getLogger("airbyte.snov")

Rows = Sequence[Mapping[str, Any]]


class _Answers(Once):
    """What was answered, or raised, for each URL (and page) of one sync."""


@dataclass
class SharedRequester(HttpRequester):
    """Sends each request (one per page of a list) once a sync, however many streams need it.

    The CDK reads a parent once per child: its cache is not shared by requests under way at the same time. A failure is
    shared too, so that a list that cannot be read costs its tries once and not once per stream.
    """

    api_budget: SnovBudget = None  # type: ignore[assignment]  # a base class has defaults already

    def send_request(self, *args: Any, **kwargs: Any) -> requests.Response | None:
        page = (kwargs.get("next_page_token") or {}).get("next_page_token")
        # A listing that is read again is not read from what came before.
        passes = self.api_budget.shared(Listing).passes
        url = self.get_url(stream_slice=kwargs.get("stream_slice"))
        key = url if page is None else (url, page, passes)
        answer = self.api_budget.shared(_Answers).get(key, partial(self._answer, args, kwargs))
        if isinstance(answer, Exception):
            raise again(answer)
        return answer  # type: ignore[no-any-return]

    def _answer(self, args: Any, kwargs: Any) -> requests.Response | Exception | None:
        try:
            return super().send_request(*args, **kwargs)
        except Exception as error:
            return again(error)


LAST_DAY, SPAN = "last day", "span"


class Looks(Once):
    """What a sync looks for beside its totals, once each: LAST_DAY, SPAN."""


def with_fields(stream_slice: StreamSlice | None, **further: Any) -> StreamSlice:
    """The slice with further extra fields."""
    given = stream_slice or StreamSlice(partition={}, cursor_slice={})
    return StreamSlice(
        partition=given.partition,
        cursor_slice=given.cursor_slice,
        extra_fields={**given.extra_fields, **further},
    )


@dataclass
class CampaignsRequester(HttpRequester):
    """A requester of totals up to a last day that knows the campaigns.

    campaign_list: reads them. request_parameters: of which the CDK makes something for its own requesters only. A slice
    may name the days that are sent, as extra fields `date_from` and `date_to`.
    """

    api_budget: SnovBudget = None  # type: ignore[assignment]  # a base class has defaults already
    campaign_list: SharedRequester = None  # type: ignore[assignment]
    request_parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self.request_options_provider = InterpolatedRequestOptionsProvider(
            config=self.config, parameters=parameters, request_parameters=self.request_parameters
        )
        super().__post_init__(parameters)

    def get_request_params(self, *, stream_slice: StreamSlice | None = None, **kwargs: Any) -> MutableMapping[str, Any]:
        params = super().get_request_params(stream_slice=stream_slice, **kwargs)
        last_day = self.api_budget.shared(LastDay)
        params["date_to"] = str(last_day.date_to_of_total(date.fromisoformat(params["date_to"])))
        asked = stream_slice.extra_fields if stream_slice else {}
        return {**params, **{name: asked[name] for name in ("date_from", "date_to") if name in asked}}

    def send_request(
        self, stream_state: Any = None, stream_slice: StreamSlice | None = None, *args: Any, **kwargs: Any
    ) -> requests.Response | None:
        """The response, without the day after today if the API refuses that."""
        last_day = self.api_budget.shared(LastDay)
        end = date.fromisoformat(self.config["end_date"])
        if end < last_day.today:
            self._find_out(last_day, end, kwargs)
        self.api_budget.shared(Looks).get(SPAN, partial(self._check_span, end, kwargs))
        answer = self._send(last_day, end, {**kwargs, "stream_slice": stream_slice})
        if last_day.future_refused and end >= last_day.today:
            self._find_out(last_day, last_day.today - DAY, kwargs)
            if last_day.included is False:
                text = (
                    f"{self.name}: figures are those until yesterday, although date_to names today: Snov.io leaves the "
                    "last day of a period out, and takes no day after today."
                )
                self.api_budget.shared(Notices).add((self.name, "until yesterday"), text)
        return answer

    def _send(self, last_day: LastDay, end: date, asked: Mapping[str, Any]) -> requests.Response | None:
        asked_to = last_day.date_to_of_total(end)
        try:
            answer = super().send_request(**asked)
        except (RequestNotAccepted, EntityNotFound):
            if last_day.future_refused is False or asked_to <= last_day.today:
                raise
            if last_day.future_refused:
                # Another thread has found it out meanwhile.
                return super().send_request(**asked)
            last_day.future_refused = True
            try:
                return super().send_request(**asked)
            except (RequestNotAccepted, EntityNotFound):
                # It is not about the day.
                last_day.future_refused = False
                raise
        if asked_to > last_day.today and answer is not None:
            if not is_empty(json_of(answer)):
                last_day.future_refused = last_day.future_refused or False
            elif last_day.doubts_future:
                until_today = with_fields(asked["stream_slice"], date_to=str(last_day.today))
                without = super().send_request(**{**asked, "stream_slice": until_today})
                if without is not None and not is_empty(json_of(without)):
                    last_day.future_refused = True
                    return without
        return answer

    def _find_out(self, last_day: LastDay, end: date, kwargs: Mapping[str, Any]) -> None:
        """Finds out, if no stream has yet, whether `date_to` includes its day: totals of a period that is over depend
        on it.
        """
        if last_day.included is None:
            self.api_budget.shared(Looks).get(LAST_DAY, partial(self._search, last_day, end, kwargs))

    def _search(self, last_day: LastDay, end: date, kwargs: Mapping[str, Any]) -> None:
        ids, first = self._period(end)
        assumptions = Assumptions(partial(self._total, kwargs), last_day, most_campaigns(self.config, ids))
        while ids and last_day.included is None:
            assumptions.search(ids[: assumptions.most_campaigns], min(first, end), end)
            ids = ids[assumptions.most_campaigns :]

    def _check_span(self, end: date, kwargs: Mapping[str, Any]) -> None:
        """Looks whether a long period has the actions of both its halves, and warns if it has not.

        No document says how long a period may be (API reference 2.8). Whether a last day is left out makes no
        difference: then the halves lack a day more than the whole.
        """
        ids, first = self._period(end)
        if not ids or (end - first).days <= 2 * BELIEVED_DAYS:
            return
        ask = partial(self._total, kwargs, ids[: most_campaigns(self.config, ids)])
        middle = first + (end - first) // 2
        try:
            # Figures only grow: the whole, asked for last, has at least what its halves had.
            halves = ask(first, middle).actions + ask(middle + DAY, end).actions
            whole = ask(first, end).actions
        except Refused:
            return
        if whole < halves:
            logger.warning(
                f"{self.name}: in requests about many days, Snov.io leaves some out: from {first} to {end} it counts "
                "less than in the two halves of this period. campaign_analytics and sender_analytics may be "
                "incomplete: set a later start_date."
            )

    def _period(self, end: date) -> tuple[Sequence[int], date]:
        """The started campaigns, and the first day of their totals."""
        rows = self.campaigns()
        first = self.config.get("start_date") or min(map(_created, rows), default="") or str(end)
        return [int(row["id"]) for row in rows], date.fromisoformat(first)

    def _total(self, kwargs: Mapping[str, Any], campaigns: Sequence[int], date_from: date, date_to: date) -> Aggregate:
        listed = ",".join(map(str, campaigns))
        asked = StreamSlice(
            partition={"campaign_id": listed},
            cursor_slice={},
            extra_fields={"campaigns": listed, "created_at": "", "date_from": str(date_from), "date_to": str(date_to)},
        )
        try:
            answer = super().send_request(**{**kwargs, "stream_slice": asked})
        except (RequestNotAccepted, EntityNotFound) as refusal:
            raise Refused(refusal, certain=False) from None
        return _aggregate(answer)

    def campaigns(self) -> Rows:
        """The campaigns that were started: of the configured ones, if there are any."""
        answer = self.campaign_list.send_request()
        wanted = self.config.get("campaign_ids")
        return [
            row
            for row in (json_of(answer) if answer is not None else [])
            if is_started(row) and (not wanted or int(row["id"]) in wanted)
        ]


class _Named(Once):
    """What each stream's requests name."""


class _Seen:
    """The figures of each sender, and whether two that are the same were compared with those of all."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.figures: set[str] = set()
        self.compared = False


@dataclass
class AllCampaignsRequester(CampaignsRequester):
    """Names all campaigns that were started, or the configured ones, as the slice's extra field `campaigns`."""

    def send_request(
        self, stream_state: Any = None, stream_slice: StreamSlice | None = None, *args: Any, **kwargs: Any
    ) -> requests.Response | None:
        campaigns = self.api_budget.shared(_Named).get(self.name, self._all_campaigns)
        ask = partial(self._ask, kwargs, stream_slice)
        campaigns.all_count(campaigns.names, lambda names: _aggregate(self._ask(kwargs, None, names)))
        names = campaigns.names
        try:
            try:
                answer = ask(names)
            except Refused as refusal:
                if not names:
                    raise
                answer = campaigns.without_refused(names, refusal, ask, partial(ask, one_day=True))
        except Refused as refusal:
            raise again(refusal.cause) from None
        self._compare(_aggregate(answer), kwargs, campaigns.names)
        return answer

    def _compare(self, answer: Aggregate, kwargs: Mapping[str, Any], names: str) -> None:
        """Looks, once a sync, whether all senders have more than each of two with the same figures.

        If not, the API does not heed which is asked for.
        """
        seen = self.api_budget.shared(_Seen)
        # As text, since the records are made of these.
        figures = str(answer.values)
        with seen.lock:
            compare = bool(answer.actions) and figures in seen.figures and not seen.compared
            seen.figures.add(figures)
            seen.compared |= compare
        if compare:
            with suppress(Refused):
                if str(_aggregate(self._ask(kwargs, None, names)).values) == figures:
                    raise filter_ignored(self.name, "senders")

    def _all_campaigns(self) -> AllCampaigns:
        chosen = self.config.get("campaign_ids") or ()

        def started() -> Sequence[int]:
            # A list without any would mean all.
            return list(dict.fromkeys(int(row["id"]) for row in self.campaigns())) or chosen

        return AllCampaigns(
            self.name, started, lambda: most_campaigns(self.config, started(), LONGER_URL), chosen=bool(chosen)
        )

    def _ask(
        self, kwargs: Mapping[str, Any], stream_slice: StreamSlice | None, names: str, one_day: bool = False
    ) -> requests.Response | None:
        days = self._begins(self.campaigns()) if names else {}
        asked = StreamSlice(
            partition=stream_slice.partition if stream_slice else {},
            cursor_slice={},
            extra_fields={"campaigns": names, **days, **({"date_to": days["date_from"]} if one_day and days else {})},
        )
        try:
            return super().send_request(**{**kwargs, "stream_slice": asked})
        except (RequestNotAccepted, EntityNotFound) as refusal:
            raise Refused(refusal, certain=False) from None

    def _begins(self, rows: Rows) -> dict[str, str]:
        """The day before the first campaign was created: nobody knows how long a period may be that the API takes."""
        created = min(map(_created, rows), default="")
        if not created:
            return {}
        first = str(date.fromisoformat(created) - timedelta(days=1))
        return {"date_from": min(max(first, self.config.get("start_date") or first), self.config["end_date"])}


def _aggregate(answer: requests.Response | None) -> Aggregate:
    body = json_of(answer) if answer is not None else {}
    return Aggregate(body, is_empty(body), actions(body))


def _created(campaign: Mapping[str, Any]) -> str:
    """The day on which a campaign was created; an empty text, before all others, if that cannot be read."""
    return str(day_of(campaign.get("created_at")) or "")
