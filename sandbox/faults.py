"""Faults: which requests shall be answered badly, and how.

A Fault is plain data that can be sent as JSON to a running sandbox. The functions below build the ones that are needed,
so that a test reads like a sentence: `faults.html_page(path="progress", status=200, times=2)`. `path` is a regular
expression looked for in the decoded path and query, "/v2/campaigns/1/progress" or "…?campaign_id=1&date_from=…".

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
    "cut_body",
    "cut_json",
    "reset_before",
    "reset_within",
    "hang",
    "drip",
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

HTML: Final = "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"


class Target(TypedDict, total=False):
    """Which requests a fault hits: see the fields of Fault with the same names."""

    path: str
    method: str
    skip: int
    times: int | None


@dataclass(frozen=True)
class Fault:
    """A fault and its target.

    It hits requests whose method and path match the regular expressions, after letting the first `skip` of them
    through, `times` times (None: for ever). `answer` sends `status`, `headers` and `body` (text as it is, anything
    else as JSON). `seconds` is the length of a `delay` or the pause between two bytes of a `drip`. `fields` names the
    fields to add, remove, null or replace (with these values). `form` is how `percent_forms` writes rates. What happens
    in the midst of a sync (`tokens_expire`, `credentials_revoked`, `campaign_deleted` with the `campaign_id` in
    `fields`) happens just before the answer, which is then what it must be.
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
    form: PercentForm = "number"

    def matches(self, method: str, target: str) -> bool:
        """Whether a request of this method and decoded path with query is meant."""
        return bool(re.search(self.method, method) and re.search(self.path, target))

    def as_json(self) -> dict[str, Any]:
        """The fault as JSON-able data."""
        return asdict(self)


def from_json(data: object) -> Fault:
    """The fault described by a JSON object; ValueError says what is wrong with it."""
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
    """A fault in force, with the requests it has met."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.skipped = 0
        self.hits = 0

    def takes(self, method: str, target: str) -> bool:
        """Whether the fault hits this request, which is then counted."""
        spent = self.fault.times is not None and self.hits >= self.fault.times
        if spent or not self.fault.matches(method, target):
            return False
        if self.skipped < self.fault.skip:
            self.skipped += 1
            return False
        self.hits += 1
        return True


class FaultBook:
    """The faults in force, oldest first. A request is hit by the first that takes it; later ones do not see it."""

    def __init__(self) -> None:
        self._planted: list[Planted] = []

    def add(self, fault: Fault) -> Planted:
        """Put a fault in force."""
        planted = Planted(fault)
        self._planted.append(planted)
        return planted

    def take(self, method: str, target: str) -> Fault | None:
        """The fault that hits this request, if any."""
        return next((planted.fault for planted in self._planted if planted.takes(method, target)), None)

    def all(self) -> list[Planted]:
        """The faults in force, spent ones included."""
        return list(self._planted)

    def clear(self) -> None:
        """Behave well again."""
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
    """422 as progress gives it for a campaign that cannot be read (E6)."""
    return answer(422, {"data": {"message": message}}, **target)


def rate_limited(retry_after: int | str | None = None, **target: Unpack[Target]) -> Fault:
    """429 with a plain text (E8); the real API sends no Retry-After (API reference 1.3)."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return answer(429, "Your rate is limited", headers, **target)


def server_error(status: int = 500, body: Any = "Internal Server Error", **target: Unpack[Target]) -> Fault:
    """A 5xx with a plain text (E9)."""
    return answer(status, body, **target)


def html_page(status: int = 200, title: str = "Just a moment...", **target: Unpack[Target]) -> Fault:
    """An HTML page where JSON is expected (E9), of a proxy or a maintenance window."""
    return answer(status, HTML.format(title=title), {"Content-Type": "text/html; charset=utf-8"}, **target)


def bad_gateway(**target: Unpack[Target]) -> Fault:
    """502 with the HTML page of a proxy (E9)."""
    return html_page(502, "502 Bad Gateway", **target)


def success_false(
    shape: SuccessFalse = "list", text: str = "Something went wrong", status: int = 200, **target: Unpack[Target]
) -> Fault:
    """An error told in the body, in one of its shapes (E1, E3, E4, E5), with HTTP 200 unless said otherwise."""
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
    """The token endpoint answers 200 but gives no token (API reference 1.2)."""
    return answer(200, {"token_type": "Bearer", "expires_in": 3600}, **_on_token(target))


