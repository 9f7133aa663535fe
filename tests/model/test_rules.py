"""Rules given by a script: what a mistake in them says."""

from __future__ import annotations

from typing import Any

import pytest

from trueup.errors import ConfigurationError
from trueup.model.rules import read_rules


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({"material_amout": "1"}, ("rules: material_amout: there is no such key; did you mean "
         "'material_amount'? known here: material_amount, idle, ")),
        ({"tolerance": [{"relativ": "0.1"}]}, ("rules: tolerance[1].relativ: there is no such key; "
         "did you mean 'relative'? known here: leg, ")),
        ({"idle": "spred"}, "rules: idle = 'spred': did you mean 'spread'? it is one of apart, "),
        ({"meter": [{"match": {"SkuMeter": "x"}, "meter": "gpuu"}]},
         "rules: meter[1].meter = 'gpuu': did you mean 'gpu'? it is one of input_tokens, "),
        ({"meter": [{"match": {"SkuMeter": "("}, "meter": "gpu"}]},
         "rules: meter[1].match: in SkuMeter, '(' is no regular expression: "),
        ({"material_amount": 0.05}, "rules: material_amount = 0.05: write the number in quotes"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_as_in_a_file(rules: dict[str, Any], expected: str) -> None:
    """A dictionary gets the same line as TOML: key, the nearest one, and all that are known."""
    with pytest.raises(ConfigurationError) as caught:
        read_rules(rules)
    assert str(caught.value).startswith(expected)
