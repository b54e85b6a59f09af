"""Syncs into DuckDB through PyAirbyte that are killed again and again. test_kill.py runs this as a program.

PyAirbyte takes over the CDK's logger, so it must not run in the process of other tests.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, Final

from airbyte.caches import DuckDBCache
from airbyte.exceptions import AirbyteConnectorFailedError
from airbyte.sources.base import Source
from duckdb_engine import Dialect

from fault_tests.killer import ALL, COVERED, NOTHING, Killer, Run
from fault_tests.moments import Course, Moment, moments
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world import seeds
from sandbox.world.account import Account, Campaign, Event
from sandbox.world.belongings import WarmUp
from sandbox.world.events import CLICK, FIRST_EMAIL, OPEN, REPLY, day_start
from unit_tests._streams import HISTORIES

SEED: Final = 20_260_917
KILLS: Final = 50
MAX_KILLS: Final = {ALL: 8, COVERED: 8, NOTHING: 3}
"""Maximum kills of one sync, after which it may finish, by what is loaded from its killed runs."""

CAMPAIGNS: Final = 4
"""Number of campaigns, taken from the last active ones of the demo account, which have been active for weeks."""
START: Final = timedelta(days=30)
LATENCY: Final = 0.003

SYNCED: Final = (*HISTORIES, "campaigns", "campaign_replies")
"""The streams with a history, one that is read in full, and a snapshot."""

BEFORE: Final = "before"
"""The sync of an earlier day, from which NEXT syncs continue. A BACKFILL starts without a state."""
BACKFILL: Final = "backfill"
NEXT: Final = "next"

# SQLAlchemy queries these for each table at each sync, which takes longer than everything else; there are none.
for _inspection in ("pk_constraint", "unique_constraints", "check_constraints", "foreign_keys", "table_comment"):
    setattr(Dialect, f"get_multi_{_inspection}", lambda *_, **__: ())


class Syncs:
    """Syncs of one account, each into its own DuckDB file in the folder."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        self._killer = Killer(sandbox)
        self._source = Source(self._killer, "source-snov")
        self._sandbox = sandbox

    def configure(self, campaigns: Iterable[int]) -> None:
        start = self._sandbox.account.today - START
        config = self._sandbox.config(
            campaign_ids=sorted(campaigns), start_date=str(start), report_owners=self._sandbox.account.owners()
        )
        self._source.set_config(config, validate=False)
        self._source.select_streams(list(SYNCED))

    def run(self, name: str, run: Run) -> Course:
        """One run, which starts from the state in the file."""
        self._killer.run = run
        cache = DuckDBCache(db_path=self.folder / f"{name}.duckdb", schema_name="main", cache_dir=self.folder / "cache")
        try:
            self._source.read(cache, skip_validation=True)
        except AirbyteConnectorFailedError:
            if not (run.course.killed and run.loaded == NOTHING):
                raise
        finally:
            cache.close()
        return run.course

    def copy(self, name: str, new: str) -> None:
        shutil.copyfile(self.folder / f"{name}.duckdb", self.folder / f"{new}.duckdb")


def change(account: Account, campaign: Campaign, newcomer: Campaign, story: Iterable[Event]) -> None:
    """Adds a day of events to a campaign, late events on a past day, a new campaign and a new warm-up."""
    now = day_start(account.today)
    sender = campaign.email_senders[0]
    people = campaign.recipients[:20]
    today = [Event(now + 60 * n, kind, person, sender) for n, person in enumerate(people) for kind in (OPEN, CLICK)]
    late = [Event(now - 3 * 86_400 + 60 * n, OPEN, person, sender) for n, person in enumerate(people[:5])]
    account.add_events(campaign.id, [*today, *late, Event(now + 7_200, REPLY, people[0], sender, 0, "maybe")])
    account.add_campaign(newcomer, story)
    warm_ups = account.belongings.warm_ups
    warm_ups.append(WarmUp(warm_ups[-1].id + 1, "active", 55001, account.today - timedelta(days=5)))


def account_with_newcomer() -> tuple[Account, list[int], Campaign, Iterable[Event]]:
    """An account, the ids of some of its campaigns, and a campaign that is yet to be added, with its events."""
    account = seeds.demo_account()
    mailed = [
        one
        for one in account.campaigns.values()
        if one.status == "Active" and any(event.kind == FIRST_EMAIL for event in account.events(one.id))
    ]
    newcomer, *others = mailed[-CAMPAIGNS:]
    story = account.events(newcomer.id)
    account.remove_campaign(newcomer.id)
    return account, [one.id for one in others], newcomer, story


def killed(syncs: Syncs, name: str, loaded: str, upcoming: Iterator[Moment], kills: int) -> list[Course]:
    """The runs of one sync: up to `kills` killed ones, and a last one that finishes."""
    courses: list[Course] = []
    while not courses or courses[-1].killed:
        moment = next(upcoming) if len(courses) < kills else None
        courses.append(syncs.run(name, Run(loaded, moment)))
    return courses


def main(folder: Path) -> None:
    """Writes a DuckDB file for each sync, and syncs.json about all of them."""
    account, campaigns, newcomer, story = account_with_newcomer()
    with Sandbox(account, Settings(requests_per_minute=None, latency=LATENCY)) as sandbox:
        syncs = Syncs(folder, sandbox)
        syncs.configure(campaigns)
        syncs.run(BEFORE, Run())
        change(account, account.campaigns[campaigns[0]], newcomer, story)
        syncs.configure([*campaigns, newcomer.id])
        whole = {BACKFILL: syncs.run(BACKFILL, Run())}
        syncs.copy(BEFORE, NEXT)
        whole[NEXT] = syncs.run(NEXT, Run())

        rng, kills = Random(SEED), 0
        upcoming = {kind: moments(rng, course, len(SYNCED)) for kind, course in whole.items()}
        done: list[dict[str, Any]] = []
        # Alternates two kinds of sync and three kinds of loading, so that all combinations occur.
        for number, (kind, loaded) in enumerate(zip(cycle(whole), cycle(MAX_KILLS))):
            if kills == KILLS:
                break
            name = f"{kind}_{number}"
            if kind == NEXT:
                syncs.copy(BEFORE, name)
            courses = killed(syncs, name, loaded, upcoming[kind], min(MAX_KILLS[loaded], KILLS - kills))
            kills += sum(course.killed for course in courses)
            done.append({"name": name, "kind": kind, "loaded": loaded, "runs": [vars(course) for course in courses]})
    summary = {"whole": {kind: vars(course) for kind, course in whole.items()}, "syncs": done}
    (folder / "syncs.json").write_text(json.dumps(summary, indent=1))
