"""What each answer of the API leads to: the one error policy of all streams.

The manifest says what a status means (`response_filters`: action, failure type, our sentence) and how long to wait.
This module adds what the CDK's handlers cannot express: the API's own words in the message (short, on one line,
masked), answers that are errors although their status is 200, waits and tries by kind of answer, and a campaign that
is skipped when it stays missing. It ends a request by raising, because the CDK's FAIL would log the whole body.
"""

import json
import logging
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import local
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.requesters.error_handlers.default_error_handler import DefaultErrorHandler
from airbyte_cdk.sources.streams.call_rate import AbstractAPIBudget
from airbyte_cdk.sources.streams.http.error_handlers import ErrorResolution, ResponseAction
from airbyte_cdk.sources.streams.http.error_handlers.response_models import SUCCESS_RESOLUTION
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.answers import content_of, json_of
from source_snov.pace import RateLimitPause, retry_after_seconds
from source_snov.redaction import hide_tokens, quote_safely, without_query
from source_snov.sync_shared import sync_shared

logger = logging.getLogger("airbyte.snov")

Answer = requests.Response | Exception | None

REFUSALS = (400, 404, 413, 414, 422)
"""Statuses that may be about one of several entities, or about their number."""

UNAVAILABLE = (402, 403, 404)
"""Statuses that say that the plan does not include a resource, or that the API does not know it."""


class EntityNotFound(AirbyteTracedException):
    """The API says that what was asked about is not there; whoever knows what it was skips it.

    optional: whether the stream may be left out, so that all of it may be missing.
    """

    optional = False


class StreamUnavailable(AirbyteTracedException):
    """The account's plan does not include what an optional stream asks for, or the API does not know its path."""

    optional = True


class RequestNotAccepted(AirbyteTracedException):
    """The API refuses a request without saying whether what was asked about is there."""


