"""The plan of a report on its own: the truth, within the days asked for, for few requests."""

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_snov.api.assumptions import Aggregate, Assumptions, LastDay, Refused
from source_snov.incremental.periods import Period
from source_snov.incremental.plan import (
    WORST_CASE,
    WORST_CASE_PER_CAMPAIGN,
    Plan,
    Settled,
    Unsettled,
    Window,
    cell_days,
    worst_case_per_sync,
)

TODAY = date(2026, 11, 23)
MAX_CAMPAIGNS = 200


@dataclass
class World:
    """How much happened to each campaign on each day, and how the API reads a request.

    refused: campaigns that are refused, alone and in any list: for good (True) or with doubt (False). included: whether
    `date_to` includes its day. known: what an earlier sync found out about that. counted_days, counted_campaigns: which
    part of a span or list the API counts. too_large: from how many campaigns times days on it refuses a request.
    """

    events: Mapping[int, Mapping[date, int]]
    windows: Sequence[Window]
    refused: Mapping[int, bool] = field(default_factory=dict)
    included: bool = True
    known: bool | None = None
    counted_days: slice = field(default_factory=lambda: slice(None))
    counted_campaigns: slice = field(default_factory=lambda: slice(None))
    too_large: float = math.inf
    likely: tuple[int, date] | None = None
    asked: list[tuple[tuple[int, ...], date, date]] = field(default_factory=list)

    def __call__(self, campaigns: Sequence[int], date_from: date, date_to: date) -> Aggregate:
        self.asked.append((tuple(campaigns), date_from, date_to))
        assert 1 <= len(set(campaigns)) == len(campaigns) <= MAX_CAMPAIGNS
        assert date_from <= date_to <= TODAY + timedelta(days=1)
        at_fault = [self.refused[campaign] for campaign in campaigns if campaign in self.refused]
        span = list(days(date_from, date_to if self.included else date_to - timedelta(days=1)))
        if at_fault or len(span) * len(campaigns) > self.too_large:
            raise Refused(LookupError(f"{campaigns} are refused"), certain=bool(at_fault) and all(at_fault))
        counted = span[self.counted_days]
        found = [
            (campaign, day, count)
            for campaign in (campaigns[self.counted_campaigns] if len(campaigns) > 1 else campaigns)
            for day, count in self.events[campaign].items()
            if day in counted
        ]
        # Only some of what happens are actions; the others are of people, who do not add up.
        actions = sum(count for _, _, count in found if count > 1)
        return Aggregate({"what": sorted(found)}, not found, actions)

    def plan(self) -> Plan:
        self.last_day = LastDay(self.known)
        days = cell_days(self.windows)
        assumptions = Assumptions(self, self.last_day, MAX_CAMPAIGNS, self.likely, cell_days=days)
        return Plan(self.windows, assumptions, TODAY)

    @property
    def days(self) -> int:
        """Rows: of days, or of whichever cells the windows have."""
        return sum(window.cells for window in self.windows)


def days_of(plan: Plan, part: Settled | Unsettled) -> Iterator[tuple[date, Aggregate]]:
    return ((cell.first, aggregate) for cell, aggregate in plan.cells(part))


def corrections_of(plan: Plan) -> Iterator[tuple[int, date, Any]]:
    return ((int(cell.entity), cell.first, aggregate.values["what"]) for cell, aggregate in plan.corrections())


def rows(plan: Plan) -> Iterator[tuple[int, date, list[tuple[int, date, int]]]]:
    for part in plan.campaigns():
        for day, aggregate in days_of(plan, part):
            assert aggregate.empty == (aggregate.values["what"] == [])
            yield int(part.window.entity), day, aggregate.values["what"]
        yield from corrections_of(plan)


def truth(world: World) -> dict[tuple[int, date], list[tuple[int, date, int]]]:
    return {
        (int(window.entity), window.cell(number)): [
            (int(window.entity), day, count)
            for day, count in sorted(world.events[int(window.entity)].items())
            if window.part_of(number, number + 1).first <= day <= window.part_of(number, number + 1).last
        ]
        for window in world.windows
        for number in range(window.cells)
    }


def worst_case(world: World) -> float:
    return WORST_CASE * world.days + WORST_CASE_PER_CAMPAIGN * len(world.windows) + worst_case_per_sync(world.windows)


