r"""Reads values as real files write them: SQL that turns text into exact types, or into null.

Each macro takes the text of a value (blanks around it removed, never null words) and gives the
value, or null where the text cannot be read; ``*_fault`` then says why in words.

- Numbers: optional sign, digits, at most one point, ``E`` notation. At most 20 digits before the
  point and 18 significant ones behind it (zeros at either end do not count): what needs more, and
  thousands separators, underscores, NaN and infinity, cannot be read. Nothing is ever rounded.
  ``typed_decimal`` leaves a number that is DECIMAL(38, 18) already as it is.
- Times: ``2026-10-03``, ``2026-10-03 14:00[:00[.123456]]`` with a space or T, with Z, UTC or an
  offset; without a zone it is UTC. ``5/1/25`` and ``5/1/2025 13:00`` are month/day/year, as the
  field writes it (the specification's own files do): ``25/5/25`` cannot be read. Hours 24 to 47
  are that many hours after midnight, as in ``2024-09-01T30:00:00Z``; a published example has it.
- JSON objects: as they are when valid; a Python dictionary (single quotes, None, True, False) is
  rewritten; anything else cannot be read.
"""

from __future__ import annotations

NULL_WORDS = ("", "NULL", "null", "None")

_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,6})?"
_EASY_NUMBER = r"[+-]?\d{1,20}(\.\d{0,18}0*)?"
_DAY = r"\d{4}-\d{1,2}-\d{1,2}"
_ZONE = r"( ?(Z|UTC|[+-]\d{2}(:?\d{2})?))?"
_REST = r":\d{2}(:\d{2}(\.\d{1,6}0*)?)?"
_TIME = rf"{_DAY}([T ]([01]?\d|2[0-3]){_REST})?{_ZONE}"
_LATE = rf"({_DAY})[T ](2[4-9]|3\d|4[0-7])({_REST}{_ZONE})"
_SLASHED = r"\d{1,2}/\d{1,2}/(\d{2}|\d{4})( \d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?"
_SLASHED_FORMATS = [
    f"%m/%d/{year}{clock}"
    for year in ("%y", "%Y")
    for clock in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", " %I:%M%p", " %I:%M:%S%p")
]

# Outside of strings, valid JSON has none of these; the engine's parser lets them pass.
_NO_JSON = r"[:\[,]\s*-?(NaN|nan|Infinity|inf)"