@dataclass
class ErrorPolicy(DefaultErrorHandler):
    """Decides on each answer. Every number below is stated in the manifest.

    expects: `array` or `object`, the JSON a good answer consists of; None accepts any. Without known_fields,
        an empty array stands for an empty object.
    under: where in the body that stands, as a dotted path; empty if the body is no envelope.
    id_fields: each object of a good array has a number in all of these.
    known_fields: a good object has at least one of these.
    skip_missing: a 404, or a 422 that stays, raises EntityNotFound instead of failing the stream.
    missing_statuses: further statuses that mean the same.
    optional: a 403, or a 404 that is not about an entity, raises StreamUnavailable.
    several_in: the query parameter that may name several entities. A refusal to answer about several raises
        RequestNotAccepted at once: who asked may ask again about fewer of them.
    only_all: fewer of several_in will not do, so that a 422 about several, which may pass, is tried again first.
    unavailable_waits, missing_waits: seconds between tries; one more try than waits.
    first_pause, longest_pause, patience: seconds of 429 (see RateLimitPause); beyond `patience` in a row, it fails.
    """

    api_budget: AbstractAPIBudget = None  # type: ignore[assignment]  # the CDK fills it in; a base class has defaults already
    expects: str | None = None
    under: str = ""
    id_fields: Sequence[str] = ()
    known_fields: Sequence[str] = ()
    skip_missing: bool = False
    missing_statuses: Sequence[int] = ()
    optional: bool = False
    several_in: str | None = None
    only_all: bool = False
    unavailable_waits: Sequence[float] = ()
    missing_waits: Sequence[float] = ()
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
        self._pause = sync_shared(self.api_budget, RateLimitPause)

    def interpret_response(self, response_or_exception: Answer) -> ErrorResolution:
        if not isinstance(response_or_exception, requests.Response):
            return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, _cause(response_or_exception))
        response = response_or_exception
        # Here and not where a token is used: with --debug, the CDK logs the body next.
        hide_tokens(response)
        if response.status_code == requests.codes.too_many_requests:
            self._note_rate_limit(response)
        else:
            self._pause.end()
        if response.ok:
            self._tries.token_renewed_for = None
            return self._interpret_body(response)
        resolution = super().interpret_response(response)
        if resolution.response_action == ResponseAction.REFRESH_TOKEN_THEN_RETRY:
            if getattr(self._tries, "token_renewed_for", None) == response.url:
                raise _failure(resolution, response)
            self._tries.token_renewed_for = response.url
            text = f"Snov.io no longer takes the access token for {without_query(response.url)}; a new one is fetched."
            return ErrorResolution(resolution.response_action, resolution.failure_type, text)
        may_pass = self.only_all and response.status_code == requests.codes.unprocessable
        if response.status_code in REFUSALS and not may_pass and self._asks_about_several(response):
            raise _not_accepted(response)
        if self.skip_missing and response.status_code in (requests.codes.not_found, *self.missing_statuses):
            raise self._not_found(response)
        if self.optional and response.status_code in UNAVAILABLE:
            raise StreamUnavailable(message=f"{_cause(response)}.", internal_message=f"{_cause(response)}.")
        if resolution.response_action == ResponseAction.FAIL:
            raise _failure(resolution, response)
        return resolution

    def backoff_time(self, response_or_exception: Answer, attempt_count: int = 0) -> float | None:
        """Seconds to wait before the next try; raises when there is none."""
        answer = response_or_exception
        status = answer.status_code if isinstance(answer, requests.Response) else None
        # Tries that met the rate limit or an old token say nothing about the API's health.
        if attempt_count == 1:
            self._tries.excused = 0
        if status in (requests.codes.too_many_requests, requests.codes.unauthorized):
            self._tries.excused += 1
            return self._pause.remaining() or None
        waits = self.missing_waits if status == requests.codes.unprocessable else self.unavailable_waits
        tries = attempt_count - self._tries.excused
        if tries <= len(waits):
            wait: float = waits[tries - 1] * random.uniform(0.8, 1.2)
            logger.info(f"{_cause(answer)}. Trying again in {wait:.0f} seconds.")
            return wait
        raise self._exhausted(answer, tries)

    def _interpret_body(self, response: requests.Response) -> ErrorResolution:
        try:
            body = json_of(response)
        except ValueError:
            return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, _cause(response))
        problem = self._problem(body)
        if problem:
            if self._asks_about_several(response):
                raise _not_accepted(response)
            raise RequestNotAccepted(
                message=f"{without_query(response.url)} {problem}: {_said(response)}. "
                "Run the sync again; if this goes on, ask Snov.io support about this text.",
                internal_message=f"{without_query(response.url)} {problem}: {_said(response)}.",
                failure_type=FailureType.system_error,
            )
        return SUCCESS_RESOLUTION

    def _not_found(self, response: requests.Response) -> EntityNotFound:
        gone = EntityNotFound(
            message=f"{_cause(response)}.",
            internal_message=f"{_cause(response)}.",
            failure_type=FailureType.system_error,
        )
        gone.optional = self.optional
        return gone

    def _asks_about_several(self, response: requests.Response) -> bool:
        if self.several_in is None:
            return False
        query = parse_qs(urlsplit(response.request.url or "").query)
        return "," in query.get(self.several_in, [""])[0]

    def _problem(self, body: Any) -> str | None:
        if self.expects is None:
            return None
        if isinstance(body, Mapping) and (body.get("success") is False or body.get("errors") or body.get("error")):
            return "answered with an error although its status is 200"
        content = content_of(body, self.under)
        if self.expects == "array":
            if not isinstance(content, list) or not all(isinstance(item, dict) for item in content):
                return "should have answered with a list of objects and did not"
            if not all(_is_id(item.get(name)) for item in content for name in self.id_fields):
                return f"listed an object without a usable {' or '.join(self.id_fields)}"
        elif not isinstance(content, Mapping) and (self.known_fields or content != []):
            return "should have answered with an object and did not"
        elif self.known_fields and not any(name in content for name in self.known_fields):
            return f"answered with an object that has none of the fields {', '.join(self.known_fields)}"
        return None

    def _note_rate_limit(self, response: requests.Response) -> None:
        patience = min(self.patience, self._pause.limit)
        retry_after = retry_after_seconds(response, time.time())
        wait = self._pause.start(self.first_pause, self.longest_pause, patience, retry_after)
        if wait is None:
            raise AirbyteTracedException(
                message="Snov.io keeps answering 429 (too many requests), and the connector does not wait longer than "
                f"{patience / 60:g} minutes for that to pass. The limit of 60 requests a minute is shared by all "
                "your integrations: pause the others or lower requests_per_minute, then sync again in 10 minutes.",
                internal_message=f"Gave up on {without_query(response.url)} after HTTP 429: {quote_safely(response)}",
                failure_type=FailureType.transient_error,
            )
        if wait:
            logger.warning(
                "Snov.io answered 429 (too many requests): your account's requests for this minute are used up. "
                f"All streams wait {wait:.0f} seconds, then go on."
            )

    def _exhausted(self, answer: Answer, attempts: int) -> AirbyteTracedException:
        if isinstance(answer, requests.Response) and answer.status_code == requests.codes.unprocessable:
            if self._asks_about_several(answer):
                return _not_accepted(answer)
            if self.skip_missing and _says_missing(answer):
                return self._not_found(answer)
        return AirbyteTracedException(
            message=f"{_cause(answer)}, {attempts} times in a row. Sync again later; if this goes on, look at "
            "Snov.io's status page or ask its support.",
            internal_message=f"Gave up after {attempts} tries: {_cause(answer)}",
            failure_type=FailureType.transient_error,
        )


def _failure(resolution: ErrorResolution, response: requests.Response) -> AirbyteTracedException:
    kind = RequestNotAccepted if response.status_code == requests.codes.bad_request else AirbyteTracedException
    return kind(
        message=f"{resolution.error_message} It said (HTTP {response.status_code}): {_said(response)}",
        internal_message=f"HTTP {response.status_code} from {without_query(response.url)}: {quote_safely(response)}",
        failure_type=resolution.failure_type or FailureType.system_error,
    )


def _not_accepted(response: requests.Response) -> RequestNotAccepted:
    return RequestNotAccepted(
        message=f"{_cause(response)}.",
        internal_message=f"{_cause(response)}.",
        failure_type=FailureType.system_error,
    )


def _is_id(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and value.isdecimal())


def _cause(answer: Answer) -> str:
    if isinstance(answer, requests.Response):
        kind = ", not JSON," if answer.ok else ""
        return f"{without_query(answer.url)} answered HTTP {answer.status_code}{kind} and said: {_said(answer)}"
    return f"Snov.io did not answer as it should ({quote_safely(f'{type(answer).__name__}: {answer}')})"


def _says_missing(response: requests.Response) -> bool:
    """Whether a 422 has the body of a deleted or inaccessible campaign: `{"data": {"message": …}}`."""
    try:
        body = json_of(response)
    except ValueError:
        return False
    data = body.get("data") if isinstance(body, Mapping) else None
    return isinstance(data, Mapping) and bool(data.get("message"))


def _said(response: requests.Response) -> str:
    """What the API says in an answer: the text of an error body in any of its shapes, else how the body begins.

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