def days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def read_all(world: World) -> Plan:
    """Reads the plan to its end and compares what came with the truth."""
    plan = world.plan()
    found = list(rows(plan))
    assert len(found) == world.days
    assert {(campaign, day): what for campaign, day, what in found} == truth(world)
    for campaign in {campaign for campaign, _, _ in found}:
        own = [day for one, day, _ in found if one == campaign]
        assert own == sorted(own)
    assert plan.requests == len(world.asked)
    assert plan.days_left == 0
    return plan


@st.composite
def campaigns(draw: st.DrawFn, number: int, period: Period) -> tuple[Window, dict[date, int]]:
    several = min(period.days, 31)
    length = draw(st.integers(1, 60 * several))
    # Few different windows, so that there are groups, and a look-back as well as a whole life.
    first = TODAY - timedelta(days=draw(st.sampled_from([0, 1, 13, 14, 15, length])))
    began = first - timedelta(days=draw(st.sampled_from([0, 0, 7, 90])))
    last_active = draw(st.sampled_from([None, first - timedelta(days=1), first, first - timedelta(days=90)]))
    window = Window(number, first, TODAY, began, last_active, period=period)
    chance = draw(st.sampled_from([0.0, 0.03, 0.3, 0.5, 0.9, 1.0]))
    rng = draw(st.randoms(use_true_random=False))
    active = [day for day in days(first, TODAY) if rng.random() < chance / several]
    return window, {day: draw(st.sampled_from([1, 2, 50])) for day in active[:60]}


@st.composite
def worlds(draw: st.DrawFn, periods: Sequence[Period] = tuple(Period)) -> World:
    period = draw(st.sampled_from(periods))
    drawn = [draw(campaigns(number, period)) for number in range(1, draw(st.integers(0, 8)) + 1)]
    return World({int(window.entity): events for window, events in drawn}, [window for window, _ in drawn])


@settings(deadline=None, max_examples=400)
@given(worlds())
def test_any_activity_gives_the_truth_within_the_worst_case(world: World) -> None:
    plan = read_all(world)
    assert plan.requests <= worst_case(world)


class Spiteful(World):
    """Decides in hindsight, and always against the plan: a span has something in it whenever that still can be."""

    def __init__(self, windows: Sequence[Window], rng: Random, mercy: float) -> None:
        super().__init__({window.entity: {} for window in windows}, windows)
        self._open = {window.entity: set(days(window.first, window.last)) for window in windows}
        self._rng, self._mercy = rng, mercy

    def __call__(self, campaigns: Sequence[int], first: date, last: date) -> Aggregate:
        still_open = [(one, day) for one in campaigns for day in sorted(self._open[one]) if first <= day <= last]
        known = [day for one in campaigns for day in self.events[one] if first <= day <= last]
        if still_open and not known:
            if len(still_open) > 1 and self._rng.random() >= self._mercy:
                campaign, day = still_open[-1]
                # No action: in hindsight, the days would not add up to the total that was given before.
                self.events[campaign][day] = 1  # type: ignore[index]
                self._open[campaign].discard(day)
            elif len(still_open) == 1 or self._rng.random() < 0.5:
                for campaign, day in still_open:
                    self._open[campaign].discard(day)
        return super().__call__(campaigns, first, last)


@settings(deadline=None, max_examples=100)
@given(st.integers(1, 40), st.integers(1, 6), st.randoms(use_true_random=False), st.sampled_from([0.0, 0.2, 0.6]))
def test_an_account_that_is_active_where_it_hurts_most_stays_within_the_worst_case(
    length: int, count: int, rng: Random, mercy: float
) -> None:
    first = TODAY - timedelta(days=length - 1)
    windows = [Window(number, first, TODAY, first) for number in range(count)]
    world = Spiteful(windows, rng, mercy)
    plan = world.plan()
    assert len(list(rows(plan))) == world.days
    assert plan.requests <= worst_case(world)


def test_nothing_is_asked_when_there_is_nothing_to_know() -> None:
    assert read_all(World({}, [])).requests == 0


@pytest.mark.parametrize("number", [1, MAX_CAMPAIGNS, MAX_CAMPAIGNS + 1, 1000])
def test_quiet_campaigns_are_settled_together(number: int) -> None:
    first = TODAY - timedelta(days=14)
    windows = [Window(campaign, first, TODAY, date(2026, 1, 1), date(2026, 2, 1)) for campaign in range(number)]
    seen = date(2026, 2, 1)
    world = World({campaign: {seen: 3} for campaign in range(number)}, windows, known=True, likely=(0, seen))
    # The size of a group grows as nothing is found. Five requests check that it may be believed.
    assert read_all(world).requests <= 2 + 2 * number // MAX_CAMPAIGNS + 5


