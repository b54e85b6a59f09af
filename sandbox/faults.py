"""Faults: which requests fail, and how.

A Fault is plain data and can be sent as JSON to a running sandbox. The functions below build them, so that a test reads
like a sentence: `faults.html_page(path="progress", status=200, times=2)`. `path` is a regular
expression that is searched in the decoded path and query, "/v2/campaigns/1/progress" or "…?campaign_id=1&date_from=…".

The shapes of error bodies come from the Snov.io API reference 1.4 (E1 to E9).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, TypedDict, Unpack, get_args

Action = Literal[
    "answer",
    "wrong_container",
    "partial",
    "cut_body",
    "cut_json",
    "reset_before",
    "reset_within",
    "hang",
    "drip",
    "endless",
    "delay",
    "extra_fields",
    "missing_fields",
    "wrong_types",
    "null_fields",
    "percent_forms",
    "tokens_expire",
    "credentials_revoked",
    "campaign_deleted",
]

SuccessFalse = Literal["list", "text", "object", "message", "no_success"]
PercentForm = Literal["number", "text", "null"]
EndlessForm = Literal["headers", "continue", "trailers", "gzip"]

HTML: Final = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"


class Target(TypedDict, total=False):
    """Which requests a fault hits: the fields of Fault with these names."""

    path: str
    method: str
    skip: int
    times: int | None


@dataclass(frozen=True)
class Fault:
    """A fault and its target.

    It skips the first `skip` requests whose method and path match the regular expressions, then hits `times` of them
    (None: all). `answer` sends `status`, `headers` and `body` (text unchanged, anything else as JSON). `seconds` is the
    length of a `delay`, or the pause between two bytes of a `drip` or two pieces of an `endless` response: headers,
    `100 Continue`, trailers or compressed bytes that unpack to nothing, by its `form`. `form` is also how
    `percent_forms` writes rates. `fields` has the fields to add, remove, null or replace (with these values). Events
    during a sync (`tokens_expire`, `credentials_revoked`, `campaign_deleted` with the `campaign_id` in `fields`) happen
    just before the response, which then follows from them.
    """

    action: Action
    path: str = ""
    method: str = ""
    skip: int = 0
    times: int | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    seconds: float = 0
    fields: Mapping[str, Any] = field(default_factory=dict)
    form: PercentForm | EndlessForm = "number"

    def matches(self, method: str, target: str) -> bool:
        """Whether this method and decoded path with query match."""
        return bool(re.search(self.method, method) and re.search(self.path, target))

    def as_json(self) -> dict[str, Any]:
        """The fault as data for JSON."""
        return asdict(self)


def from_json(data: object) -> Fault:
    """Builds a fault from a JSON object. Raises ValueError with the problem."""
    if not isinstance(data, dict):
        raise ValueError("a fault is a JSON object")
    unknown = set(data) - {known.name for known in fields(Fault)}
    if unknown:
        raise ValueError(f"unknown fields of a fault: {', '.join(sorted(unknown))}")
    if data.get("action") not in get_args(Action):
        raise ValueError(f"action must be one of: {', '.join(get_args(Action))}")
    fault = Fault(**data)
    try:
        fault.matches("GET", "/")
    except (re.error, TypeError) as problem:
        raise ValueError(f"path and method must be regular expressions: {problem}") from problem
    return fault


class Planted:
    """An active fault, with counts of matching requests."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.skipped = 0
        self.hits = 0

    def takes(self, method: str, target: str) -> bool:
        """Whether the fault hits this request; counts it."""
        spent = self.fault.times is not None and self.hits >= self.fault.times
        if spent or not self.fault.matches(method, target):
            return False
        if self.skipped < self.fault.skip:
            self.skipped += 1
            return False
        self.hits += 1
        return True


class FaultBook:
    """The active faults, oldest first. Only the first one that takes a request sees it."""

    def __init__(self) -> None:
        self._planted: list[Planted] = []

    def add(self, fault: Fault) -> Planted:
        """Activates a fault."""
        planted = Planted(fault)
        self._planted.append(planted)
        return planted

    def take(self, method: str, target: str) -> Fault | None:
        """The fault that hits this request, if any."""
        return next((planted.fault for planted in self._planted if planted.takes(method, target)), None)

    def all(self) -> list[Planted]:
        """All faults, used-up ones included."""
        return list(self._planted)

    def clear(self) -> None:
        """Removes all faults."""
        self._planted.clear()


