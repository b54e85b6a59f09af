"""Checks a configuration. Errors name the field and never its value, which may be a misplaced secret."""

import ipaddress
import json
import logging
import re
import unicodedata
from collections.abc import Collection, Mapping
from datetime import date, datetime, timezone
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft7Validator, ValidationError

from source_snov.custom_reports import problems as problems_of_reports
from source_snov.failures import config_error
from source_snov.files import kind_of

logger = logging.getLogger("airbyte.snov")

MAX_PROBLEMS = 5
"""Maximum number of problems in one message."""

WORDS = {
    "string": "text",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
    "boolean": "true or false",
}


MASK = "*" * 8
"""Stands in for a credential. The CDK masks it too, which changes no message."""


class Unusable(dict[str, Any]):
    """Stands in for an invalid configuration. problem: the message for the user.

    It is valid by the specification, so that the CDK passes it on to the command, which reports the problem in the
    protocol's form. The CDK's own message quotes the value and does not name the field.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(client_id=MASK, client_secret=MASK)
        self.problem = problem


CREDENTIALS = ("client_id", "client_secret")

QUOTES = dict(zip("\"'`“„«\u2018", "\"'`”“»\u2019", strict=True))

LABEL = re.compile(
    r"""["'`]?(api[ _]?)?(user[ _]?id|client[ _]?id|(client[ _]?)?secret)["'`]?\s*[:=]\s*""", re.IGNORECASE
)
"""A label copied along with the value, from the screen of Snov.io or from a settings file."""


def usable(config: Mapping[str, Any], form: Mapping[str, Any], streams: Collection[str] = ()) -> dict[str, Any]:
    """Returns the known fields, with whole numbers as integers, or Unusable if one of them is invalid.

    form: the specification's JSON schema. streams: names that no custom report may have.

    Ignores unknown fields. Drops empty text and null, which forms and templates write for empty fields and entries.
    """
    given = {name: _stripped(_credential(value) if name in CREDENTIALS else value) for name, value in config.items()}
    known = {name: value for name, value in given.items() if name in form["properties"] and not _is_empty(value)}
    problems = list(dict.fromkeys(_described(error) for error in Draft7Validator(form).iter_errors(known)))
    problems += [f"{name} has an invalid character" for name, value in known.items() if not _is_text(value)]
    problems = problems or list(problems_of_reports(known, streams))
    if not problems:
        return known
    more = f" and {len(problems) - MAX_PROBLEMS} more" if len(problems) > MAX_PROBLEMS else ""
    return Unusable(f"Config validation error: {'; '.join(problems[:MAX_PROBLEMS])}{more}. Correct this and try again.")


def warn_of_unknown_fields(config: Mapping[str, Any], form: Mapping[str, Any]) -> None:
    """Logs each unknown field, with the field that was probably meant."""
    for name in config:
        # Airbyte's own fields begin with an underscore.
        if name in form["properties"] or name.startswith("_"):
            continue
        # A name with digits may be a misplaced secret.
        shown = name if re.fullmatch(r"[A-Za-z_. -]{1,40}", name) else "a field"
        near = get_close_matches(name.lower(), form["properties"], n=1)
        hint = f"did you mean {near[0]}?" if near else f"its fields are {', '.join(form['properties'])}."
        logger.warning(f"The configuration has {shown}, which is not one of its fields and is ignored: {hint}")


def _stripped(value: Any) -> Any:
    """Strips text, drops empty entries, and turns 4.0 into 4, which a JSON schema accepts as an integer."""
    if isinstance(value, list):
        return [_stripped(item) for item in value if not _is_empty(item)]
    if isinstance(value, dict):
        return {name: _stripped(item) for name, item in value.items() if not _is_empty(item)}
    if isinstance(value, str):
        return value.strip()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _credential(value: Any) -> Any:
    """Removes what was pasted along: invisible characters, a label such as `API Secret:`, quotes."""
    if not isinstance(value, str):
        return value
    text = "".join(character for character in value if unicodedata.category(character) != "Cf").strip()
    text = LABEL.sub("", text, count=1) if LABEL.match(text) else text
    inner = text.rstrip(",;")
    quoted = len(inner) > 1 and QUOTES.get(inner[0]) == inner[-1]
    return inner[1:-1] if quoted else text


def _is_text(value: Any) -> bool:
    try:
        return bool(json.dumps(value, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return False


def _described(error: ValidationError) -> str:
    """Names the field, and what it must be."""
    field, *place = error.absolute_path or [""]
    name = f"entry {int(place[0]) + 1} of {field}" if place else str(field)
    if within := [each for each in list(place)[1:] if isinstance(each, str)]:
        name = f"{within[0]} in {name}"
    rule: Any = error.validator
    demanded: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    if rule == "required":
        missing = " and ".join(each for each in demanded if each not in instance)
        return f"{missing} must be given{f' in {name}' if place else ''}"
    if rule == "additionalProperties":
        return f"{name} has a field that a report does not have: its fields are {', '.join(schema['properties'])}"
    if rule == "enum":
        return f"{name} must be one of {', '.join(demanded)}"
    said = {
        "type": f"must be {WORDS.get(str(demanded), demanded)}, but is {kind_of(instance)}",
        "minimum": f"must be at least {demanded}",
        "maximum": f"must be at most {demanded}",
        "minLength": f"must have at least {demanded} characters",
        "uniqueItems": "has duplicate entries",
        "pattern": f"must have the form {schema.get('pattern_descriptor', demanded)}",
    }
    return f"{name} {said.get(rule, f'does not match {rule} {demanded}')}"


def check_config(config: Mapping[str, Any]) -> None:
    """Raises AirbyteTracedException (config_error) for an invalid configuration, with what to change."""
    if isinstance(config, Unusable):
        raise config_error(config.problem)
    start, end = _date(config, "start_date"), _date(config, "end_date")
    last = end or datetime.now(timezone.utc).date()
    if start and start > last:
        raise config_error(
            f"start_date {start} is after {f'end_date {end}' if end else f'today ({last}, UTC)'}: there is no day "
            "to read. Choose an earlier start_date or a later end_date."
        )
    if config.get("api_url"):
        _check_api_url(str(config["api_url"]).strip())


def _date(config: Mapping[str, Any], name: str) -> date | None:
    value = config.get(name)
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise config_error(f"{name} {value} is not a day of the calendar. Write it as YYYY-MM-DD.") from None


def _check_api_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        valid_port = parts.port is None or parts.port > 0
    except ValueError:
        raise config_error("api_url is not a URL. Write it like https://api.snov.io.") from None
    if (
        not host
        or not valid_port
        or re.search(r"\s", url)
        or parts.username
        or parts.password
        or parts.query
        or parts.fragment
    ):
        raise config_error(
            "api_url must consist of scheme and host, with a port and a path if need be, like https://api.snov.io: "
            "no user name, password, query or fragment."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise config_error(
            f"api_url begins with {parts.scheme or 'no scheme'}:// and leads to {host}: your secret would cross the "
            "network unencrypted. Use https, or http only to this machine (localhost, 127.0.0.1)."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
