"""`make verify CONFIG=secrets/config.json`: checks open points against a real account, with at most 120 read requests.

Prints a table and writes verify.json, both without personal data. The exit code is 0 if it could run, even if points
differ, else 1.
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from verify import access, activity, analytics, endpoints, lists
from verify.account import CAMPAIGNS, Account
from verify.client import CannotRun, Client, CouldNotTell
from verify.findings import Point, Seen
from verify.report import Finding, as_json, table

MAX_REQUESTS: Final = 120
API: Final = "https://api.snov.io"

POINTS: Final[Sequence[Point]] = (
    access.bearer,
    analytics.last_day,
    activity.last_day,
    analytics.zone,
    analytics.sum_of_days,
    analytics.agree_with_events,
    analytics.long_period,
    analytics.several_ids,
    analytics.people_of_several_ids,
    analytics.unknown_id,
    activity.dates,
    activity.limit,
    activity.offset,
    activity.has_more,
    activity.pages,
    activity.twice,
    activity.types,
    lists.emails_page,
    lists.emails_offset,
    lists.emails_ids,
    lists.emails_key,
    lists.prospect_ids,
    lists.replies_pages,
    lists.replies_twice,
    lists.prospects_pages,
    lists.prospects_twice,
    lists.warm_up_pages,
    lists.warm_up_last_day,
    *endpoints.SHAPES,
    endpoints.times,
    endpoints.statuses,
    endpoints.numbers_of_replies,
    lists.replies_form,
    analytics.rates,
    access.old_token,
    access.wrong_token,
    analytics.tomorrow,
    activity.tomorrow,
    activity.longest,
    activity.names,
    *access.UNKNOWN_CAMPAIGN,
    lists.unknown_list,
    analytics.before_start,
    analytics.senders,
    analytics.without_dates,
)
"""All points but the first and the last, by importance: the budget may not be enough for all."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the verification. Returns the exit code."""
    options = _options(arguments)
    try:
        config = load_config(options.config)
        client = Client(
            config.get("api_url") or API,
            config["client_id"].strip(),
            config["client_secret"].strip(),
            most=MAX_REQUESTS,
            per_minute=options.requests_per_minute,
        )
        minutes = MAX_REQUESTS / options.requests_per_minute
        print(f"At most {MAX_REQUESTS} requests, about {minutes:.1f} minutes. They only read.", file=sys.stderr)
        account = Account(client)
        findings = verify(account, options.wrong_secret)
    except CannotRun as problem:
        print(f"The account could not be verified. {filter_secrets(str(problem))}", file=sys.stderr)
        return 1
    report = as_json(findings, account, version("airbyte-source-snov"))
    options.output.write_text(filter_secrets(json.dumps(report, indent=2)) + "\n")
    print(filter_secrets(table(findings, client)))
    print(f"Wrote {options.output}: names of fields, types, counts and statuses, no values of the account.")
    return 0


def verify(account: Account, wrong_secret: bool = False) -> Sequence[Finding]:
    """Checks all points. Raises CannotRun without a token or campaigns."""
    findings = [Finding(access.token, _first_token(account))]
    _campaigns(account)
    findings += [Finding(point, looked_at(point, account)) for point in POINTS]
    skipped = Seen("could not tell", "skipped, because failed logins may lock the account; --wrong-secret checks it")
    findings.append(Finding(access.wrong_secret, looked_at(access.wrong_secret, account) if wrong_secret else skipped))
    return [*findings, Finding(access.pace, looked_at(access.pace, account))]


def looked_at(point: Point, account: Account) -> Seen:
    """Checks a point. No response of the API makes it fail."""
    try:
        return point.look(account)
    except CouldNotTell as reason:
        return Seen("could not tell", str(reason))
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
        # The text of the exception may quote a value.
        return Seen("could not tell", f"a response has an unexpected form ({type(problem).__name__})")


def _first_token(account: Account) -> Seen:
    try:
        return access.token.look(account)
    except CouldNotTell as reason:
        raise CannotRun(f"No token: {reason}. Check the network, the proxy and api_url.") from None


def _campaigns(account: Account) -> None:
    try:
        found = account.campaigns
    except CouldNotTell as reason:
        raise CannotRun(f"No campaigns: {CAMPAIGNS} {reason}.") from None
    if not found:
        raise CannotRun(
            f"{CAMPAIGNS} lists no campaign that this API user can see. Use the credentials of a user who has some."
        )


def load_config(path: Path) -> dict[str, Any]:
    """Loads the connector's configuration. Raises CannotRun, without quoting it, if it has no credentials."""
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError) as problem:
        raise CannotRun(f"{path} cannot be read as JSON ({type(problem).__name__}).") from None
    if not isinstance(config, dict) or not all(
        isinstance(config.get(name), str) and config[name].strip() for name in ("client_id", "client_secret")
    ):
        raise CannotRun(f"{path} must contain a JSON object with client_id and client_secret.")
    parts = urlsplit(str(config.get("api_url") or API))
    if parts.scheme != "https" and not _is_here(parts.hostname or ""):
        raise CannotRun("api_url must begin with https. http is only allowed for localhost.")
    return config


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="make verify", description="Check open points of the Snov.io API against a real account."
    )
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("secrets/config.json"),
        help="the connector's configuration, a JSON file (default: %(default)s)",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("verify.json"), help="the file for the findings (default: %(default)s)"
    )
    parser.add_argument(
        "--requests-per-minute",
        type=_pace,
        default=55,
        help="lower this if anything else uses the account (default: %(default)s)",
    )
    parser.add_argument(
        "--wrong-secret", action="store_true", help="also log in once with a wrong secret, which may lock the account"
    )
    return parser.parse_args(arguments)


def _pace(text: str) -> float:
    pace = float(text)
    if pace <= 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return pace


if __name__ == "__main__":
    sys.exit(main())
