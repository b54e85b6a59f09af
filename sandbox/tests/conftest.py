from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.tests._client import TODAY, Client
from sandbox.world import seeds
from sandbox.world.account import Account


@pytest.fixture(scope="module")
def account() -> Account:
    return seeds.demo_account(today=TODAY)


@pytest.fixture(scope="module")
def running(account: Account) -> Iterator[Sandbox]:
    with Sandbox(account, UNLIMITED) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def session(running: Sandbox) -> Iterator[Client]:
    client = Client(running).log_in()
    yield client
    client.session.close()


@pytest.fixture
def client(session: Client, running: Sandbox) -> Client:
    running.clear()
    return session