@pytest.mark.parametrize("actions", [2, 3000], ids=["few", "many"])
def test_the_one_active_day_of_a_year_is_found_wherever_it_is(actions: int) -> None:
    first = TODAY - timedelta(days=364)
    window = Window(1, first, TODAY, first)
    requests = [read_all(World({1: {day: actions}}, [window])).requests for day in days(first, TODAY)]
    assert max(requests) <= 24


def test_where_every_day_is_active_few_questions_are_in_vain() -> None:
    first = TODAY - timedelta(days=89)
    windows = [Window(campaign, first, TODAY, first) for campaign in range(20)]
    everything = {campaign: dict.fromkeys(days(first, TODAY), 5) for campaign in range(20)}
    assert read_all(World(everything, windows)).requests <= 1.02 * 1800


def test_the_look_back_of_campaigns_known_to_be_at_work_is_read_day_by_day() -> None:
    first = TODAY - timedelta(days=14)
    windows = [Window(campaign, first, TODAY, date(2026, 1, 1), TODAY - timedelta(days=1)) for campaign in range(10)]
    everything = {campaign: dict.fromkeys(days(first, TODAY), 5) for campaign in range(10)}
    assert read_all(World(everything, windows)).requests == 150


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("at_fault", [[0], [57], [0, 1, 99], [7, 50, 52]])
def test_a_campaign_at_fault_is_found_and_the_others_lose_nothing(at_fault: list[int], certain: bool) -> None:
    first = TODAY - timedelta(days=14)
    windows = [Window(campaign, first, TODAY, date(2026, 1, 1), date(2026, 2, 1)) for campaign in range(100)]
    events = {campaign: {TODAY: 3} if campaign % 10 == 3 else {} for campaign in range(100)}
    world = World(events, windows, dict.fromkeys(at_fault, certain))
    plan = world.plan()
    refused: list[int] = []
    found: dict[tuple[int, date], list[tuple[int, date, int]]] = {}
    for part in plan.campaigns():
        try:
            found |= {(part.window.entity, day): aggregate.values["what"] for day, aggregate in days_of(plan, part)}
        except Refused:
            refused.append(part.window.entity)
    assert sorted(refused) == at_fault
    assert found == {key: what for key, what in truth(world).items() if key[0] not in at_fault}
    assert plan.requests == len(world.asked) <= 200
    assert plan.days_left == 0


@pytest.mark.parametrize("certain", [True, False])
def test_a_second_campaign_in_a_row_that_may_be_there_is_the_apis_fault(certain: bool) -> None:
    first = TODAY - timedelta(days=14)
    windows = [Window(campaign, first, TODAY, date(2026, 1, 1), date(2026, 2, 1)) for campaign in range(100)]
    plan = World({campaign: {} for campaign in range(100)}, windows, dict.fromkeys([7, 50, 51], certain)).plan()
    if certain:
        assert len(list(plan.campaigns())) == 100
    else:
        with pytest.raises(LookupError, match=r"50|51"):
            list(plan.campaigns())


@pytest.mark.parametrize("number", [2, 3, 200])
@pytest.mark.parametrize("certain", [True, False])
def test_when_all_is_refused_the_plan_fails_soon(number: int, certain: bool) -> None:
    first = TODAY - timedelta(days=14)
    windows = [Window(campaign, first, TODAY, first) for campaign in range(number)]
    world = World({campaign: {} for campaign in range(number)}, windows, dict.fromkeys(range(number), certain))
    plan = world.plan()
    with pytest.raises(LookupError):
        list(plan.campaigns())
    assert len(world.asked) <= 40


@pytest.mark.parametrize("certain", [True, False])
@pytest.mark.parametrize("last_active", [None, TODAY, date(2026, 1, 1)], ids=["new", "recent", "quiet"])
def test_a_lone_campaign_that_is_refused_is_skipped_only_if_it_is_surely_gone(
    last_active: date | None, certain: bool
) -> None:
    window = Window(1, TODAY - timedelta(days=14), TODAY, date(2026, 1, 1), last_active)
    plan = World({1: {}}, [window], {1: certain}).plan()
    [part] = plan.campaigns()
    with pytest.raises(Refused if certain else LookupError):
        list(days_of(plan, part))


