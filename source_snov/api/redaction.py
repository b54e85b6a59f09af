"""Keeps secrets out of messages, and quotes what the API said in a length that fits one."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus, urlsplit

import requests
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, filter_secrets

from source_snov.records.body import json_of

QUOTE_LENGTH = 200
"""Most characters of a response's body that a message carries."""

MIN_SECRET = 8
"""Characters; masking a shorter text would mask parts of ordinary words. The specification demands as many."""


def hide(*secrets: str) -> None:
    """Masks secrets from now on, in the forms in which a log, a trace or an echoed body may carry them."""
    forms = {form for secret in secrets for form in _forms(secret)}
    # The longest first: a form that is part of another would leave the rest of it readable.
    for form in sorted(forms - {""}, key=len, reverse=True):
        add_to_secrets(form)


def _forms(secret: str) -> set[str]:
    """As it is, and as it stands in a URL, a form, JSON (PHP's too, also in a line of the log), HTML and base64."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    in_json = json.dumps(secret)[1:-1]
    of_php = in_json.replace("/", "\\/")
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        in_json,
        json.dumps(secret, ensure_ascii=False)[1:-1],
        of_php,
        json.dumps(of_php)[1:-1],
        html.escape(secret),
        encoded,
        encoded.translate(str.maketrans("+/", "-_")),
    }


def hide_tokens(response: requests.Response) -> None:
    """Masks every access token of the token endpoint's response, also when the response breaks off within one.

    Responses to other requests, which carry a token, hold no new one; words after that name would be masked in all
    later messages.
    """
    if "Authorization" in response.request.headers or b"access_token" not in response.content:
        return
    text = response.content.decode("utf-8", errors="replace")
    tokens = {token.replace("\\/", "/") for token in _TOKEN.findall(text)}
    try:
        parts = [json_of(response)]
    except ValueError:
        parts = []
    while parts:
        part = parts.pop()
        if isinstance(part, dict) and isinstance(part.get("access_token"), str):
            tokens.add(part["access_token"].strip())
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    hide(*(token for token in tokens if len(token) >= MIN_SECRET))


_TOKEN = re.compile(rf"""access_token["'\\]{{0,3}}\s*[:=]\s*["'\\]{{0,3}}([^\s"'<>&,}}]{{{MIN_SECRET},}})""")
"""A name and a token in JSON, a query or a header; shorter text is not a token."""


def quote_safely(quoted: requests.Response | Exception | str) -> str:
    """The beginning of a body or of an exception's text, on one line, masked, at most QUOTE_LENGTH characters."""
    if isinstance(quoted, requests.Response):
        # A body can be long: the few characters that are kept do not need all of it decoded and searched.
        text = quoted.content[: 50 * QUOTE_LENGTH].decode(quoted.encoding or "utf-8", errors="replace")
    else:
        # The text of a connection error holds the URL, and its query may hold addresses.
        text = re.sub(r"\?\S+", "", str(quoted))
    text = " ".join(filter_secrets(text).split())
    return text if len(text) <= QUOTE_LENGTH else text[: QUOTE_LENGTH - 1] + "…"


def origin(url: str | None) -> tuple[str, str, int]:
    """Scheme, host and port of a URL, in one spelling."""
    parts = urlsplit(url or "")
    return parts.scheme.lower(), parts.hostname or "", parts.port or (443 if parts.scheme.lower() == "https" else 80)


def without_query(url: str | None) -> str:
    """The URL as far as the path: a query may hold addresses, and is not needed to know what was asked."""
    parts = urlsplit(url or "")
    return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"
