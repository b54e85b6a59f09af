"""The forms in which a secret may stand in a text, and the search for any of them."""

import base64
import html
import json
import re
from collections.abc import Callable, Mapping
from urllib.parse import quote, quote_plus, urlencode

CORE_LENGTH = 6
"""So many letters and digits in a row of a secret are taken for a part of it that was left."""


def _lower_hex(text: str) -> str:
    return re.sub("%..", lambda code: code[0].lower(), text)


def _json(text: str) -> str:
    return json.dumps(text)[1:-1]


def _json_utf8(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _basic(secret: str, client: str) -> str:
    return base64.b64encode(f"{client}:{secret}".encode()).decode()


FORMS: Mapping[str, Callable[[str], str]] = {
    "raw": str,
    "percent": lambda secret: quote(secret, safe=""),
    "percent in lower case": lambda secret: _lower_hex(quote(secret, safe="")),
    "percent but for slashes": quote,
    "percent as by JavaScript": lambda secret: quote(secret, safe="!'()*"),
    "percent twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "form": quote_plus,
    "form in lower case": lambda secret: _lower_hex(quote_plus(secret)),
    "form twice": lambda secret: quote_plus(quote_plus(secret)),
    "form body": lambda secret: urlencode({"client_id": "sandbox-user", "client_secret": secret}),
    "JSON": _json,
    "JSON in UTF-8": _json_utf8,
    "JSON of PHP": lambda secret: _json(secret).replace("/", "\\/"),
    "JSON in JSON": lambda secret: _json(_json(secret)),
    "HTML": html.escape,
    "HTML but for quotes": lambda secret: html.escape(secret, quote=False),
    "HTML of PHP": lambda secret: html.escape(secret).replace("&#x27;", "&#039;"),
    "repr": lambda secret: repr(secret)[1:-1],
    "repr of bytes": lambda secret: repr(secret.encode())[2:-1],
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret.encode()).decode(),
    "base64 without padding": lambda secret: base64.b64encode(secret.encode()).decode().rstrip("="),
    "Basic": lambda secret: _basic(secret, "sandbox-user"),
    "Basic, one byte on": lambda secret: _basic(secret, "sandbox-user1"),
    "Basic, two bytes on": lambda secret: _basic(secret, "sandbox-user12"),
    "Basic for URLs": lambda secret: _basic(secret, "sandbox-user").translate(str.maketrans("+/", "-_")),
}


def forms_found(secret: str, text: str) -> list[str]:
    """The forms of a secret, or of a part of it, that stand in a text, however often the text is escaped as JSON."""
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
    """Whether 12 characters of the secret's base64 stand there, with so many bytes before it."""
    encoded = base64.b64encode(b"-" * shift + secret.encode()).decode().rstrip("=")
    core = encoded[4 if shift else 0 : -1]
    standard, for_urls = text, text.translate(str.maketrans("-_", "+/"))
    pieces = [core[start : start + 12] for start in range(max(len(core) - 11, 0))]
    return any(piece in where for piece in pieces for where in (standard, for_urls))
