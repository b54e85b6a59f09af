"""The encodings in which a secret may appear in a text, and a search for all of them."""

import base64
import html
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus, urlencode

CORE_LENGTH = 6
"""Minimum length of a run of letters and digits that counts as a leaked part of a secret."""


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _json_utf8(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


FORMS: Mapping[str, Callable[[str], str]] = {
    "raw": str,
    "percent": lambda secret: quote(secret, safe=""),
    "form": quote_plus,
    "form body": lambda secret: urlencode({"client_id": "sandbox-user", "client_secret": secret}),
    "JSON": _json,
    "JSON in UTF-8": _json_utf8,
    "JSON of PHP": lambda secret: _json(secret).replace("/", "\\/"),
    "HTML": html.escape,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "base64 without padding": lambda secret: base64.b64encode(secret.encode()).decode().rstrip("="),
}


def forms_found(secret: str, text: str) -> list[str]:
    """The forms of a secret, or of a part of it, in a text, however often the text is escaped as JSON."""
    plain = text
    for _ in range(4):
        plain = plain.replace("\\\\", "\\").replace('\\"', '"').replace("\\/", "/")
    found = [
        name
        for name, form in FORMS.items()
        if any(spelt in where for spelt in (form(secret), _json(form(secret))) for where in (text, plain))
    ]
    for core in re.findall(rf"[A-Za-z0-9]{{{CORE_LENGTH},}}", secret):
        if core.lower() in text.lower():
            found.append(f"its part {core[:3]}…")
    found += [f"base64 at {shift}" for shift in range(3) if _encoded_core(secret, shift, text)]
    return found


def _encoded_core(secret: str, shift: int, text: str) -> bool:
    """Whether the text has 12 characters of the secret's base64, if `shift` bytes precede the secret."""
    encoded = base64.b64encode(b"-" * shift + secret.encode()).decode().rstrip("=")
    core = encoded[4 if shift else 0 : -1]
    standard, for_urls = text, text.translate(str.maketrans("-_", "+/"))
    pieces = [core[start : start + 12] for start in range(max(len(core) - 11, 0))]
    return any(piece in where for piece in pieces for where in (standard, for_urls))
