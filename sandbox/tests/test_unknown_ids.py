"""Analytics ignore an unknown campaign id or return an error, as the settings say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, UnknownIds
from sandbox.tests._client import LONG_AGO, TODAY, Client
from sandbox.world import seeds
from unit_tests._names import ANALYTICS_PATH

ERROR_OBJECT = {"title": "Campaign not found", "source": ""}
DATES: dict[str, Any] = {"date_from": str(LONG_AGO), "date_to": str(TODAY)}


@pytest.mark.parametrize(
    ("way", "status", "body"),
    [
        ("not_found", 404, {"errors": {"code": 404, **ERROR_OBJECT}}),
        ("unprocessable", 422, {"data": {"message": "Campaign not found"}}),
        ("bad_request", 400, {"errors": {"code": 400, **ERROR_OBJECT}}),
        ("error_in_200", 200, {"success": False, "errors": ["Campaign not found"]}),
    ],
)
def test_an_unknown_id_can_be_an_error(way: UnknownIds, status: int, body: dict[str, Any]) -> None:
    with Sandbox(seeds.sized_account(3, today=TODAY), replace(UNLIMITED, unknown_ids=way)) as sandbox:
        client = Client(sandbox).log_in()
        sandbox.account.remove_campaign(910_002)
        for ids in ("1", "910001,910002", "910001,910003,x"):
            response = client.get(ANALYTICS_PATH, campaign_id=ids, **DATES)
            assert (response.status_code, response.json()) == (status, body), ids
        for ids in ("", "910001", "910001,910003"):
            assert client.get(ANALYTICS_PATH, campaign_id=ids, **DATES).json()["emails_sent"] > 0, ids


def test_unknown_ids_are_ignored_by_default() -> None:
    with Sandbox(seeds.sized_account(3, today=TODAY), UNLIMITED) as sandbox:
        client = Client(sandbox).log_in()
        assert client.analytics(campaign_id="910001,1,x") == client.analytics(campaign_id="910001")
