"""Syncs of several streams with several faults at once finally end in the tables of undisturbed syncs.

`MIXES=2000 pytest fault_tests/test_random_faults.py` draws 2,000 mixes instead of 100; each number is a seed.
"""

import os
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest

from fault_tests._kinds import KINDS, ON_THE_TOKEN
from fault_tests._running import Said
from fault_tests._synced import OWN_PATHS, PARENTS, Synced, last_state, undisturbed, warnings
from sandbox import faults
from sandbox.faults import Fault
from unit_tests._names import TOKEN_PATH

MIXES = int(os.environ.get("MIXES", "100"))
MAX_WAIT = 6 * 3600
"""Maximum simulated seconds of waiting of a sync of several streams."""

MAX_SYNCS = 6
"""Maximum syncs until the faults are removed: some end every sync that meets them, and there may be dozens."""

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
    streams = rng.sample(sorted(OWN_PATHS), rng.randint(1, 5))
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
    """A fault in the requests of one of these streams, of its parent list or of the token."""
    stream = rng.choice(streams)
    path = rng.choice([OWN_PATHS[stream], OWN_PATHS[stream], f"^{OWN_PATHS[PARENTS.get(stream, stream)]}", TOKEN_PATH])
    kind = rng.choice(OF_THE_TOKEN if path == TOKEN_PATH else OF_DATA)
    fault = kind.at(path, skip=0 if path == TOKEN_PATH else rng.randint(0, 8))
    return replace(fault, times=rng.randint(1, 12)) if fault.times is None else fault


def until_complete(synced: Synced, rng: Random, streams: list[str]) -> Iterator[Said]:
    """Syncs, each of which continues from the states of those before, until one is complete."""
    syncs: list[Said] = []
    while not syncs or syncs[-1].errors:
        assert len(syncs) <= MAX_SYNCS
        if len(syncs) == MAX_SYNCS:
            synced.sandbox.clear_faults()
        # A token outlives syncs of a few seconds, and would not be requested again.
        synced.sandbox.expire_tokens()
        syncs.append(synced.sync(*streams, state=last_state(*syncs), num_workers=rng.choice([1, 2, 4])))
        assert sum(synced.clock.sleeps) < MAX_WAIT
        yield syncs[-1]
