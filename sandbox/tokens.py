"""Credentials and the tokens issued for them (Snov.io API reference 1.2)."""

from __future__ import annotations

import hmac
import secrets

from sandbox.settings import Settings


class Tokens:
    """The account's tokens, each with the time at which it expires."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._accepted_until: dict[str, float] = {}
        self._refusing = False

    def accepts(self, client_id: object, client_secret: object) -> bool:
        """Whether these are the account's credentials and they were not revoked."""
        right_id = hmac.compare_digest(str(client_id).encode(), self._settings.client_id.encode())
        right_secret = hmac.compare_digest(str(client_secret).encode(), self._settings.client_secret.encode())
        return right_id and right_secret and not self._refusing

    def issue(self) -> str:
        """A new opaque token of 40 characters."""
        if self._settings.invalidate_old_tokens:
            self.expire()
        token = secrets.token_hex(20)
        self._accepted_until[token] = self._settings.clock() + self._settings.token_lifetime
        return token

    def valid(self, token: str) -> bool:
        """Whether the token exists and has not expired."""
        return self._settings.clock() < self._accepted_until.get(token, float("-inf"))

    def expire(self) -> None:
        """Expires all tokens issued so far."""
        self._accepted_until.clear()

    def revoke(self) -> None:
        """Expires all tokens and rejects the credentials from now on, as if the API key had been replaced."""
        self.expire()
        self._refusing = True

    def restore(self) -> None:
        """Accepts the credentials again."""
        self._refusing = False
