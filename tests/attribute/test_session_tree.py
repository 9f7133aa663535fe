"""A session step by step: child agents count once, in their caller, and every level adds up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from trueup.attribute.session_tree import Step, session_tree, top_sessions

D = Decimal


def row(agent: str | None, cost: str | None, **more: Any) -> dict[str, Any]:
    known = {"tool": None, "model": "chat", "meter": "output_tokens", "called_by": None}
    figures = {"basis": "billed", "currency": "USD", "committed_cost": D(0)}
    return {**known, **figures, "agent": agent, "cost": None if cost is None else D(cost), **more}


def shape(step: Step) -> Any:
    return (step.name, [shape(child) for child in step.children if child.level == "agent"])


def test_an_agent_stands_below_its_caller_and_counts_once() -> None:
    """Planner 1.00 calls coder 2.00, which calls tester 4.00: 4, 6, 7 from below, 7 in all."""
    rows = [
        row("tester", "4.00", called_by="coder"),
        row("planner", "1.00"),
        row("coder", "2.00", called_by="planner"),
    ]
    tree = session_tree("s1", rows)
    assert shape(tree) == ("s1", [("planner", [("coder", [("tester", [])])])])
    [planner] = tree.children
    [coder] = [child for child in planner.children if child.level == "agent"]
    kept = ("billed", "USD")
    assert (coder.costs[kept], planner.costs[kept], tree.costs[kept]) == (D("6"), D("7"), D("7"))


def test_agents_that_call_one_another_in_a_ring_stand_side_by_side() -> None:
    """A calls b and b calls a; c, called by b, has callers without an end, too."""
    rows = [
        row("a", "3", called_by="b"),
        row("b", "2", called_by="a"),
        row("c", "1", called_by="b"),
    ]
    assert shape(session_tree("s1", rows)) == ("s1", [("a", []), ("b", []), ("c", [])])


def test_an_agent_of_a_caller_without_rows_stands_at_the_top() -> None:
    """Coder's caller used nothing itself, so that there is nothing to stand below."""
    assert shape(session_tree("s1", [row("coder", "1", called_by="planner")])) == (
        "s1",
        [("coder", [])],
    )


def test_bases_and_currencies_are_never_added_up() -> None:
    """1.00 billed and 2.00 rated in USD, 3.00 billed in EUR, and what has no price: three sums."""
    rows = [
        row("a", "1.00"),
        row("a", "2.00", basis="rated"),
        row("a", "3.00", currency="EUR"),
        row("a", None, basis="unrated", currency=None, committed_cost=None),
    ]
    assert session_tree("s1", rows).costs == {
        ("billed", "EUR"): D("3.00"),
        ("billed", "USD"): D("1.00"),
        ("rated", "USD"): D("2.00"),
    }


def test_what_commitments_paid_is_known_of_each_basis_or_not_at_all() -> None:
    """0.75 and 0.25 of what was billed; of what is rated it is not known."""
    rows = [
        row("a", "1.00", committed_cost=D("0.75")),
        row("b", "1.00", committed_cost=D("0.25")),
        row("a", "2.00", basis="rated", committed_cost=None),
    ]
    assert session_tree("s1", rows).committed == {("billed", "USD"): D("1.00")}


def test_the_costliest_sessions_come_first_by_currency() -> None:
    """s2 6.00 of three bases before s1 5.00; s1 in EUR apart; 4.00 of s2 was committed."""
    rows = [
        row(None, "5.00", session="s1", committed_cost=D("1.00")),
        row(None, "3.00", session="s2", committed_cost=D("4.00")),
        row(None, "2.00", session="s2", basis="accrued", committed_cost=None),
        row(None, "1.00", session="s2", basis="rated"),
        row(None, "9.00", session="s1", currency="EUR"),
        row(None, None, session="s3", basis="capacity", currency=None),
    ]
    found = top_sessions(rows)
    assert [(each["currency"], each["session"], each["cost"]) for each in found] == [
        ("EUR", "s1", D("9.00")),
        ("USD", "s2", D("6.00")),
        ("USD", "s1", D("5.00")),
    ]
    assert found[1]["committed_cost"] == D("4.00")
    assert [found[1][name] for name in ("billed", "accrued", "rated")] == [D(3), D(2), D(1)]


NAMES = st.sampled_from(["a", "b", "c", "d", None])
ROWS = st.lists(
    st.builds(
        lambda agent, caller, tool, cost: row(agent, str(cost), called_by=caller, tool=tool),
        NAMES,
        NAMES,
        st.sampled_from(["t", None]),
        st.decimals(-1000, 1000, places=18),
    ),
    max_size=12,
)


@given(ROWS)
def test_no_hierarchy_of_agents_loses_or_makes_a_unit(rows: list[dict[str, Any]]) -> None:
    """Every row stands once below the session, and each node is the sum of what is below it."""
    tree = session_tree("s1", rows)
    placed = list(tree.every())
    assert sorted(map(id, placed)) == sorted(map(id, rows))
    for step in _all(tree):
        for kept, cost in step.costs.items():
            below = sum((child.costs.get(kept, D(0)) for child in step.children), D(0))
            own = sum((each["cost"] for each in step.rows), D(0))
            assert cost == below + own


def _all(step: Step) -> list[Step]:
    return [step, *(each for child in step.children for each in _all(child))]


def test_a_session_has_agents_these_tools_and_these_models() -> None:
    """One row stands four levels down, at the model that it is of."""
    only = row("planner", "1.00", tool="search")
    levels, step = [], session_tree("s1", [only])
    while step.children:
        levels.append((step.level, step.name))
        [step] = step.children
    assert levels == [("session", "s1"), ("agent", "planner"), ("tool", "search")]
    assert (step.level, step.name, step.rows) == ("model", "chat", [only])