def answer(status: int, body: Any = None, headers: Mapping[str, str] | None = None, **target: Unpack[Target]) -> Fault:
    """Any status with any body."""
    return Fault("answer", status=status, body=body, headers=dict(headers or {}), **target)


def unauthorized(**target: Unpack[Target]) -> Fault:
    """401, as for an expired token."""
    return answer(401, error_object(401, "Unauthorized"), **target)


def forbidden(title: str = "Your plan does not include this feature", **target: Unpack[Target]) -> Fault:
    """403 for a missing entitlement (E2)."""
    return answer(403, error_object(403, title), **target)


def not_found(title: str = "Resource not found", **target: Unpack[Target]) -> Fault:
    """404 for a missing route or entity (E1)."""
    return answer(404, error_object(404, title), **target)


def unprocessable(message: str = "Campaign not found", **target: Unpack[Target]) -> Fault:
    """422, as progress returns for a campaign that it cannot read (E6)."""
    return answer(422, {"data": {"message": message}}, **target)


def rate_limited(retry_after: int | str | None = None, **target: Unpack[Target]) -> Fault:
    """429 with plain text (E8). The real API sends no Retry-After (API reference 1.3)."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return answer(429, "Your rate is limited", headers, **target)


def server_error(status: int = 500, body: Any = "Internal Server Error", **target: Unpack[Target]) -> Fault:
    """A 5xx with plain text (E9)."""
    return answer(status, body, **target)


def html_page(status: int = 200, title: str = "Just a moment...", **target: Unpack[Target]) -> Fault:
    """An HTML page instead of JSON (E9), as from a proxy or during maintenance."""
    return answer(status, HTML.format(title=title), {"Content-Type": "text/html; charset=utf-8"}, **target)


def firewall(status: int = 403, **target: Unpack[Target]) -> Fault:
    """The HTML page of a firewall, proxy or portal, with any status and its own Server header."""
    headers = {"Content-Type": "text/html; charset=utf-8", "Server": "gateway"}
    return answer(status, HTML.format(title="Access to this site is blocked"), headers, **target)


def no_location(status: int = 302, **target: Unpack[Target]) -> Fault:
    """A redirect without a Location, with an empty array."""
    return answer(status, [], **target)


def partial(**target: Unpack[Target]) -> Fault:
    """206 with half the rows."""
    return Fault("partial", status=206, **target)


def bad_gateway(**target: Unpack[Target]) -> Fault:
    """502 with a proxy's HTML page (E9)."""
    return html_page(502, "502 Bad Gateway", **target)


def success_false(
    shape: SuccessFalse = "list", text: str = "Something went wrong", status: int = 200, **target: Unpack[Target]
) -> Fault:
    """An error in the body, in one of its shapes (E1, E3, E4, E5), by default with HTTP 200."""
    bodies: dict[SuccessFalse, dict[str, Any]] = {
        "list": {"success": False, "errors": [text, "Second error"]},
        "text": {"success": False, "errors": text},
        "object": {"success": False, **error_object(400, text)},
        "message": {"success": False, "message": text},
        "no_success": error_object(400, text),
    }
    return answer(status, bodies[shape], **target)


def token_refused(status: int = 401, **target: Unpack[Target]) -> Fault:
    """The token endpoint rejects the credentials with an OAuth-like body (E7)."""
    return answer(status, oauth_error("invalid_client", "Client authentication failed"), **_on_token(target))


def token_without_access_token(**target: Unpack[Target]) -> Fault:
    """The token endpoint answers 200 without a token (API reference 1.2)."""
    return answer(200, {"token_type": "Bearer", "expires_in": 3600}, **_on_token(target))


def wrong_container(**target: Unpack[Target]) -> Fault:
    """An object instead of an array (rows by index, as PHP writes sparse arrays), or an array of one object."""
    return Fault("wrong_container", **target)


def cut_body(**target: Unpack[Target]) -> Fault:
    """Half the bytes that Content-Length announces, then the connection closes."""
    return Fault("cut_body", **target)


def cut_json(**target: Unpack[Target]) -> Fault:
    """A complete HTTP response whose JSON is truncated."""
    return Fault("cut_json", **target)


def reset_before(**target: Unpack[Target]) -> Fault:
    """The connection is reset before any byte of the response."""
    return Fault("reset_before", **target)


def reset_within(**target: Unpack[Target]) -> Fault:
    """The connection is reset after half of the body."""
    return Fault("reset_within", **target)


def hang(**target: Unpack[Target]) -> Fault:
    """Accepts the request and never responds."""
    return Fault("hang", **target)


