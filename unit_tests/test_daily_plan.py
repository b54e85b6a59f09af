"""The plan of the daily history on its own: the truth, within the days asked for, for few requests."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_snov.daily_plan import WORST_CASE, WORST_CASE_PER_CAMPAIGN, Aggregate, Plan, Refused, Window

TODAY = date(2026, 11, 23)
MOST_CAMPAIGNS = 200


@dataclass
class World:
    """How much happened to each campaign on each day; it answers about what lies within the windows only.

    A campaign in `refused` is refused alone and in any group: for good (True) or with doubt (False).
    """

    events: Mapping[int, Mapping[date, int]]
    windows: Sequence[Window]
    refused: Mapping[int, bool] = field(default_factory=dict)
    asked: list[tuple[tuple[int, ...], date, date]] = field(default_factory=list)

    def __call__(self, campaigns: Sequence[int], first: date, last: date) -> Aggregate:
        self.asked.append((tuple(campaigns), first, last))
        assert 1 <= len(set(campaigns)) == len(campaigns) <= MOST_CAMPAIGNS
        windows = {window.campaign: window for window in self.windows}
        for campaign in campaigns:
            assert windows[campaign].first <= first <= last <= windows[campaign].last
        at_fault = [self.refused[campaign] for campaign in campaigns if campaign in self.refused]
        if at_fault:
            raise Refused(LookupError(f"{campaigns} are refused"), certain=all(at_fault))
        found = [
            (campaign, day, count)
            for campaign in campaigns
            for day, count in self.events[campaign].items()
            if first <= day <= last
        ]
        # Only some of what happens are actions; the others are of people, who do not add up.
        actions = sum(count for _, _, count in found if count > 1)
        return Aggregate({"what": sorted(found)}, not found, actions)

    def plan(self) -> Plan:
        return Plan(self.windows, self, MOST_CAMPAIGNS)

    @property
    def days(self) -> int:
        return sum(window.days for window in self.windows)


def rows(plan: Plan) -> Iterator[tuple[int, date, list[tuple[int, date, int]]]]:
    for part in plan.campaigns():
        for day, aggregate in plan.days(part):
            assert aggregate.empty == (aggregate.values["what"] == [])
            yield part.window.campaign, day, aggregate.values["what"]


def truth(world: World) -> dict[tuple[int, date], list[tuple[int, date, int]]]:
    return {
        (window.campaign, day): [(window.campaign, day, world.events[window.campaign][day])]
        if day in world.events[window.campaign]
        else []
        for window in world.windows
        for day in days(window.first, window.last)
    }


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
def campaigns(draw: st.DrawFn, number: int) -> tuple[Window, dict[date, int]]:
    length = draw(st.integers(1, 60))
    # Few different windows, so that there are groups, and a look-back as well as a whole life.
    first = TODAY - timedelta(days=draw(st.sampled_from([0, 1, 13, 14, 15, length])))
    began = first - timedelta(days=draw(st.sampled_from([0, 0, 7, 90])))
    last_active = draw(st.sampled_from([None, first - timedelta(days=1), first, first - timedelta(days=90)]))
    window = Window(number, first, TODAY, began, last_active)
    chance = draw(st.sampled_from([0.0, 0.03, 0.3, 0.5, 0.9, 1.0]))
    drawn = draw(st.lists(st.floats(0, 1), min_size=window.days, max_size=window.days))
    active = [day for day, luck in zip(days(first, TODAY), drawn, strict=True) if luck < chance]
    return window, {day: draw(st.sampled_from([1, 2, 50])) for day in active}


@st.composite
def worlds(draw: st.DrawFn) -> World:
    drawn = [draw(campaigns(number)) for number in range(1, draw(st.integers(0, 8)) + 1)]
    return World({window.campaign: events for window, events in drawn}, [window for window, _ in drawn])


@settings(deadline=None, max_examples=400)
@given(worlds())
def test_any_activity_gives_the_truth_within_the_worst_case(world: World) -> None:
    plan = read_all(world)
    assert plan.requests <= WORST_CASE * world.days + WORST_CASE_PER_CAMPAIGN * len(world.windows)


class Spiteful(World):
    """Decides in hindsight, and always against the plan: a span has something in it whenever that still can be."""

    def __init__(self, windows: Sequence[Window], rng: Random, mercy: float) -> None:
        super().__init__({window.campaign: {} for window in windows}, windows)
        self._open = {window.campaign: set(days(window.first, window.last)) for window in windows}
        self._rng, self._mercy = rng, mercy

    def __call__(self, campaigns: Sequence[int], first: date, last: date) -> Aggregate:
        still_open = [(one, day) for one in campaigns for day in sorted(self._open[one]) if first <= day <= last]
        known = [day for one in campaigns for day in self.events[one] if first <= day <= last]
        if still_open and not known:
            if len(still_open) > 1 and self._rng.random() >= self._mercy:
                campaign, day = still_open[-1]
                self.events[campaign][day] = self._rng.choice([1, 2, 50])  # type: ignore[index]
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
    assert plan.requests <= WORST_CASE * world.days + WORST_CASE_PER_CAMPAIGN * len(windows)


def test_nothing_is_asked_when_there_is_nothing_to_know() -> None:
    assert read_all(World({}, [])).requests == 0


@pytest.mark.parametrize("number", [1, MOST_CAMPAIGNS, MOST_CAMPAIGNS + 1, 1000])
def test_quiet_campaigns_are_settled_together(number: int) -> None:
    first = TODAY - timedelta(days=14)
    windows = [Window(campaign, first, TODAY, date(2026, 1, 1), date(2026, 2, 1)) for campaign in range(number)]
    plan = read_all(World({campaign: {} for campaign in range(number)}, windows))
    # The size of a group grows as nothing is found.
    assert plan.requests <= 2 + 2 * number // MOST_CAMPAIGNS


@pytest.mark.parametrize("actions", [2, 3000], ids=["few", "many"])
def test_the_one_active_day_of_a_year_is_found_wherever_it_is(actions: int) -> None:
    first = TODAY - timedelta(days=364)
    window = Window(1, first, TODAY, first)
    requests = [read_all(World({1: {day: actions}}, [window])).requests for day in days(first, TODAY)]
    assert max(requests) <= 17


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
            found |= {(part.window.campaign, day): aggregate.values["what"] for day, aggregate in plan.days(part)}
        except Refused:
            refused.append(part.window.campaign)
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
        list(plan.days(part))


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
    assert len([day for part in parts for day in plan.days(part)]) == world.days


def test_a_campaign_that_goes_while_it_is_read_is_refused_and_one_that_is_not_accepted_any_more_fails() -> None:
    first = TODAY - timedelta(days=29)
    for certain, expected in ((True, Refused), (False, LookupError)):
        world = World({1: dict.fromkeys(days(first, TODAY), 5)}, [Window(1, first, TODAY, first)])
        plan = world.plan()
        [part] = plan.campaigns()
        reading = plan.days(part)
        next(reading)
        world.refused = {1: certain}
        with pytest.raises(expected):
            list(reading)
