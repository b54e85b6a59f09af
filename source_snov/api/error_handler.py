"""What each response of the API leads to: the one error policy of all streams.

The manifest says what a status means (`response_filters`: action, failure type, our sentence) and how long to wait.
This module adds what the CDK's handlers cannot express: the API's own words in the message (short, on one line,
masked), responses that are errors although their status is 200, waits and tries by kind of response, and a campaign
that is skipped when it stays missing. It ends a request by raising, because the CDK's FAIL would log the whole body.
"""

import json
import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from threading import local
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.requesters.error_handlers.default_error_handler import DefaultErrorHandler
from airbyte_cdk.sources.streams.http.error_handlers import ErrorResolution, ResponseAction
from airbyte_cdk.sources.streams.http.error_handlers.response_models import SUCCESS_RESOLUTION
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.api.assumptions import FutureDays, LastDay
from source_snov.api.authenticator import AccessToken
from source_snov.api.budget import Patience, RateLimitPause, SnovBudget, retry_after_seconds
from source_snov.api.connection import cannot_pass, described
from source_snov.api.exceptions import EntityNotFound, RequestNotAccepted, StreamUnavailable
from source_snov.api.redaction import hide_tokens, quote_safely, without_query
from source_snov.records.body import content_of, json_of

logger = logging.getLogger("airbyte.snov")

Outcome = requests.Response | Exception | None

E = TypeVar("E", bound=AirbyteTracedException)

REFUSALS = (400, 404, 413, 414, 422)
"""Statuses that may be about one of several entities, or about their number."""

TOO_LARGE = (400, 413, 414, 422)
"""Statuses that may be about the days that a request asks for."""

GATEWAY_TIMEOUTS = (502, 504)
"""Statuses of a gateway that did not wait for the end of a large request."""

SUCCESSES = (200, 201, 203)
"""204 to 206 have no body or a part of it, and a 3xx that reaches this point has no Location."""

MAX_RETRY_AFTER = 300.0
"""Seconds of a Retry-After that are waited for after a passing fault."""

UNAVAILABLE = (402, 403, 404)
"""Statuses that say that the plan does not include a resource, or that the API does not know it."""


