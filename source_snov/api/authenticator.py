"""OAuth 2 client credentials: one access token for all streams of a sync.

The CDK's OAuthAuthenticator asks for a token per requester, outside the API budget and without a timeout. Here the
token request is a requester of the manifest like any other (pace, timeouts, error policy), and its response is shared.
"""

import re
import time
from collections.abc import Mapping
from dataclasses import InitVar, dataclass
from threading import RLock
from typing import Any

from airbyte_cdk.sources.declarative.auth.declarative_authenticator import DeclarativeAuthenticator
from airbyte_cdk.sources.declarative.requesters.http_requester import HttpRequester
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.api.exceptions import again
from source_snov.api.redaction import MIN_SECRET, hide, quote_safely
from source_snov.failures import config_error
from source_snov.records.body import json_of
from source_snov.records.shared import Shared

DEFAULT_LIFETIME = 3600.0
"""Seconds a token lives when the response does not say (API reference, Authentication: always 3600)."""

RENEWAL_MARGIN = 300.0
"""Seconds before its end at which a token is renewed: longer than a request waits for its turn and its response."""


class AccessToken:
    """The access token of one sync."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.value = ""
        self.renew_at = 0.0
        self.failure: AirbyteTracedException | None = None

    def expire(self, auth_header: str) -> None:
        """Has the token renewed before it is used again, unless another thread has done so since it was sent."""
        with self.lock:
            if auth_header == f"Bearer {self.value}":
                self.renew_at = 0.0


@dataclass
class SnovAuthenticator(DeclarativeAuthenticator):
    """Adds `Authorization: Bearer <token>` to each request; the token is fetched once and renewed in time.

    Raises AirbyteTracedException: `config_error` if Snov.io rejects the credentials, `transient_error` if the token
    endpoint could not be reached. Either way it is not asked again in this sync.
    """

    config: Mapping[str, Any]
    parameters: InitVar[Mapping[str, Any]]
    login_requester: HttpRequester
    api_budget: Shared

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._credentials = {name: str(self.config.get(name, "")).strip() for name in ("client_id", "client_secret")}
        # Both: they may have been pasted into each other's field.
        hide(*(value for value in self._credentials.values() if len(value) >= MIN_SECRET))
        self._shared = self.api_budget.shared(AccessToken)

    @property
    def auth_header(self) -> str:
        return "Authorization"

    @property
    def token(self) -> str:
        with self._shared.lock:
            if time.monotonic() >= self._shared.renew_at:
                self._renew()
            return f"Bearer {self._shared.value}"

    def _renew(self) -> None:
        if self._shared.failure:
            raise again(self._shared.failure)
        try:
            body = self._request_token()
        except AirbyteTracedException as error:
            # All streams need the token: its tries are made once a sync, and not once for each of them.
            self._shared.failure = again(error)
            raise
        self._shared.value = body["access_token"]
        lifetime = _seconds(body.get("expires_in"))
        self._shared.renew_at = time.monotonic() + max(lifetime - RENEWAL_MARGIN, lifetime / 2)

    def _request_token(self) -> Mapping[str, Any]:
        # Handed over here rather than in the manifest: interpolation reads a secret such as 1e5 as a number.
        response = self.login_requester.send_request(
            request_body_data={"grant_type": "client_credentials", **self._credentials}
        )
        body = json_of(response) if response is not None else None
        token = body.get("access_token") if isinstance(body, Mapping) else None
        if not isinstance(body, Mapping) or not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token.strip()):
            said = f" It said: {quote_safely(response)}" if response is not None else ""
            raise config_error(
                "Snov.io rejected the API User ID or API Secret: it answered without an access token. "
                f"Copy both again from Snov.io, Account settings > API, then test the source again.{said}",
                "The token endpoint answered without an access token.",
            )
        return {**body, "access_token": token.strip()}


def _seconds(expires_in: Any) -> float:
    try:
        lifetime = float(expires_in)
    except (TypeError, ValueError):
        return DEFAULT_LIFETIME
    return lifetime if 0 < lifetime < float("inf") else DEFAULT_LIFETIME
