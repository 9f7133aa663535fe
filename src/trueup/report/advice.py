"""What a break class means and what a person does about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """The plain words for a class of break."""

    title: str
    next_step: str


ADVICE: dict[str, Advice] = {
    "timing": Advice(
        "Same quantity, another hour",
        "Nothing to pay or claim; if it returns every day, check the clocks and time zones.",
    ),
    "quantity": Advice(
        "Billed and metered quantity differ",
        "Compare the meter with the provider's usage record, then claim or mend the meter.",
    ),
    "price": Advice(
        "Billed at another rate than the contract's",
        "Send the contract's rate and the line to the provider's account team.",
    ),
    "missing_in_usage": Advice(
        "Billed, but no meter saw it",
        "Find who runs or calls it; switch it off, or connect its meter.",
    ),
    "missing_in_billing": Advice(
        "Metered, but not billed",
        "Check that the bill of its account is in the input; only then accrue it.",
    ),
    "duplicate": Advice(
        "Charged more than once",
        "Claim the extra rows back; first check that the same file was not given twice.",
    ),
    "commitment": Advice(
        "Bill and contract disagree on the commitment",
        "Compare the contract's committed figure and term with the provider's console.",
    ),
    "balance": Advice(
        "The balance does not roll forward",
        "Ask for the provider's statement of the lot and look for missing draws.",
    ),
    "invoice": Advice(
        "Charges and invoice differ",
        "Hold the invoice until its lines are explained.",
    ),
    "fx": Advice("Exchange rates differ", "Compare the rate used with the contract's rate table."),
    "rounding": Advice("Rounding", "Write it off under your rounding policy."),
    "restatement": Advice(
        "The provider changed a closed period",
        "Book it in the open period and keep both versions of the bill.",
    ),
}
_OF_LEG: dict[tuple[str, str], Advice] = {
    ("missing_in_billing", "commitment"): Advice(
        "Committed, but on no bill",
        "Add the bill of the account that bought it; without one, correct the contract's term.",
    ),
}
_OTHER = Advice("Not classified", "Look at the rows behind it.")
EXPIRED = Advice("Expired", "Book the loss in the month of the expiry.")
EXPIRING = Advice("Expires soon", "Move work onto it, or ask for an extension before it lapses.")

REASONS: dict[str, str] = {
    "missing_in_usage": "billed, but no meter saw it",
    "unverified_capacity": "capacity that no meter of allocated capacity reports on",
    "idle": "capacity held but not busy",
    "tax": "taxes",
    "support": "support plans",
    "marketplace": "sold by another publisher",
    "credit": "credits",
    "refund": "refunds",
    "correction": "corrections of earlier charges",
    "purchase": "purchases with an effective cost of their own",
    "rounding": "rounding lines",
    "no_rule": "nothing says whose it is",
}


def advice_for(break_class: str | None, leg: str | None) -> Advice:
    """The advice for a class in a leg; a class without any gets a neutral one."""
    kind = break_class or ""
    return _OF_LEG.get((kind, leg or "")) or ADVICE.get(kind, _OTHER)


def reason_text(reason: str | None) -> str:
    """What a reason of unattributed cost means, in words."""
    return REASONS.get(reason or "", "")