def wrong_container(**target: Unpack[Target]) -> Fault:
    """An object where an array belongs (rows under their index, as PHP writes sparse arrays), or an array of one."""
    return Fault("wrong_container", **target)


def cut_body(**target: Unpack[Target]) -> Fault:
    """Half of the bytes that Content-Length announces, then the connection closes."""
    return Fault("cut_body", **target)


def cut_json(**target: Unpack[Target]) -> Fault:
    """A well-framed answer whose JSON stops in the middle."""
    return Fault("cut_json", **target)


def reset_before(**target: Unpack[Target]) -> Fault:
    """The connection is reset before any byte of the answer."""
    return Fault("reset_before", **target)


def reset_within(**target: Unpack[Target]) -> Fault:
    """The connection is reset after half of the body."""
    return Fault("reset_within", **target)


def hang(**target: Unpack[Target]) -> Fault:
    """Accept the request and never answer."""
    return Fault("hang", **target)


def drip(seconds: float = 1.0, **target: Unpack[Target]) -> Fault:
    """One byte of the body, then a pause of so many seconds, and so on."""
    return Fault("drip", seconds=seconds, **target)


def delay(seconds: float, **target: Unpack[Target]) -> Fault:
    """A right answer, late."""
    return Fault("delay", seconds=seconds, **target)


def extra_fields(values: Mapping[str, Any] | None = None, **target: Unpack[Target]) -> Fault:
    """Fields the API did not have before, on every row and object."""
    added = values or {"new_metric": 3, "new_object": {"nested": [1, 2]}}
    return Fault("extra_fields", fields=dict(added), **target)


def missing_fields(names: Sequence[str], **target: Unpack[Target]) -> Fault:
    """Fields that are simply absent."""
    return Fault("missing_fields", fields=dict.fromkeys(names), **target)


def null_fields(names: Sequence[str], **target: Unpack[Target]) -> Fault:
    """Fields that are null."""
    return Fault("null_fields", fields=dict.fromkeys(names), **target)


def wrong_types(values: Mapping[str, Any], **target: Unpack[Target]) -> Fault:
    """Fields that hold these values instead, such as {"emails_sent": "many"}."""
    return Fault("wrong_types", fields=dict(values), **target)


def percent_forms(form: PercentForm = "number", **target: Unpack[Target]) -> Fault:
    """Rates and progress as 61, "61" or null instead of "61%" (API reference 5)."""
    return Fault("percent_forms", form=form, **target)


def tokens_expire(**target: Unpack[Target]) -> Fault:
    """All tokens expire just before the request; new ones can be had."""
    return Fault("tokens_expire", **target)


def credentials_revoked(**target: Unpack[Target]) -> Fault:
    """The API key is replaced just before the request: tokens expire, and the credentials are refused."""
    return Fault("credentials_revoked", **target)


def campaign_deleted(campaign_id: int, **target: Unpack[Target]) -> Fault:
    """A campaign is deleted just before the request."""
    return Fault("campaign_deleted", fields={"campaign_id": campaign_id}, **target)


def error_object(code: int, title: str) -> dict[str, Any]:
    """The body of E1 and E2."""
    return {"errors": {"code": code, "title": title, "source": ""}}


def oauth_error(error: str, description: str) -> dict[str, str]:
    """The body of E7; its exact keys are not known, so all that clients look for are there."""
    return {"error": error, "error_description": description, "message": description}


def _on_token(target: Target) -> Target:
    return {**target, "path": target.get("path", "/v1/oauth/access_token")}


def rows(document: Any) -> Iterable[dict[str, Any]]:
    """The objects of an answer whose fields a fault may change: array rows, or the object and its lists of rows."""
    if isinstance(document, list):
        yield from (row for row in document if isinstance(row, dict))
    elif isinstance(document, dict):
        yield document
        yield from rows(document.get("data"))
        yield from rows(document.get("prospects"))


def changed(fault: Fault, document: Any) -> Any:
    """The JSON document of a right answer, with the fault's change made to it."""
    if fault.action == "wrong_container":
        return {str(index): row for index, row in enumerate(document)} if isinstance(document, list) else [document]
    for row in rows(document):
        _change(fault, row)
    return document


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


def _reformed(percent: str, form: PercentForm) -> int | str | None:
    digits = percent.removesuffix("%")
    forms: dict[PercentForm, int | str | None] = {"number": int(digits), "text": digits, "null": None}
    return forms[form]