def test_no_refused_campaign_is_asked_about_alone_twice() -> None:
    first = TODAY - timedelta(days=14)
    windows = [Window(campaign, first, TODAY, date(2026, 1, 1), date(2026, 2, 1)) for campaign in range(64)]
    events = {campaign: {TODAY: 3} if campaign % 8 == 3 else {} for campaign in range(64)}
    world = World(events, windows, dict.fromkeys(range(0, 64, 8), True))
    assert len(list(world.plan().campaigns())) == 64
    alone = [campaigns for campaigns, _, _ in world.asked if len(campaigns) == 1 and campaigns[0] % 8 == 0]
    assert len(alone) == len(set(alone)) == 8


def test_a_window_that_nobody_shares_is_asked_about_when_its_days_are() -> None:
    windows = [Window(number, TODAY - timedelta(days=30 + number), TODAY, date(2026, 1, 1)) for number in range(50)]
    world = World({number: {TODAY: 3} for number in range(50)}, windows)
    plan = world.plan()
    parts = list(plan.campaigns())
    assert len(parts) == 50
    assert plan.requests == 0
    assert len([day for part in parts for day in days_of(plan, part)]) == world.days


def test_a_campaign_that_goes_while_it_is_read_is_refused_and_one_that_is_not_accepted_any_more_fails() -> None:
    first = TODAY - timedelta(days=29)
    for certain, expected in ((True, Refused), (False, LookupError)):
        world = World({1: dict.fromkeys(days(first, TODAY), 5)}, [Window(1, first, TODAY, first)])
        plan = world.plan()
        [part] = plan.campaigns()
        reading = days_of(plan, part)
        next(reading)
        world.refused = {1: certain}
        with pytest.raises(expected):
            list(reading)


# What the API may mean ------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=200)
@given(worlds(), st.booleans(), st.sampled_from([None, None, True, False]))
def test_the_rows_are_the_truth_whether_date_to_includes_its_day_or_not(
    world: World, included: bool, known: bool | None
) -> None:
    world.included, world.known = included, known
    if known is not None and world.windows:
        # An earlier sync that found it out has seen some activity.
        campaign, before = world.windows[-1].entity, TODAY - timedelta(days=400)
        world.likely, world.events[campaign][before] = (campaign, before), 3  # type: ignore[index]
    plan = read_all(world)
    assert plan.requests <= worst_case(world)
    assert world.last_day.included in (included, None) or not world.windows


@pytest.mark.parametrize("earlier", ["nothing", "alone", "all"])
@pytest.mark.parametrize("known", [True, None])
@pytest.mark.parametrize("counted", [slice(1), slice(-1, None), slice(20), slice(0)], ids=str)
def test_an_api_that_counts_some_campaigns_of_a_list_only_is_found_out(
    counted: slice, known: bool | None, earlier: str, caplog: pytest.LogCaptureFixture
) -> None:
    """earlier: which campaigns were active before the window, of which an earlier sync may know."""
    first, began = TODAY - timedelta(days=14), date(2026, 1, 20)
    seen = date(2026, 2, 1)
    windows = [Window(campaign, first, TODAY, began, seen) for campaign in range(100)]
    events = {campaign: {seen: 2} if earlier == "all" or campaign == 0 else {} for campaign in range(100)}
    for campaign in (40, 77):
        events[campaign] |= {first: 3, TODAY: 3}
    world = World(events, windows, known=known, counted_campaigns=counted)
    world.likely = None if earlier == "nothing" else (0, seen)
    found = {(campaign, day): what for campaign, day, what in rows(world.plan())}
    assert found == truth(world)
    [warning] = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "in requests about several campaigns, Snov.io leaves some out" in warning


@pytest.mark.parametrize("counted", [slice(60), slice(-60, None), slice(9), slice(1), slice(-1, None)], ids=str)
def test_an_api_that_counts_some_days_of_a_long_span_only_is_found_out(
    counted: slice, caplog: pytest.LogCaptureFixture
) -> None:
    first = TODAY - timedelta(days=199)
    active = [first + timedelta(days=number) for number in (0, 1, 2, 5, 120, 180)]
    windows = [Window(campaign, first - timedelta(days=campaign), TODAY, first) for campaign in range(6)]
    world = World({campaign: dict.fromkeys(active, 4) for campaign in range(6)}, windows, counted_days=counted)
    found = {(campaign, day): what for campaign, day, what in rows(world.plan())}
    assert found == truth(world)
    # Where the last days count, those that are missed at first show in the next span.
    narrowed = any("Snov.io leaves some out" in record.message for record in caplog.records)
    assert narrowed or counted.start == -60