_PYTHON_PART = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\w+|[^'"\w]"""


def literal(text: str) -> str:
    """Text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _list(values: list[str]) -> str:
    return f"[{', '.join(literal(value) for value in values)}]"


_NULLS = ", ".join(literal(word) for word in NULL_WORDS)

# A number is taken apart into its significant digits d, n of which are decimals (negative:
# zeros to append); where that fits DECIMAL(38, 18) it is put together again as plain text.
_NUMBERS = rf"""
CREATE MACRO word_text(t) AS CASE WHEN t IN ({_NULLS}) THEN NULL ELSE t END;
CREATE MACRO value_text(t) AS
    CASE WHEN starts_with(t, ' ') THEN CASE WHEN trim(t) IN ({_NULLS}) THEN NULL ELSE t END
         ELSE word_text(t) END;
CREATE MACRO number_parts(t) AS list_transform(list_transform(
    [regexp_extract(t, '^[+-]?(\d*)\.?(\d*)([eE](.*))?$', ['whole', 'part', 'e', 'exponent'])],
    lambda p: {{'figures': p.whole || p.part, 'decimals': length(p.part)
        - coalesce(try_cast(nullif(p.exponent, '') AS INTEGER), 0)}}),
    lambda p: {{'d': trim(p.figures, '0'), 'n': CAST(p.decimals
        - (length(p.figures) - length(rtrim(p.figures, '0'))) AS INTEGER)}})[1];
CREATE MACRO padded_number(d, n) AS lpad(d, CAST(greatest(n + 1, length(d)) AS INTEGER), '0');
CREATE MACRO plain_number(d, n) AS
    CASE WHEN n <= 0 THEN d || repeat('0', least(greatest(-n, 0), 20))
         ELSE left(padded_number(d, n), greatest(length(d) - n, 1))
              || '.' || right(padded_number(d, n), n) END;
CREATE MACRO hard_number(t) AS
    CASE WHEN regexp_full_match(t, {literal(_NUMBER)}) THEN list_transform(
        [number_parts(t)], lambda p: CASE WHEN p.d = '' THEN '0'
            WHEN p.n > 18 OR length(p.d) - p.n > 20 THEN NULL
            ELSE CASE WHEN starts_with(t, '-') THEN '-' ELSE '' END
                || plain_number(p.d, p.n) END)[1] END;
CREATE MACRO exact_decimal(t) AS TRY_CAST(
    CASE WHEN regexp_full_match(t, {literal(_EASY_NUMBER)}) THEN t ELSE hard_number(t) END
    AS DECIMAL(38, 18));
CREATE MACRO typed_decimal(t DECIMAL(38, 18)) AS t, (t VARCHAR) AS exact_decimal(t);
CREATE MACRO decimal_fault(t) AS
    CASE WHEN NOT regexp_full_match(t, {literal(_NUMBER)}) THEN 'not a plain number'
         WHEN number_parts(t).n > 18 THEN 'more than 18 decimals'
         ELSE 'more than 20 digits before the decimal point' END;
"""

_TIMES = rf"""
CREATE MACRO is_late(t) AS regexp_full_match(t, {literal(_LATE)});
CREATE MACRO late_hour(t) AS CAST(regexp_extract(t, {literal(_LATE)}, 2) AS INTEGER);
CREATE MACRO late_instant(t) AS TRY_CAST(
    regexp_extract(t, {literal(_LATE)}, 1) || 'T'
    || lpad(CAST(late_hour(t) - 24 AS VARCHAR), 2, '0')
    || regexp_extract(t, {literal(_LATE)}, 3) AS TIMESTAMPTZ) + INTERVAL 1 DAY;
CREATE MACRO within_years(i) AS CASE WHEN i BETWEEN TIMESTAMPTZ '0001-01-01 00:00:00Z'
    AND TIMESTAMPTZ '9999-12-31 23:59:59.999999Z' THEN i END;
CREATE MACRO instant(t) AS within_years(
    CASE WHEN regexp_full_match(t, {literal(_TIME)}) THEN TRY_CAST(t AS TIMESTAMPTZ)
         WHEN is_late(t) THEN late_instant(t)
         WHEN regexp_full_match(t, {literal(_SLASHED)})
         THEN CAST(try_strptime(t, {_list(_SLASHED_FORMATS)}) AS TIMESTAMPTZ) END);
CREATE MACRO instant_fault(t) AS
    CASE WHEN regexp_matches(t, '^\d{{1,2}}/\d{{1,2}}/')
         THEN 'not a month/day/year date; write 2026-10-03T14:00:00Z'
         WHEN regexp_matches(t, ':\d\d\.\d{{7}}') THEN 'finer than a microsecond'
         ELSE 'not a time; write 2026-10-03T14:00:00Z' END;
"""

# The inside of a Python string becomes that of a JSON string: \\ is set aside while quotes change.
# An object opens with a brace: the engine's own type test raises on text that is not valid.
_JSON = rf"""
CREATE MACRO json_inside(t) AS replace(replace(regexp_replace(replace(replace(replace(
    t, '\\', chr(1)), '\''', ''''), '\"', '"'), '\\x([0-9a-fA-F]{{2}})', '\\u00\1', 'g'),
    '"', '\"'), chr(1), '\\');
CREATE MACRO json_part(t) AS
    CASE WHEN t IN ('None', 'nan', 'NaN', 'inf', 'Infinity') THEN 'null'
         WHEN t = 'True' THEN 'true'
         WHEN t = 'False' THEN 'false'
         WHEN length(t) > 1 AND left(t, 1) IN ('''', '"') THEN '"' || json_inside(t[2:-2]) || '"'
         ELSE t END;
CREATE MACRO json_of_python(t) AS list_aggregate(
    list_transform(regexp_extract_all(t, {literal(_PYTHON_PART)}), lambda part: json_part(part)),
    'string_agg', '');
CREATE MACRO json_if_valid(t) AS CASE WHEN json_valid(t) THEN t END;
CREATE MACRO json_object_text(t) AS
    CASE WHEN NOT regexp_matches(t, '^\s*\{{') THEN NULL
         WHEN json_valid(t) AND NOT regexp_matches(t, {literal(_NO_JSON)}) THEN t
         ELSE json_if_valid(json_of_python(t)) END;
"""

MACROS = _NUMBERS + _TIMES + _JSON
