"""SQL that turns what telemetry writes into counts and instants, or into null."""

from __future__ import annotations

# The engine may evaluate a branch before its condition: only TRY_CAST is safe in one.
MACROS = r"""
-- A whole, non-negative number however it is written: 12, "12", 12.0, 1.2e1. Never rounded.
CREATE MACRO whole_number(t) AS CASE
    WHEN regexp_full_match(t, '[0-9]{1,18}') THEN TRY_CAST(t AS BIGINT)
    WHEN regexp_full_match(t, '\s*\+?[0-9]{1,18}(\.0*)?\s*')
        THEN TRY_CAST(regexp_extract(t, '[0-9]+') AS BIGINT)
    WHEN regexp_full_match(t, '\s*[0-9](\.[0-9]{1,16})?[eE]\+?[0-9]{1,2}\s*')
        AND TRY_CAST(trim(t) AS DECIMAL(38, 18)) % 1 = 0
        THEN TRY_CAST(TRY_CAST(trim(t) AS DECIMAL(38, 18)) AS BIGINT) END;

CREATE MACRO whole_number_fault(t) AS CASE
    WHEN regexp_full_match(trim(t), '-[0-9.]+([eE][+-]?[0-9]+)?') THEN 'negative'
    ELSE 'not a whole number' END;

-- Nanoseconds since 1970 as text; what is finer than a microsecond is not kept.
CREATE MACRO nano_instant(t) AS CASE
    WHEN regexp_full_match(t, '[0-9]{1,19}') AND TRY_CAST(t AS BIGINT) > 0
        THEN make_timestamptz(TRY_CAST(t AS BIGINT) // 1000) END;

-- A time as text, or seconds or milliseconds since 1970.
CREATE MACRO moment(t) AS CASE
    WHEN regexp_full_match(t, '[0-9]{9,10}(\.[0-9]{1,6})?')
        THEN make_timestamptz(TRY_CAST(TRY_CAST(t AS DECIMAL(28, 6)) * 1000000 AS BIGINT))
    WHEN regexp_full_match(t, '[0-9]{12,13}') THEN make_timestamptz(TRY_CAST(t AS BIGINT) * 1000)
    ELSE instant(trim(t)) END;
"""