@dataclass(kw_only=True)
class SnovErrorHandler(DefaultErrorHandler):
    """Decides on each response. The waits below are stated in the manifest.

    expects: `array` or `object`, the JSON a good response consists of; None accepts any. Without known_fields,
        an empty array stands for an empty object.
    nulls: whether the array of a good response may have nulls.
    under: where in the body that stands, as a dotted path; empty if the body is no envelope.
    id_fields: each object of a good array has a number in all of these.
    known_fields: a good object has at least one of these.
    skip_missing: a 404, or a 422 that stays, raises EntityNotFound instead of failing the stream.
    missing_statuses: further statuses that mean the same.
    optional: a 403, or a 404 that is not about an entity, raises StreamUnavailable.
    several_in: the query parameter that may name several entities. A refusal to answer about several raises
        RequestNotAccepted at once: the caller may ask again about fewer of them.
    period_in: the query parameters of the first and the last day. A refusal of a last day after today raises
        RequestNotAccepted at once, and with divisible so does one of more than two days.
    only_all: fewer of several_in will not do, so that a 422 about several, which may pass, is tried again first.
    unavailable_waits, missing_waits: seconds between tries; one more try than waits.
    renewal_waits: seconds before each try with a new token, after a 401.
    first_pause, longest_pause, patience: seconds of 429 (see RateLimitPause); beyond `patience` in a row, it fails.
    """

    api_budget: SnovBudget
    expects: str | None = None
    nulls: bool = False
    under: str = ""
    id_fields: Sequence[str] = ()
    known_fields: Sequence[str] = ()
    skip_missing: bool = False
    missing_statuses: Sequence[int] = ()
    optional: bool = False
    several_in: str | None = None
    period_in: Sequence[str] = ()
    divisible: bool = False
    only_all: bool = False
    unavailable_waits: Sequence[float] = ()
    missing_waits: Sequence[float] = ()
    renewal_waits: Sequence[float] = (0,)
    first_pause: float = 60.0
    longest_pause: float = 300.0
    patience: float = 1800.0
    # The limits of the CDK end a wait too early (600 s); those of this policy hold instead.
    max_retries: int = 10_000
    max_time: int = 7 * 24 * 3600
    # Of the request under way: a thread makes all tries of a request, one request at a time.
    _tries: local = field(default_factory=local, init=False)

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        super().__post_init__(parameters)
        # The CDK's HTTP client asks strategies, not the handler, how long to wait.
        self.backoff_strategies = [self]  # type: ignore[list-item]
        self._pause = self.api_budget.shared(RateLimitPause)
        self._stream = parameters.get("name", "")
        self._token = self.api_budget.shared(AccessToken)
        self._patience = self.api_budget.shared(Patience)

    def interpret_response(self, response_or_exception: Outcome) -> ErrorResolution:
        if not isinstance(response_or_exception, requests.Response):
            self.api_budget.window.answered()
            return _passing(response_or_exception)
        response = response_or_exception
        # Here and not where a token is used: with --debug, the CDK logs the body next.
        hide_tokens(response)
        if response.status_code == requests.codes.too_many_requests:
            self._note_rate_limit(response)
        else:
            self._pause.end(response.url)
        if response.status_code in SUCCESSES:
            self._tries.renewals = 0
            return self._interpret_body(response)
        if not _is_of_the_api(response):
            return _passing(response)
        resolution = super().interpret_response(response)
        if resolution.response_action == ResponseAction.REFRESH_TOKEN_THEN_RETRY:
            return self._renewing(resolution, response)
        may_pass = self.only_all and response.status_code == requests.codes.unprocessable
        if response.status_code in REFUSALS and not may_pass and self._names_several(response):
            raise _refusal(RequestNotAccepted, response)
        if response.status_code in TOO_LARGE and self._asks_for_days(response):
            raise _refusal(RequestNotAccepted, response)
        if self.skip_missing and response.status_code in (requests.codes.not_found, *self.missing_statuses):
            raise self._not_found(response)
        if self.optional and response.status_code in UNAVAILABLE:
            raise _refusal(StreamUnavailable, response)
        if resolution.response_action == ResponseAction.FAIL:
            raise _failure(resolution, response)
        return resolution

    def _renewing(self, resolution: ErrorResolution, response: requests.Response) -> ErrorResolution:
        """What a 401 leads to: a new token; several times, as another sync of the account may end each token."""
        self._tries.renewals = getattr(self._tries, "renewals", 0) + 1
        if self._tries.renewals > len(self.renewal_waits):
            self._tries.renewals = 0
            raise _failure(resolution, response)
        # The CDK renews a token once a request and calls a second 401 a rejected one; here the next try asks for it.
        self._token.expire(response.request.headers.get("Authorization", ""))
        text = f"Snov.io no longer accepts the access token for {without_query(response.url)}; fetching a new one."
        return ErrorResolution(ResponseAction.RETRY, resolution.failure_type, text)

    def backoff_time(self, response_or_exception: Outcome, attempt_count: int = 0) -> float | None:
        """Seconds to wait before the next try; raises when there is none."""
        outcome = response_or_exception
        response = outcome if isinstance(outcome, requests.Response) else None
        status = response.status_code if response is not None else None
        # Tries that met the rate limit or an old token say nothing about the API's health.
        if attempt_count == 1:
            self._tries.excused = 0
        if response is not None and status == requests.codes.too_many_requests:
            self._tries.excused += 1
            return self._pause.remaining(response.url) or None
        if response is not None and status == requests.codes.unauthorized and _is_of_the_api(response):
            self._tries.excused += 1
            return float(self.renewal_waits[self._tries.renewals - 1])
        waits = self.missing_waits if status == requests.codes.unprocessable else self.unavailable_waits
        tries = attempt_count - self._tries.excused
        if response is not None and tries > 1 and status in GATEWAY_TIMEOUTS and self._is_divisible(response):
            refusal = _refusal(RequestNotAccepted, response)
            refusal.timed_out = True
            raise refusal
        hopeless = self._patience.is_short and isinstance(outcome, Exception) and cannot_pass(outcome, tries)
        if tries <= len(waits) and not hopeless:
            asked = retry_after_seconds(response, time.time()) if response is not None else None
            wait: float = max(waits[tries - 1] * random.uniform(0.8, 1.2), min(asked or 0.0, MAX_RETRY_AFTER))
            if self._patience.allows(wait):
                logger.info(f"{_cause(outcome)}. Trying again in {wait:.0f} seconds.")
                return wait
        raise self._exhausted(outcome, tries)

    def _interpret_body(self, response: requests.Response) -> ErrorResolution:
        try:
            body = json_of(response)
        except ValueError:
            return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, _cause(response))
        problem = self._problem(body)
        if problem:
            if self._names_several(response):
                raise _refusal(RequestNotAccepted, response)
            raise RequestNotAccepted(
                message=f"{without_query(response.url)} {problem}: {_said(response)}. "
                "Run the sync again; if this goes on, ask Snov.io support about this text.",
                internal_message=f"{without_query(response.url)} {problem}: {_said(response)}.",
                failure_type=FailureType.system_error,
            )
        return SUCCESS_RESOLUTION

    def _not_found(self, response: requests.Response) -> EntityNotFound:
        gone = _refusal(EntityNotFound, response)
        gone.optional = self.optional
        return gone

    def _names_several(self, response: requests.Response) -> bool:
        """Whether a request was about several entities."""
        return self.several_in is not None and "," in _query(response).get(self.several_in, "")

    def _is_divisible(self, response: requests.Response) -> bool:
        """Whether a request could be made about less, and the parts put together."""
        if self._names_several(response) and not self.only_all:
            return True
        return self.divisible and self._days(response) > 1

    def _asks_for_days(self, response: requests.Response) -> bool:
        """Whether a request could do with fewer days: with none after today, or, if it is divisible, with a part."""
        if not self.period_in:
            return False
        if self.several_in:
            may_be_refused = self.api_budget.shared(LastDay).future_refused is not False
        else:
            may_be_refused = self.api_budget.shared(FutureDays).refused.get(self._stream, True)
        last = _query(response).get(self.period_in[-1], "")
        return (may_be_refused and last > str(datetime.now(timezone.utc).date())) or self._is_divisible(response)

    def _days(self, response: requests.Response) -> int:
        """From the first day that a request names to the last; 0 if it names none."""
        query = _query(response)
        try:
            first, last = (date.fromisoformat(query.get(name, "")) for name in self.period_in)
        except ValueError:
            return 0
        return (last - first).days

    def _problem(self, body: Any) -> str | None:
        if self.expects is None:
            return None
        if isinstance(body, Mapping) and _is_error(body):
            return "answered with an error although its status is 200"
        content = content_of(body, self.under)
        if self.expects == "array":
            may_be = (dict, type(None)) if self.nulls else dict
            if not isinstance(content, list) or not all(isinstance(item, may_be) for item in content):
                return "should have answered with a list of objects and did not"
            if not all(_is_id(item.get(name)) for item in content if item for name in self.id_fields):
                return f"listed an object without a usable {' or '.join(self.id_fields)}"
        elif not isinstance(content, Mapping) and (self.known_fields or content != []):
            return "should have answered with an object and did not"
        elif self.known_fields and not any(name in content for name in self.known_fields):
            return f"answered with an object that has none of the fields {', '.join(self.known_fields)}"
        return None

    def _note_rate_limit(self, response: requests.Response) -> None:
        patience = min(self.patience, self._pause.limit)
        retry_after = retry_after_seconds(response, time.time())
        pause = self._pause.start(response.url, self.first_pause, self.longest_pause, patience, retry_after)
        if pause is None:
            raise AirbyteTracedException(
                message="Snov.io keeps answering 429 (too many requests), and the connector does not wait longer than "
                f"{patience / 60:g} minutes for that to pass. The limit of 60 requests a minute is shared by all "
                "your integrations: pause the others or lower requests_per_minute, then sync again in 10 minutes.",
                internal_message=f"Gave up on {without_query(response.url)} after HTTP 429: {quote_safely(response)}",
                failure_type=FailureType.transient_error,
            )
        wait, all_wait = pause
        if wait and all_wait:
            logger.warning(
                "Snov.io answered 429 (too many requests): your account's requests for this minute are used up. "
                f"All streams wait {wait:.0f} seconds, then go on with at most {self.api_budget.window.slow_down()} "
                "requests a minute, to leave room for your other integrations, and with one more each minute."
            )
        elif wait:
            logger.warning(
                f"{self._stream}: Snov.io answered 429 (too many requests) again, but answers other requests. This one "
                f"waits {wait:.0f} seconds, the others go on."
            )

    def _exhausted(self, outcome: Outcome, attempts: int) -> AirbyteTracedException:
        if isinstance(outcome, requests.Response) and outcome.status_code == requests.codes.unprocessable:
            if self._names_several(outcome):
                return _refusal(RequestNotAccepted, outcome)
            if self.skip_missing and _says_missing(outcome):
                return self._not_found(outcome)
        if not isinstance(outcome, requests.Response):
            further = " Sync again later."
        elif outcome.status_code >= 300 and not _is_of_the_api(outcome):
            further = " Let this machine reach the API without it, then sync again."
        else:
            further = " Sync again later; if this goes on, look at Snov.io's status page or ask its support."
        times = "once" if attempts == 1 else f"{attempts} times in a row"
        reason = f" ({type(outcome).__name__}: {quote_safely(str(outcome))})" if isinstance(outcome, Exception) else ""
        return AirbyteTracedException(
            message=f"{_cause(outcome)}. That happened {times}.{further}",
            internal_message=f"Gave up after {attempts} tries: {_cause(outcome)}{reason}",
            failure_type=FailureType.transient_error,
        )


