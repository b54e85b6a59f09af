"""Keeps secrets out of messages, and quotes what the API said in a length that fits one."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus, urlsplit

import requests
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, filter_secrets

QUOTE_LENGTH = 200
"""Most characters of an answer's body that a message carries."""


def hide(secret: str) -> None:
    """Masks a secret from now on, in every form in which a log, a trace or an echoed body may carry it."""
    escaped = [json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    quoted = [quote(secret, safe=""), quote_plus(secret)]
    forms = {
        secret,
        *escaped,
        *(text.replace("/", "\\/") for text in escaped),  # as PHP writes JSON
        *quoted,
        *(re.sub("%..", lambda code: code[0].lower(), text) for text in quoted),
        html.escape(secret),
        repr(secret)[1:-1],
        base64.b64encode(secret.encode()).decode(),
        base64.urlsafe_b64encode(secret.encode()).decode(),
    }
    # A log line is JSON itself.
    forms |= {json.dumps(form)[1:-1] for form in forms}
    # The longest first: a form that is part of another would leave the rest of it readable.
    for form in sorted(forms - {""}, key=len, reverse=True):
        add_to_secrets(form)


def quote_safely(answer: requests.Response | Exception | str) -> str:
    """The beginning of a body or of an exception's text, on one line, masked, at most QUOTE_LENGTH characters."""
    if isinstance(answer, requests.Response):
        # A body can be long: the few characters that are kept do not need all of it decoded and searched.
        text = answer.content[: 50 * QUOTE_LENGTH].decode(answer.encoding or "utf-8", errors="replace")
    else:
        # The text of a connection error holds the URL, and its query may hold addresses.
        text = re.sub(r"\?\S+", "", str(answer))
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
