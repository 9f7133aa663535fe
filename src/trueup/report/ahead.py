"""The part of a result that looks ahead: burn, what is foreseen, how much to commit."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from trueup.errors import UsageError

if TYPE_CHECKING:
    from trueup.burn.burn import Burn
    from trueup.forecast.foreseen import Foreseen
    from trueup.model.outcome import Outcome
    from trueup.report.plan import Plan

Made = TypeVar("Made")


class Ahead:
    """What ``Result`` knows of the time to come."""

    outcome: Outcome

    @cached_property
    def _made(self) -> dict[object, Any]:
        return {}

    def once(self, make: Callable[..., Made], *asked: Hashable) -> Made:
        """What ``make`` finds in this result, found once: a result does not change.

        :meta private:
        """
        if (make, asked) not in self._made:
            self._made[make, asked] = make(self, *asked)
        made: Made = self._made[make, asked]
        return made

    def burn(self) -> Burn:
        """How fast commitments and teams burn, billed or accrued, and how far commitments reach.

        ``rates``, ``runway`` and ``over("hour" | "day" | "week")`` are Tables.
        """
        return self.once(_burned)

    @cached_property
    def foreseen(self) -> Foreseen:
        """Of every commitment: of a run in a workspace by all it knew, else by this period."""
        from trueup.forecast.foreseen import foreseen
        from trueup.forecast.histories import Known

        return foreseen([Known.of_outcome(self.outcome)])

    def plan(self) -> Plan:
        """How much to commit, by the period's usage, contracts, and the run's rates and offers.

        See ``trueup.plan``, which takes other usage, rules and what-ifs. Raises UsageError where
        there is no usage, no offer or no price to plan with.
        """
        if isinstance(self._plan, UsageError):
            raise self._plan
        return self._plan

    @cached_property
    def _plan(self) -> Plan | UsageError:
        """Made once: it reads the usage again."""
        from trueup.engine.engine import open_engine
        from trueup.period import Period
        from trueup.planning.planned import Question, planned
        from trueup.planning.use import Wanted
        from trueup.report.plan import Plan

        outcome = self.outcome
        if outcome.inputs.usage is None:
            return UsageError("no usage was read: a plan needs its hours")
        question = Question(
            Wanted({}, Period(outcome.start, outcome.end)),
            commitments=outcome.inputs.commitments,
            utilization=outcome.tables["utilization"],
        )
        try:
            with open_engine("duckdb") as engine:
                return Plan(planned(outcome.inputs.usage, outcome.rules, question, engine))
        except UsageError as error:
            return error


def _burned(result: Ahead) -> Burn:
    from trueup.burn.burn import SPEND, TABLES, Burn

    outcome = result.outcome
    given = {name: getattr(result, name) for name in TABLES}
    given["spend"] = given["spend"].select(SPEND)
    tables = {name: table.to_arrow() for name, table in given.items()}
    return Burn(tables, outcome.start, outcome.end, outcome.as_of)
