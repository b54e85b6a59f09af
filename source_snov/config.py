"""What is wrong with a configuration, said without quoting it: what stands in the wrong place may be the secret."""

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException
from jsonschema import Draft7Validator, ValidationError

from source_snov.files import kind_of

MOST_PROBLEMS = 5
"""Problems that one message names."""

WORDS = {
    "string": "text",
    "integer": "a whole number",
    "array": "a list",
    "object": "an object",
}


class Unusable(dict[str, Any]):
    """Stands for a configuration with `problem`.

    It is valid by the specification, so that the CDK hands it on to the command, which says what is wrong in the way
    that the protocol wants of it. The CDK's own message does not name the field and quotes what stands there.
    """

    def __init__(self, problem: str) -> None:
        super().__init__(client_id=uuid4().hex, client_secret=uuid4().hex)
        self.problem = problem


def usable(config: Mapping[str, Any], form: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the specification knows, with whole numbers as integers; Unusable if one is not as it demands.

    form: the specification's JSON schema. Fields that it does not know are ignored.
    """
    known = {name: _plain(value) for name, value in config.items() if name in form["properties"]}
    problems = list(dict.fromkeys(_described(error) for error in Draft7Validator(form).iter_errors(known)))
    problems += [f"{name} holds half a character" for name, value in known.items() if not _is_text(value)]
    if not problems:
        return known
    more = f" and {len(problems) - MOST_PROBLEMS} more" if len(problems) > MOST_PROBLEMS else ""
    return Unusable(
        f"Config validation error: {'; '.join(problems[:MOST_PROBLEMS])}{more}. Correct this and try again."
    )


def _plain(value: Any) -> Any:
    """4.0 is a whole number to a JSON schema, and not to all who read it."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _is_text(value: Any) -> bool:
    try:
        return bool(json.dumps(value, ensure_ascii=False).encode())
    except UnicodeEncodeError:
        return False


def _described(error: ValidationError) -> str:
    """Which field is wrong, and what it should be."""
    field, *place = error.absolute_path or [""]
    name = f"entry {int(place[0]) + 1} of {field}" if place else str(field)
    rule, demanded, schema, instance = _parts(error)
    if rule == "required":
        return f"{' and '.join(each for each in demanded if each not in instance)} must be given"
    said = {
        "type": f"must be {WORDS.get(str(demanded), demanded)}, and is {kind_of(instance)}",
        "minimum": f"must be at least {demanded}",
        "maximum": f"must be at most {demanded}",
        "minLength": f"must have at least {demanded} characters",
        "uniqueItems": "holds something twice",
        "pattern": f"must have the form {schema.get('pattern_descriptor', demanded)}",
    }
    return f"{name} {said.get(rule, f'does not keep to {rule} {demanded}')}"


def _parts(error: ValidationError) -> tuple[str, Any, Any, Any]:
    """The rule, what it demands, the schema that has it, and the value that breaks it."""
    return str(error.validator), error.validator_value, error.schema, error.instance


def check_config(config: Mapping[str, Any]) -> None:
    """Raises AirbyteTracedException (config_error), with what to change, for a value that cannot be meant."""
    if isinstance(config, Unusable):
        raise _config_error(config.problem)
    start, end = _day(config, "start_date"), _day(config, "end_date")
    last = end or datetime.now(timezone.utc).date()
    if start and start > last:
        raise _config_error(
            f"start_date {start} is after {f'end_date {end}' if end else f'today ({last}, UTC)'}: the period holds no "
            "day. Choose an earlier start_date or a later end_date."
        )
    if config.get("api_url"):
        _check_api_url(str(config["api_url"]).strip())


def _day(config: Mapping[str, Any], name: str) -> date | None:
    value = config.get(name)
    if not value:
        return None
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise _config_error(f"{name} {value} is not a day of the calendar. Write it as YYYY-MM-DD.") from None


def _check_api_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        valid_port = parts.port is None or parts.port > 0
    except ValueError:
        raise _config_error("api_url is not a URL. Write it like https://api.snov.io.") from None
    if (
        not host
        or not valid_port
        or re.search(r"\s", url)
        or parts.username
        or parts.password
        or parts.query
        or parts.fragment
    ):
        raise _config_error(
            "api_url must consist of scheme and host, with a port and a path if need be, like https://api.snov.io: "
            "no user name, password, query or fragment."
        )
    if parts.scheme == "http" and _is_loopback(host):
        # A proxy of the environment would get the secret in clear.
        os.environ["no_proxy"] = ",".join(
            filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), host])
        )
    elif parts.scheme != "https":
        raise _config_error(
            f"api_url begins with {parts.scheme or 'no scheme'}:// and leads to {host}: your secret would cross the "
            "network unencrypted. Use https, or http only to this machine (localhost, 127.0.0.1)."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _config_error(message: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.config_error)