def drip(seconds: float = 1.0, **target: Unpack[Target]) -> Fault:
    """One byte of the body at a time, with a pause of this many seconds after each."""
    return Fault("drip", seconds=seconds, **target)


def endless(form: EndlessForm, seconds: float = 1.0, **target: Unpack[Target]) -> Fault:
    """A part of the response before or around its body that never ends, a piece every `seconds`."""
    return Fault("endless", seconds=seconds, form=form, **target)


def delay(seconds: float, **target: Unpack[Target]) -> Fault:
    """The right response, late."""
    return Fault("delay", seconds=seconds, **target)


def extra_fields(values: Mapping[str, Any] | None = None, **target: Unpack[Target]) -> Fault:
    """New fields, on every row and object."""
    added = values or {"new_metric": 3, "new_object": {"nested": [1, 2]}}
    return Fault("extra_fields", fields=dict(added), **target)


def missing_fields(names: Sequence[str], **target: Unpack[Target]) -> Fault:
    """Fields that are absent."""
    return Fault("missing_fields", fields=dict.fromkeys(names), **target)


def null_fields(names: Sequence[str], **target: Unpack[Target]) -> Fault:
    """Fields that are null."""
    return Fault("null_fields", fields=dict.fromkeys(names), **target)


def wrong_types(values: Mapping[str, Any], **target: Unpack[Target]) -> Fault:
    """Fields with these values instead, such as {"emails_sent": "many"}."""
    return Fault("wrong_types", fields=dict(values), **target)


def percent_forms(form: PercentForm = "number", **target: Unpack[Target]) -> Fault:
    """Rates and progress as 61, "61" or null instead of "61%" (API reference 5)."""
    return Fault("percent_forms", form=form, **target)


def tokens_expire(**target: Unpack[Target]) -> Fault:
    """All tokens expire just before the request; clients can get new ones."""
    return Fault("tokens_expire", **target)


def credentials_revoked(**target: Unpack[Target]) -> Fault:
    """The API key is replaced just before the request: tokens expire and the credentials are rejected."""
    return Fault("credentials_revoked", **target)


def campaign_deleted(campaign_id: int, **target: Unpack[Target]) -> Fault:
    """A campaign is deleted just before the request."""
    return Fault("campaign_deleted", fields={"campaign_id": campaign_id}, **target)


def error_object(code: int, title: str) -> dict[str, Any]:
    """The body of E1 and E2."""
    return {"errors": {"code": code, "title": title, "source": ""}}


def oauth_error(error: str, description: str) -> dict[str, str]:
    """The body of E7. Its keys are unknown, so it has all that clients look for."""
    return {"error": error, "error_description": description, "message": description}


def _on_token(target: Target) -> Target:
    return {**target, "path": target.get("path", "/v1/oauth/access_token")}


def rows(document: Any) -> Iterable[dict[str, Any]]:
    """The objects of a response whose fields a fault may change: array rows, or the object and its lists of rows."""
    if isinstance(document, list):
        yield from (row for row in document if isinstance(row, dict))
    elif isinstance(document, dict):
        yield document
        yield from rows(document.get("data"))
        yield from rows(document.get("prospects"))


def changed(fault: Fault, document: Any) -> Any:
    """Applies the fault's change to the JSON document of a right response."""
    if fault.action == "wrong_container":
        return {str(index): row for index, row in enumerate(document)} if isinstance(document, list) else [document]
    if fault.action == "partial":
        return _halved(document)
    for row in rows(document):
        _change(fault, row)
    return document


def _halved(document: Any) -> Any:
    if isinstance(document, list):
        return document[: len(document) // 2]
    held = {name: value for name, value in document.items() if isinstance(value, list)}
    return document | {name: value[: len(value) // 2] for name, value in held.items()}


def _change(fault: Fault, row: dict[str, Any]) -> None:
    present = [name for name in fault.fields if name in row]
    if fault.action == "extra_fields":
        row.update({name: value for name, value in fault.fields.items() if name not in row})
    elif fault.action == "missing_fields":
        for name in present:
            del row[name]
    elif fault.action in ("null_fields", "wrong_types"):
        row.update({name: fault.fields[name] for name in present})
    elif fault.action == "percent_forms":
        row.update({name: _reformed(value, fault.form) for name, value in row.items() if _is_percent(value)})


def _is_percent(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"\d+%", value) is not None


def _reformed(percent: str, form: PercentForm | EndlessForm) -> int | str | None:
    digits = percent.removesuffix("%")
    forms: dict[str, int | str | None] = {"number": int(digits), "text": digits, "null": None}
    return forms[form]
