"""Breaks grouped into findings, and which of them come first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.report.sample import make_outcome
from tests.report.sample_commitments import HOUR, PLAN, START
from trueup.report.findings import findings, first_findings
from trueup.report.result import Result


def row(amount: str | None, hour: Any = 0, **changed: Any) -> dict[str, Any]:
    return {
        "id": f"{amount}-{hour}-{changed}",
        "class": "quantity",
        "leg": "usage",
        "provider": "example",
        "resource_id": "cloud:region/endpoint/e1",
        "meter": "gpu",
        "period_start": START + hour * HOUR,
        "period_end": START + (hour + 1) * HOUR,
        "billed": Decimal(2),
        "expected": Decimal(1),
        "unit": "GPU-Hours",
        "amount": None if amount is None else Decimal(amount),
        "currency": "USD",
        **changed,
    }


def result_of(*rows: dict[str, Any], material: str | None = None) -> Result:
    amount = None if material is None else Decimal(material)
    return Result(replace(make_outcome(breaks=list(rows)), material_amount=amount))


def test_repeats_of_a_finding_are_one() -> None:
    """3.00 over and 1.00 under in hours 0 and 5: net 2.00, gross 4.00, 2 hours, from 0 to 6."""
    found = findings(result_of(row("3"), row("-1", 5)))
    assert [(item.times, item.amount.known, item.size) for item in found] == [
        (2, Decimal(2), Decimal(4))
    ]
    assert found[0].where == "example e1 gpu"
    assert found[0].when == "2 hours between 1 Oct 00:00 and 1 Oct 06:00"
    assert (found[0].billed.known, found[0].expected.known) == (Decimal(4), Decimal(2))


def test_what_differs_stays_apart() -> None:
    """Another class, leg, provider, resource, meter or currency is another finding."""
    others = [
        {"class": "duplicate"},
        {"leg": "price"},
        {"provider": "other"},
        {"resource_id": "e2"},
        {"meter": "vcpu"},
        {"currency": "EUR"},
        {"rule": "accumulated"},
    ]
    found = findings(result_of(row("1"), *(row("1", **other) for other in others)))
    assert len(found) == 1 + len(others)
    assert found[0].currency == "EUR"


def test_a_break_on_end_is_one_length() -> None:
    """Two hours that follow one another are 2 hours from the first; a month is 31 days."""
    assert findings(result_of(row("1"), row("1", 1)))[0].when == "2 hours from 1 Oct 00:00"
    month = row("1", period_end=START + timedelta(days=31))
    assert findings(result_of(month))[0].when == "31 days from 1 Oct 00:00"


def test_a_commitment_has_its_name() -> None:
    """A break of a commitment is about that, by the name the result has for it."""
    name = "arn:cloud:savingspla plan"
    found = findings(result_of(row("1", commitment_id=PLAN, meter=None)))
    assert found[0].where == f"example {name}"


def test_a_restated_row_is_called_by_its_resource() -> None:
    """Its subject is a whole row of the bill, of which a line shows no end."""
    key = "111 | Training | - | Used | 2026-10-03T14:00:00Z | 2026-10-03T15:00:00Z"
    one = row("1", leg="restatement", subject=key, commitment_id="plan-1")
    assert findings(result_of(one))[0].where == "example e1"


def test_commitments_on_no_bill_are_not_drift() -> None:
    """missing_in_billing is drift in the usage leg, and not in the commitment leg."""
    missing = {"class": "missing_in_billing"}
    used = row("-1", **missing)
    promised = row("-930", **missing, leg="commitment", commitment_id=PLAN)
    assert [item.amount.known for item in findings(result_of(used, promised))] == [-1]
    text = result_of(promised).summary()
    assert "Drift         no breaks" in text
    assert "930" not in text


def test_only_a_hundredth_of_the_drift_and_more_comes_first() -> None:
    """Of 100.00 + 1.03 + 1.00 gross, 1 % is 1.0203: 1.03 is listed, 1.00 is not."""
    rows = [row(size, resource_id=size) for size in ("100", "1.03", "1.00")]
    chosen = first_findings(result_of(*rows))
    assert [item.size for item in chosen.shown] == [100, Decimal("1.03")]
    assert chosen.left == 1
    assert chosen.left_gross["USD"].known == 1


def test_the_material_amount_goes_before_the_hundredth() -> None:
    """At a material amount of 1.00, 1.00 is listed; at 200, the largest alone."""
    rows = [row(size, resource_id=size) for size in ("100", "1.03", "1.00")]
    assert len(first_findings(result_of(*rows, material="1.00")).shown) == 3
    assert len(first_findings(result_of(*rows, material="200")).shown) == 1


def test_each_currency_has_a_line_and_the_others_go_by_share() -> None:
    """Each of 20 EUR is 5 % of its currency, each of 6 USD a sixth: one of EUR, five of USD."""
    euro = [row("500", resource_id=f"e{n}", currency="EUR") for n in range(20)]
    dollars = [row("-7", resource_id=f"d{n}") for n in range(6)]
    chosen = first_findings(result_of(*euro, *dollars))
    assert [item.currency for item in chosen.shown] == ["EUR"] + ["USD"] * 5
    assert chosen.left == 19 + 1
    gross = {code: sum_.known for code, sum_ in chosen.left_gross.items()}
    assert gross == {"EUR": 9500, "USD": 7}


def test_no_money_and_no_known_money_are_never_first() -> None:
    """A shift in time is not counted, an amount that is not known is counted apart."""
    chosen = first_findings(result_of(row("0", **{"class": "timing"}), row(None, 1)))
    assert (chosen.shown, chosen.left, chosen.unpriced) == ([], 0, 1)


def test_a_finding_of_no_time_says_none() -> None:
    """Its breaks do not say when they were: nothing lasted, and nothing is in brackets."""
    [found] = findings(result_of(row("3", period_start=None, period_end=None)))
    assert (found.when, found.lasting, found.size) == ("", timedelta(0), Decimal(3))
