"""What the configuration's schema cannot check."""

import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException


def check_config(config: Mapping[str, Any]) -> None:
    """Raises AirbyteTracedException (config_error), with what to change, for a value that cannot be meant."""
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
