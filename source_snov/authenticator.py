"""OAuth 2 client credentials: one access token for all streams of a sync.

The CDK's OAuthAuthenticator asks for a token per requester, outside the API budget and without a timeout. Here the
token request is a requester of the manifest like any other (pace, timeouts, error policy), and its answer is shared.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from threading import RLock
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.auth.declarative_authenticator import DeclarativeAuthenticator
from airbyte_cdk.sources.declarative.requesters.http_requester import HttpRequester
from airbyte_cdk.sources.streams.call_rate import AbstractAPIBudget
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.answers import json_of
from source_snov.redaction import hide, quote_safely
from source_snov.sync_shared import sync_shared

DEFAULT_LIFETIME = 3600.0
"""Seconds a token lives when the answer does not say (API reference, Authentication: always 3600)."""
RENEWAL_MARGIN = 300.0
"""Seconds before its end at which a token is renewed: longer than a request waits for its turn and its answer."""


class _Token:
    """The access token of one sync."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.value = ""
        self.renew_at = 0.0
        self.rejection: AirbyteTracedException | None = None


@dataclass
class SnovAuthenticator(DeclarativeAuthenticator):
    """Adds `Authorization: Bearer <token>` to each request; the token is fetched once and renewed in time.

    Raises AirbyteTracedException: `config_error` when Snov.io rejects the credentials (nobody asks again in this sync),
    `transient_error` when the token endpoint could not be reached.
    """

    config: Mapping[str, Any]
    parameters: InitVar[Mapping[str, Any]]
    login_requester: HttpRequester
    api_budget: AbstractAPIBudget

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._credentials = {name: str(self.config.get(name, "")).strip() for name in ("client_id", "client_secret")}
        hide(self._credentials["client_secret"])
        self._shared = sync_shared(self.api_budget, _Token)

    @property
    def auth_header(self) -> str:
        return "Authorization"

    @property
    def token(self) -> str:
        with self._shared.lock:
            if time.monotonic() >= self._shared.renew_at:
                self._renew()
            return f"Bearer {self._shared.value}"

    def refresh_and_set_access_token(self) -> None:
        """Replaces a token that the API no longer accepts, unless another thread has done so while this one waited.

        The CDK's HTTP client looks for this name when an error policy answers REFRESH_TOKEN_THEN_RETRY.
        """
        rejected = self._shared.value
        with self._shared.lock:
            if self._shared.value == rejected:
                self._renew()

    def _renew(self) -> None:
        if self._shared.rejection:
            raise self._shared.rejection
        try:
            answer = self._request_token()
        except AirbyteTracedException as error:
            if error.failure_type == FailureType.config_error:
                self._shared.rejection = error
            raise
        self._shared.value = answer["access_token"]
        lifetime = _seconds(answer.get("expires_in"))
        self._shared.renew_at = time.monotonic() + max(lifetime - RENEWAL_MARGIN, lifetime / 2)

    def _request_token(self) -> Mapping[str, Any]:
        # Handed over here rather than in the manifest: interpolation reads a secret such as 1e5 as a number.
        response = self.login_requester.send_request(
            request_body_data={"grant_type": "client_credentials", **self._credentials}
        )
        answer = json_of(response) if response is not None else None
        token = answer.get("access_token") if isinstance(answer, Mapping) else None
        if not isinstance(answer, Mapping) or not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token.strip()):
            said = f" It said: {quote_safely(response)}" if response is not None else ""
            raise AirbyteTracedException(
                message="Snov.io rejected the API User ID or API Secret: it answered without an access token. "
                f"Copy both again from Snov.io, Account settings > API, then test the source again.{said}",
                internal_message="The token endpoint answered without an access token.",
                failure_type=FailureType.config_error,
            )
        return {**answer, "access_token": token.strip()}


def _seconds(expires_in: Any) -> float:
    try:
        lifetime = float(expires_in)
    except (TypeError, ValueError):
        return DEFAULT_LIFETIME
    return lifetime if 0 < lifetime < float("inf") else DEFAULT_LIFETIME