def _passing(outcome: Outcome) -> ErrorResolution:
    """What may pass: it is tried again, with the waits of the policy."""
    return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, _cause(outcome))


def _query(response: requests.Response) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(response.request.url or "").query))


def _is_of_the_api(response: requests.Response) -> bool:
    """Whether an error is the API's own word, and not that of a firewall, a proxy or a portal in between.

    Its errors are JSON objects (API reference 1.4). Where the reference has no body, any text but a web page will do.
    Servers in front of the API answer 413, 414, 429 and 5xx in its place, which comes to the same.
    """
    status = response.status_code
    if status < 400:
        return False
    if status in (413, 414, 429) or status >= 500:
        return True
    if status not in UNAVAILABLE:
        return b"<html" not in response.content[:2000].lower() and b"<!doctype" not in response.content[:200].lower()
    try:
        return isinstance(json_of(response), Mapping)
    except ValueError:
        return False


def _failure(resolution: ErrorResolution, response: requests.Response) -> AirbyteTracedException:
    kind = RequestNotAccepted if response.status_code == requests.codes.bad_request else AirbyteTracedException
    return kind(
        message=f"{resolution.error_message} It said (HTTP {response.status_code}): {_said(response)}",
        internal_message=f"HTTP {response.status_code} from {without_query(response.url)}: {quote_safely(response)}",
        failure_type=resolution.failure_type or FailureType.system_error,
    )


