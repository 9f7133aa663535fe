"""How Sphinx builds the documentation: warnings are errors, nothing is fetched."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "trueup"
author = "The trueup authors"
copyright = "The trueup authors"  # noqa: A001  the name Sphinx asks for
version = release = version_of("trueup")

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "conftest.py"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"trueup {version}"
html_show_sphinx = False

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True

# Names that other packages document elsewhere; their inventories would need the network.
nitpick_ignore_regex = [
    (r"py:.*", r"(pathlib\.)?Path"),
    (r"py:.*", r"(datetime\.)?(datetime|date|timedelta)"),
    (r"py:.*", r"(decimal\.)?Decimal"),
    (r"py:.*", r"(fractions\.)?Fraction"),
    (r"py:.*", r"(typing\.|collections\.abc\.)?(Any|Callable|Iterator|Mapping|Sequence|Literal)"),
    (r"py:.*", r"(tempfile\.)?TemporaryDirectory"),
    (r"py:.*", r"(str|int|bool|object|tuple|list|dict|float|None|Exception|TypeAlias)"),
    (r"py:.*", r"(pa|pd|pl|pyarrow|pandas|polars|pydantic|annotated_types)\..*"),
    # Aliases of arguments; docs/reference/python.md spells out what they take.
    (r"py:.*", r"(trueup\..*\.)?(Paths|PeriodLike|RulesLike|Instant|ArrowStream|Leg|By|Exact.*)"),
    # Made by reconcile or a run, never by a caller.
    (r"py:.*", r"(trueup\..*\.)?(Outcome|BudgetTerms|Measured|Foreseen)"),
]
