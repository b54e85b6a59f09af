"""Keeps secrets out of messages, and quotes what the API said in a length that fits one."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus, urlsplit

import requests
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, filter_secrets

from source_snov.answers import json_of

QUOTE_LENGTH = 200
"""Most characters of an answer's body that a message carries."""


def hide(secret: str) -> None:
    """Masks a secret from now on, in every form in which a log, a trace or an echoed body may carry it."""
    forms = {secret, repr(secret)[1:-1], repr(secret.encode())[2:-1], *_percent(secret), *_in_html(secret)}
    forms |= {again for form in _percent(secret) for again in _percent(form)}
    forms |= {form.replace("/", "\\/") for form in _in_json({secret})}  # as PHP writes JSON
    # A body may hold JSON in a text, a log line is JSON itself, and a trace is written with all characters as they are.
    for _ in range(3):
        forms |= _in_json(forms)
    forms |= _in_base64(secret)
    # The longest first: a form that is part of another would leave the rest of it readable.
    for form in sorted(forms - {""}, key=len, reverse=True):
        add_to_secrets(form)


def _percent(text: str) -> set[str]:
    """As libraries for URLs and forms write it; they differ in the signs that they leave."""
    quoted = {quote_plus(text), *(quote(text, safe=left) for left in ("", "/", "!'()*"))}
    return quoted | {re.sub("%..", lambda code: code[0].lower(), form) for form in quoted}


def _in_html(text: str) -> set[str]:
    escaped = html.escape(text)
    other_quotes = {escaped.replace("&#x27;", code) for code in ("&#039;", "&#39;", "&apos;")}
    return {escaped, html.escape(text, quote=False), *other_quotes}


def _in_json(forms: set[str]) -> set[str]:
    return {json.dumps(form, ensure_ascii=ascii)[1:-1] for form in forms for ascii in (True, False)}


def _in_base64(secret: str) -> set[str]:
    """Alone, and the characters that are the secret's own where other text, such as a client id, stands around it."""
    alone = base64.b64encode(secret.encode())
    forms = {alone, alone.rstrip(b"=")}
    for before in range(3):
        encoded = base64.b64encode(b"-" * before + secret.encode() + b"-" * (-(before + len(secret.encode())) % 3))
        whole = len(secret.encode()) + before
        forms.add(encoded[-(-before * 4 // 3) if before else 0 : whole * 4 // 3])
    return {form.translate(table).decode() for form in forms for table in (None, bytes.maketrans(b"+/", b"-_"))}


def hide_tokens(answer: requests.Response) -> None:
    """Masks every access token of an answer, wherever it stands in it, also when the answer breaks off within it."""
    if b"access_token" not in answer.content:
        return
    text = answer.content.decode("utf-8", errors="replace")
    for token in _TOKEN.findall(text):
        hide(token.replace("\\/", "/"))
    try:
        parts = [json_of(answer)]
    except ValueError:
        return
    while parts:
        part = parts.pop()
        if isinstance(part, dict) and isinstance(part.get("access_token"), str):
            hide(part["access_token"].strip())
        parts += part.values() if isinstance(part, dict) else part if isinstance(part, list) else []


_TOKEN = re.compile(r"""access_token["'\\]{0,3}\s*[:=]\s*["'\\]{0,3}([^\s"'<>&,}]{8,200})""")
"""A name and a token in JSON, a query or a header: a shorter text is none."""


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
