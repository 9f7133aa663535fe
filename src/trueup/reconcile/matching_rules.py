"""The matching rules, finest first: which attributes a charge and usage must share."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from trueup.reconcile.text import key_of


@dataclass(frozen=True)
class MatchingRule:
    """Two things match when all these attributes are known and equal, within one bucket."""

    name: str
    attributes: tuple[str, ...]

    def key(self, things: ir.Table) -> ir.Value:
        """The attributes as one text; null where one of them is not known.

        Capacity has no model, so it needs none.
        """
        model = ibis.ifelse(things.held, things.model.fill_null(""), things.model)
        return key_of(*(model if name == "model" else things[name] for name in self.attributes))

    def metered_key(self, things: ir.Table) -> ir.Value:
        """The key on the side of the meters.

        Held capacity whose meter names its resource matches that resource or nothing: two
        machines of one account are not each other's.
        """
        if "resource" in self.attributes:
            return self.key(things)
        known = things.held & things.resource.notnull()
        return ibis.ifelse(known, ibis.null(str), self.key(things))


RULES = (
    MatchingRule("resource", ("meter", "resource")),
    MatchingRule("region", ("meter", "provider", "account", "region", "model", "tier")),
    MatchingRule("account", ("meter", "provider", "account", "model", "tier")),
    MatchingRule("model", ("meter", "provider", "model", "tier")),
)
