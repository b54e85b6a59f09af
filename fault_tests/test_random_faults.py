"""Syncs of several streams that meet several faults at once end, sync after sync, in the tables of undisturbed ones.

`MIXES=2000 pytest fault_tests/test_random_faults.py` draws 2,000 mixes instead of 200; each number is a seed.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from fault_tests._kinds import KINDS, ON_THE_TOKEN
from fault_tests._running import Said
from fault_tests._synced import PARENTS, STREAMS, Synced, last_state, undisturbed, warnings
from sandbox import faults
from sandbox.faults import Fault
from unit_tests._streams import TOKEN

MIXES = int(os.environ.get("MIXES", "200"))
LONGEST_WAIT = 6 * 3600
"""Simulated seconds within which a sync of several streams has ended, however often it is told to wait."""

MOST_SYNCS = 6
"""After so many, faults are over; some end each sync that meets them, and there may be dozens."""

NEW_FIELDS = frozenset(faults.extra_fields().fields)
OF_DATA = [kind for kind in KINDS.values() if kind.plant is not faults.credentials_revoked]
OF_THE_TOKEN = list(ON_THE_TOKEN.values())


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    with undisturbed(tmp_path_factory.mktemp("mixes")) as made:
        yield made


@pytest.mark.parametrize("seed", range(MIXES))
def test_a_mix_of_faults_ends_in_the_same_tables(synced: Synced, seed: int) -> None:
    rng = Random(seed)
    streams = rng.sample(sorted(STREAMS), rng.randint(1, 5))
    synced.sandbox.clear()
    for _ in range(rng.randint(1, 6)):
        synced.sandbox.add_fault(some_fault(rng, streams))
    syncs = list(until_complete(synced, rng, streams))
    if any(log for log in warnings(syncs[-1]) if "is skipped" in log or "one request cannot name all" in log):
        synced.sandbox.clear()
        syncs.append(synced.sync(*streams, state=last_state(*syncs)))
        assert not syncs[-1].errors
        assert not warnings(syncs[-1])
    for stream in streams:
        truth = synced.truth(stream)
        for said in syncs:
            records = said.records(stream)
            known = [{name: record[name] for name in record if name not in NEW_FIELDS} for record in records]
            assert all(truth[synced.key(stream, record)] == synced.stable(stream, record) for record in known)
            assert len({synced.key(stream, record) for record in known}) == len(records)
        assert synced.table(stream, syncs).keys() == truth.keys()


def some_fault(rng: Random, streams: list[str]) -> Fault:
    """A fault of the requests of one of these streams, of the list it depends on or of the token."""
    stream = rng.choice(streams)
    path = rng.choice([STREAMS[stream], STREAMS[stream], f"^{STREAMS[PARENTS.get(stream, stream)]}", TOKEN])
    kind = rng.choice(OF_THE_TOKEN if path == TOKEN else OF_DATA)
    fault = kind.at(path, skip=0 if path == TOKEN else rng.randint(0, 8))
    return replace(fault, times=rng.randint(1, 12)) if fault.times is None else fault


def until_complete(synced: Synced, rng: Random, streams: list[str]) -> Iterator[Said]:
    """Syncs of which each goes on from the states of those before, until one is complete."""
    syncs: list[Said] = []
    while not syncs or syncs[-1].errors:
        assert len(syncs) <= MOST_SYNCS
        if len(syncs) == MOST_SYNCS:
            synced.sandbox.clear_faults()
        # A token outlives a sync of some seconds, and would never be asked for again.
        synced.sandbox.expire_tokens()
        syncs.append(synced.sync(*streams, state=last_state(*syncs), num_workers=rng.choice([1, 2, 4])))
        assert sum(synced.clock.sleeps) < LONGEST_WAIT
        yield syncs[-1]
