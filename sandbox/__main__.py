"""`python -m sandbox`: a local Snov.io in the foreground, until Ctrl-C."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import get_args

from sandbox.account import Account
from sandbox.flood import flood_account
from sandbox.running import HOST, bind, server_for
from sandbox.seeds import demo_account, sized_account
from sandbox.server import create_app
from sandbox.settings import PENALTY, Settings, UnknownIds
from sandbox.shapes import SHAPES


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve an account as the command line says."""
    options = _options(arguments)
    settings = Settings(
        requests_per_minute=options.rate_limit,
        penalty_seconds=options.penalty,
        token_lifetime=options.token_lifetime,
        latency=options.latency,
        unknown_ids=options.unknown_ids,
    )
    account = _account(options)
    listener = bind(options.port)
    print(_greeting(account, settings, listener.getsockname()[1]), flush=True)
    with suppress(KeyboardInterrupt):
        server_for(create_app(account, settings)).run([listener])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="A local Snov.io with a seeded account.")
    parser.add_argument("--port", type=int, default=8787, help="port on 127.0.0.1, 0 for a free one (default 8787)")
    instead = parser.add_argument_group("instead of the demo account").add_mutually_exclusive_group()
    instead.add_argument("--campaigns", type=int, help="that many small campaigns")
    instead.add_argument("--events", type=int, help="one campaign with that many events, which take no memory here")
    instead.add_argument("--shape", choices=sorted(SHAPES), help="an account to measure a daily history with")
    parser.add_argument("--seed", type=int, default=7, help="another seed tells another story (default 7)")
    parser.add_argument("--rate-limit", type=_limit, default=60, help="requests in any 60 s, or off (default 60)")
    parser.add_argument(
        "--penalty", type=float, nargs="?", const=PENALTY, default=0, help="a 429 blocks for that long (300 s if bare)"
    )
    parser.add_argument("--latency", type=float, default=0, help="seconds added to every answer (default 0)")
    parser.add_argument("--token-lifetime", type=int, default=3600, help="seconds a token lives (default 3600)")
    parser.add_argument(
        "--unknown-ids",
        choices=get_args(UnknownIds),
        default="ignored",
        help="what analytics make of the id of no campaign (default ignored)",
    )
    return parser.parse_args(arguments)


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
