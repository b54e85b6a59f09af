"""`python -m sandbox`: a local Snov.io in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args

from sandbox.running import HOST, bind, server_for
from sandbox.server import create_app
from sandbox.settings import PENALTY, Settings, UnknownIds
from sandbox.world.account import Account
from sandbox.world.flood import flood_account
from sandbox.world.seeds import demo_account, sized_account
from sandbox.world.shapes import SHAPES


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves an account with the options of the command line."""
    options = _options(arguments)
    settings = Settings(
        requests_per_minute=options.rate_limit,
        penalty_seconds=options.penalty,
        token_lifetime=options.token_lifetime,
        latency=options.latency,
        unknown_ids=options.unknown_ids,
        **dict(options.setting),
    )
    account = _account(options)
    listener = bind(options.port)
    print(_greeting(account, settings, listener.getsockname()[1]), flush=True)
    with suppress(KeyboardInterrupt):
        server_for(create_app(account, settings)).run([listener])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="A local server with Snov.io's API and made-up data."
    )
    parser.add_argument(
        "--port", type=int, default=8787, help="port on 127.0.0.1, 0 for a free one (default: %(default)s)"
    )
    instead = parser.add_argument_group("instead of the demo account").add_mutually_exclusive_group()
    instead.add_argument("--campaigns", type=int, help="number of small campaigns")
    instead.add_argument(
        "--events", type=int, help="one campaign with this many events, generated as they are requested"
    )
    instead.add_argument("--shape", choices=sorted(SHAPES), help="an account for measuring the daily history")
    parser.add_argument("--seed", type=int, default=7, help="seed of the made-up account (default: %(default)s)")
    parser.add_argument(
        "--rate-limit", type=_limit, default=60, help="requests in any 60 seconds, or off (default: %(default)s)"
    )
    parser.add_argument(
        "--penalty",
        type=float,
        nargs="?",
        const=PENALTY,
        default=0,
        help="seconds for which a 429 blocks all requests (300 without a value)",
    )
    parser.add_argument(
        "--latency", type=float, default=0, help="seconds added to every response (default: %(default)s)"
    )
    parser.add_argument(
        "--token-lifetime", type=int, default=3600, help="lifetime of a token in seconds (default: %(default)s)"
    )
    parser.add_argument(
        "--unknown-ids",
        choices=get_args(UnknownIds),
        default="ignored",
        help="how analytics treat an unknown campaign ID (default: %(default)s)",
    )
    parser.add_argument(
        "--setting",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another reading of the API, such as most_days=90 or last_day_left_out=analytics,activity (repeatable)",
    )
    return parser.parse_args(arguments)


def _setting(text: str) -> tuple[str, Any]:
    name, _, value = text.partition("=")
    default = {each.name: each.default for each in fields(Settings)}.get(name)
    if name not in {each.name for each in fields(Settings)} or not value:
        raise argparse.ArgumentTypeError(f"{name} is not a setting, or has no value; sandbox/settings.py lists them")
    if isinstance(default, frozenset):
        return name, frozenset(value.split(","))
    if isinstance(default, bool):
        return name, value.lower() in ("true", "1", "yes")
    return name, int(value) if value.lstrip("-").isdigit() else value


def _limit(text: str) -> int | None:
    return None if text == "off" else int(text)


def account_for(arguments: Sequence[str]) -> Account:
    """The account that `main` serves with these arguments."""
    return _account(_options(arguments))


def _account(options: argparse.Namespace) -> Account:
    if options.shape is not None:
        return SHAPES[options.shape](datetime.now(UTC).date(), options.seed)
    if options.events is not None:
        return flood_account(options.events, options.seed)
    if options.campaigns is not None:
        return sized_account(options.campaigns, options.seed)
    return demo_account(options.seed)


def _greeting(account: Account, settings: Settings, port: int) -> str:
    limit = "no rate limit" if settings.requests_per_minute is None else f"{settings.requests_per_minute} requests/min"
    return (
        f"Snov.io sandbox on http://{HOST}:{port}: {len(account.campaigns)} campaigns, {limit}\n"
        "Configuration for the connector:\n"
        f'  {{"client_id": "{settings.client_id}", "client_secret": "{settings.client_secret}", '
        f'"api_url": "http://{HOST}:{port}"}}\n'
        "Ctrl-C stops it."
    )


if __name__ == "__main__":
    main()
