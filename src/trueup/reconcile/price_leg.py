"""The price leg: billed prices against contract rates, and usage rated again by providers' rules.

Who applies a commitment in which order is declared by the provider's adapter (``adapter.rating``);
without any rate and any declared rule there is nothing to compare, and nothing is said. A sum
stands in one break: what the usage leg holds of a charge is left out (``held``), and a claim is
made of what a wrong rate leaves.
"""

from __future__ import annotations

from trueup.reconcile.facts import with_columns
from trueup.reconcile.held import rest_of
from trueup.reconcile.leg import Findings, LegRun
from trueup.reconcile.profiles import charge_lines, profile_columns, profiles, quantity_scale
from trueup.reconcile.rates import rate_book
from trueup.reconcile.shadow import rated_again
from trueup.reconcile.wrong_rates import wrong_rates


def run_leg(run: LegRun) -> Findings:
    """Breaks of class ``price``; the tables ``claims`` and ``claim_lines``."""
    engine = run.engine
    asserted = run.asserted.get("provider_rates")
    book = rate_book(run.rules, asserted.rows() if asserted is not None else ())
    columns = profile_columns(run.charges, run.rules)
    facts = with_columns(run.facts, run.charges, columns.names, engine)
    q_scale = quantity_scale(facts, engine)
    lines, known = charge_lines(facts, run.period, columns, run.scale, q_scale, engine)
    found = profiles(lines, known, columns, run.scale, q_scale, engine)
    rest = rest_of(lines, run.held, engine)
    wrong, excess = wrong_rates(run, rest, found, book, q_scale)
    claims, more = rated_again(run, rest, found, book, q_scale, excess)
    return Findings(
        breaks=[*wrong.breaks, *claims.breaks],
        tables={"claims": claims.claims, "claim_lines": claims.lines},
        notes=[*wrong.notes, *more],
        break_rows=[*wrong.break_rows, *claims.break_rows],
    )