@pytest.mark.parametrize("too_large", [3000, 365, 100, 31, 2])
def test_a_request_that_is_too_large_is_asked_for_in_parts(too_large: int) -> None:
    first = TODAY - timedelta(days=364)
    windows = [Window(campaign, first, TODAY, first) for campaign in range(4)]
    active = [first, first + timedelta(days=100), TODAY - timedelta(days=3)]
    world = World({campaign: dict.fromkeys(active, 4) if campaign else {} for campaign in range(4)}, windows)
    world.too_large = too_large
    plan = read_all(world)
    assert plan.requests <= 2 * world.days / too_large + 120


def test_days_that_do_not_add_up_are_taken_as_they_are_and_said(caplog: pytest.LogCaptureFixture) -> None:
    first = TODAY - timedelta(days=59)
    windows = [Window(campaign, first, TODAY, first) for campaign in range(5)]
    world = World({campaign: dict.fromkeys(list(days(first, TODAY))[::5], 4) for campaign in range(5)}, windows)

    def ask(campaigns: Sequence[int], date_from: date, date_to: date) -> Aggregate:
        answer = world(campaigns, date_from, date_to)
        return Aggregate(answer.values, answer.empty, answer.actions - (date_to > date_from))

    plan = Plan(windows, Assumptions(ask, LastDay(True), MAX_CAMPAIGNS), TODAY)
    assert {(campaign, day): what for campaign, day, what in rows(plan)} == truth(world)
    [warning] = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert "do not add up" in warning or "on its own" in warning
    assert plan.requests <= 1.2 * world.days


def test_threads_that_come_to_the_end_together_look_for_activity_once() -> None:
    """In a quiet look-back, one old active day shows whether date_to includes its day; one search for it is enough."""
    began, first = TODAY - timedelta(days=200), TODAY - timedelta(days=14)

    def asked(threads: int) -> int:
        campaigns = range(910_001, 910_010)
        world = SlowWorld(
            {one: {began + timedelta(days=9): 3} for one in campaigns},
            [Window(one, first, TODAY, began, None) for one in campaigns],
        )
        plan = world.plan()
        assert not any(what for part in plan.campaigns() for _, what in days_of(plan, part) if not what.empty)
        with ThreadPoolExecutor(threads) as pool:
            assert [list(found) for found in pool.map(lambda _: list(plan.corrections()), range(threads))] == [
                []
            ] * threads
        return len(world.asked)

    assert asked(threads=4) == asked(threads=1)


class SlowWorld(World):
    """An API that takes long enough for all threads to ask before it answers the first."""

    def __call__(self, *asked: Any) -> Aggregate:
        time.sleep(0.01)
        return super().__call__(*asked)


@pytest.mark.parametrize(
    "reading", [{"counted_days": slice(31)}, {"counted_campaigns": slice(1)}, {"included": False}, {}]
)
@pytest.mark.parametrize("seed", range(40))
def test_the_last_row_of_each_day_is_true_in_whichever_order_threads_go_on(seed: int, reading: dict[str, Any]) -> None:
    """Several readers of a plan, each of which goes on for a row at a time: what comes last stays in the warehouse."""
    rng = Random(seed)
    windows = [
        Window(campaign, TODAY - timedelta(days=rng.choice((90, 120))), TODAY, date(2026, 1, 1))
        for campaign in range(8)
    ]
    events = {
        window.entity: {window.cell(rng.randrange(window.days)): 2 for _ in range(rng.choice((0, 1, 3, 12)))}
        for window in windows
    }
    world = World(events, windows, **reading)
    plan = world.plan()

    def reader() -> Iterator[tuple[int, date, Any]]:
        part = next(parts, None)
        if part is not None:
            yield from ((int(part.window.entity), day, one.values["what"]) for day, one in days_of(plan, part))
            yield from corrections_of(plan)

    parts = plan.campaigns()
    readers = [reader() for _ in windows]
    table: dict[tuple[int, date], Any] = {}
    while readers:
        chosen = rng.choice(readers[:4])
        for _ in range(rng.choice((1, 5, 60))):
            row = next(chosen, None)
            if row is None:
                readers.remove(chosen)
                break
            table[row[0], row[1]] = row[2]
    # Not always the truth: where nothing shows in any long span, nothing can be found out.
    one_after_the_other = rows(World(events, windows, **reading).plan())
    assert table == {(campaign, day): what for campaign, day, what in one_after_the_other}