def _refusal(kind: type[E], response: requests.Response) -> E:
    """A failure that the caller deals with, in the API's words."""
    text = f"{_cause(response)}."
    return kind(message=text, internal_message=text, failure_type=FailureType.system_error)


def _is_error(body: Mapping[str, Any]) -> bool:
    """Whether a body says so: alone, `status` may be a field of a record."""
    no_success = str(body.get("success")).lower() in ("false", "0")
    status = str(body.get("status")).lower() == "error" and body.get("message")
    return bool(no_success or body.get("errors") or body.get("error") or status)


def _is_id(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isdecimal())


def _cause(outcome: Outcome) -> str:
    if isinstance(outcome, requests.Response):
        kind = ", not JSON," if outcome.status_code in SUCCESSES else ""
        said = f"{without_query(outcome.url)} answered HTTP {outcome.status_code}{kind} and said: {_said(outcome)}"
        if outcome.status_code >= 300 and not _is_of_the_api(outcome):
            return f"{said}. This is not a response of Snov.io, but of a firewall, proxy or portal in between"
        return said
    request = getattr(outcome, "request", None)
    host = urlsplit(getattr(request, "url", "") or "").netloc.rpartition("@")[2] or "Snov.io"
    return described(outcome, host).removesuffix(".") if outcome else f"{host} did not answer"


def _says_missing(response: requests.Response) -> bool:
    """Whether a 422 has the body of a deleted or inaccessible campaign: `{"data": {"message": …}}`."""
    try:
        body = json_of(response)
    except ValueError:
        return False
    data = body.get("data") if isinstance(body, Mapping) else None
    return isinstance(data, Mapping) and bool(data.get("message"))


def _said(response: requests.Response) -> str:
    """What the API says in a response: the text of an error body in any of its shapes, else how the body begins.

    The shapes (API reference and clients): `errors` as an object with a title, a list of texts or one text; OAuth's
    `error` and `error_description`; `message`, at the top or under `data`.
    """
    try:
        body = json_of(response)
    except ValueError:
        body = None
    texts = _texts(body) if isinstance(body, Mapping) else []
    return quote_safely("; ".join(texts) or response) or "nothing"


def _texts(body: Mapping[str, Any]) -> list[str]:
    data = body.get("data")
    message = body.get("message") or (data.get("message") if isinstance(data, Mapping) else None)
    found = body.get("errors") or body.get("error_description") or message or body.get("error") or []
    if isinstance(found, Mapping):
        found = found.get("title") or found.get("message") or json.dumps(found)
    return [str(text) for text in (found if isinstance(found, list) else [found])]
