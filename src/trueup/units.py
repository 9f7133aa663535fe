"""FOCUS's unit format, read into dimensions, and exact factors between units.

A unit is written ``[quantity] Units``, ``Unit-Times`` (capacity held over time) or
``Units/Time`` (a rate): https://focus.finops.org/focus-specification/ , attribute Unit Format.
Bills write it in more ways than the specification; those that are unambiguous are read too.
Factors are exact fractions, found once per distinct pair, never per row.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from trueup.errors import UnitError

if TYPE_CHECKING:
    import pint

CHARACTERS_MAX = 200  # of a unit as bills write it: the longest known has 60

_SCALES = {
    "k": 10**3,
    "thousand": 10**3,
    "m": 10**6,
    "million": 10**6,
    "b": 10**9,
    "billion": 10**9,
}

# What a bill writes -> what pint calls it. A month has no fixed length (pint's is an average), so
# months, quarters and years are a dimension of their own: calendar time, counted in months.
_TIMES = {
    **dict.fromkeys(("microsecond",), "microsecond"),
    **dict.fromkeys(("millisecond", "msec", "ms"), "millisecond"),
    **dict.fromkeys(("second", "sec", "s"), "second"),
    **dict.fromkeys(("minute", "min"), "minute"),
    **dict.fromkeys(("hour", "hr"), "hour"),
    "day": "day",
    **dict.fromkeys(("week", "wk"), "week"),
    **dict.fromkeys(("month", "mo"), "month"),
    "quarter": "quarter",
    **dict.fromkeys(("year", "yr"), "year"),
}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}

_METRIC = {"K": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta", "E": "exa"}
_BINARY = {"Ki": "kibi", "Mi": "mebi", "Gi": "gibi", "Ti": "tebi", "Pi": "pebi", "Ei": "exbi"}
_PREFIXES = {**_METRIC, **_BINARY}
# Case matters: GB are bytes, Gb are bits.
_DATA = {
    "B": "byte",
    "b": "bit",
    **{f"{short}B": f"{long}byte" for short, long in _PREFIXES.items()},
    **{f"{short}b": f"{long}bit" for short, long in _PREFIXES.items()},
}
_DATA_SPELLED = {
    f"{long}{unit}": f"{long}{unit}"
    for long in ("", *_PREFIXES.values())
    for unit in ("byte", "bit")
}

# Different words for one dimension.
_SAME = {
    "call": "request",
    "api_call": "request",
    "api_request": "request",
    "chip": "tpu_chip",
}
_SHOWN = {"gpu": "GPU", "tpu": "TPU", "vcpu": "vCPU", "ocpu": "OCPU", "iops": "IOPS", "byte": "B"}
_INVARIANT = ("iops", "ss", "is", "status")  # endings that a plural leaves alone
_CACHED_MAX = 4096  # distinct units and pairs kept; bills have some dozens

_QUANTITY = re.compile(
    r"(?P<number>\d{1,3}(?:,\d{3})+|\d+)"
    r"(?:\s*(?P<scale>k|m|b(?=\s+\S)|thousand|million|billion)(?=\s|/|$)|(?=[\s/]|$|[a-z]))\s*",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Unit:
    """``count`` of a thing, held for a time where ``time`` is given.

    thing: the singular name in lower case (token, gpu, tpu_chip, vcpu, request, byte; a rate as
    ``byte/second``), or empty for bare time. time: the singular name (second ... year) or None.
    """

    count: Fraction
    thing: str
    time: str | None = None

    def __str__(self) -> str:
        """FOCUS's text for it, such as Tokens, GPU-Seconds or 1000 Requests."""
        size = "" if self.count == 1 else f"{self.count} "
        thing, slash, per = self.thing.partition("/")
        words = [_SHOWN.get(word, word.capitalize()) for word in thing.split("_") if word]
        if self.time and not slash:
            words.append(f"{self.time.capitalize()}s")
        elif words:
            words[-1] = _plural(words[-1])
        held = f"-{self.time.capitalize()}s" if self.time and slash else ""
        return f"{size}{'-'.join(words)}{slash}{per.capitalize()}{held}"


@lru_cache(_CACHED_MAX)
def parse_unit(text: str) -> Unit:
    """Read a unit; raises UnitError where the text is not one.

    ``X-Hours``, ``X Hours`` and ``X Per Hour`` (the price metric of some bills, whose quantity is
    X-Hours) are one thing; ``X/Hour`` is a rate, as the specification has it, and does not convert
    to X-Hours.
    """
    if len(text) > CHARACTERS_MAX:
        raise UnitError(f"{text[:40]!r} and {len(text) - 40:,} more characters are no unit")
    stripped = text.strip()
    if stripped.lower() in ("", "null", "none", "n/a", "-"):
        raise UnitError(f"{text!r} says no unit")
    count, rest = _quantity(stripped)
    if not rest:
        return Unit(count, "unit")
    over, slash, under = rest.partition("/")
    words = _words(over)
    if slash:
        size, thing = _thing(text, words) if words else (Fraction(1), "unit")
        per, base, held = _denominator(text, under)
        return Unit(count * size / per, f"{thing}/{base}", held)
    time = _time(words.pop()) if words and _time(words[-1]) else None
    if words and words[-1].lower() == "per":
        words.pop()
        if time is None or not words:
            raise _unreadable(text)
    if not words and time:
        return Unit(count, "", time)
    size, thing = _thing(text, words)
    return Unit(count * size, thing, time)


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s\-_]+", text) if word]


def _denominator(text: str, under: str) -> tuple[Fraction, str, str | None]:
    """Of a rate: the seconds or months it is per, which of the two, the time it is held for."""
    amount, rest = _quantity(under.strip())
    times = [_time(word) for word in _words(rest)]
    per = times[0] if times else None
    held = times[1] if len(times) == 2 else None
    if per is None or len(times) > 2 or (len(times) == 2 and held is None):
        raise UnitError(f"{text!r}: a rate is per a time (Second ... Year), not per {under!r}")
    return amount * _time_factor(per), _time_base(per), held


def _unreadable(text: str) -> UnitError:
    return UnitError(
        f"{text!r} is not a unit: write it as Tokens, 1000 Tokens, GPU-Hours, GB or GB/Second"
    )


def _quantity(text: str) -> tuple[Fraction, str]:
    found = _QUANTITY.match(text)
    if found is None:
        return Fraction(1), text
    number = int(found["number"].replace(",", ""))
    if number == 0:
        raise UnitError(f"{text!r}: a unit of nothing")
    scale = _SCALES[found["scale"].lower()] if found["scale"] else 1
    return Fraction(number * scale), text[found.end() :]


def _time(word: str) -> str | None:
    lower = word.lower()
    return _TIMES.get(lower) or _TIMES.get(lower.removesuffix("s"))


def _thing(text: str, words: list[str]) -> tuple[Fraction, str]:
    """How many of the base dimension the words stand for, and the dimension."""
    if not words:
        raise _unreadable(text)
    *first, last = words
    size = Fraction(1)
    pint_name = _DATA.get(last) or _DATA_SPELLED.get(last.lower().removesuffix("s"))
    if pint_name:
        last, size = "byte", _pint_factor(pint_name, "byte")
    else:
        last = _singular(last)
    snake = (re.sub(r"(?<=[a-z]{2})(?=[A-Z])", "_", word) for word in (*first, last))
    name = "_".join(snake).lower()
    if not re.fullmatch(r"[^\W\d]\w*", name):
        raise _unreadable(text)
    return size, _SAME.get(name, name)


def _singular(word: str) -> str:
    lower = word.lower()
    if lower.endswith(_INVARIANT) or not lower.endswith("s"):
        return word
    if lower.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if lower.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    return word[:-1]


def _plural(word: str) -> str:
    lower = word.lower()
    if word == "B" or lower.endswith(_INVARIANT):
        return word
    if lower.endswith("y") and not lower.endswith(("ay", "ey", "oy", "uy")):
        return word[:-1] + "ies"
    return word + ("es" if lower.endswith(("x", "ch", "sh")) else "s")


def _time_base(time: str) -> str:
    return "month" if time in _MONTHS else "second"


@cache
def _time_factor(time: str) -> Fraction:
    """How many seconds, or months of the calendar, a time holds."""
    if time in _MONTHS:
        return Fraction(_MONTHS[time])
    return _pint_factor(time, "second")


@cache
def _registry() -> pint.UnitRegistry[Fraction]:
    import pint

    return pint.UnitRegistry(non_int_type=Fraction)


@cache
def _pint_factor(from_name: str, to_name: str) -> Fraction:
    factor = _registry().Quantity(Fraction(1), from_name).to(to_name).magnitude
    if not isinstance(factor, int | Fraction):
        raise UnitError(f"there is no exact factor from {from_name} to {to_name}")
    return Fraction(factor)


def _unit(unit: Unit | str) -> Unit:
    return parse_unit(unit) if isinstance(unit, str) else unit


def base_unit(unit: Unit | str) -> Unit:
    """The unit in which quantities of this dimension compare: token, byte, gpu-second, second."""
    unit = _unit(unit)
    return Unit(Fraction(1), unit.thing, _time_base(unit.time) if unit.time else None)


def to_base(unit: Unit | str) -> Fraction:
    """How many base units one unit holds: 3600 for GPU-Hours, 1000000 for 1000000 Tokens."""
    unit = _unit(unit)
    return unit.count * (_time_factor(unit.time) if unit.time else 1)


@lru_cache(_CACHED_MAX)
def factor(from_unit: Unit | str, to_unit: Unit | str) -> Fraction:
    """What a quantity in ``from_unit`` is multiplied by to be one in ``to_unit``, exact.

    Raises UnitError where the two measure different things, or one is in calendar months and the
    other in hours: a month has no fixed length.
    """
    source, target = _unit(from_unit), _unit(to_unit)
    source_base, target_base = base_unit(source), base_unit(target)
    if source_base == target_base:
        return to_base(source) / to_base(target)
    if source.thing == target.thing and source.time and target.time:
        raise UnitError(
            f"{from_unit} and {to_unit} do not convert: a month has no fixed number of hours"
        )
    raise UnitError(
        f"{from_unit} and {to_unit} do not convert: one measures {source_base}, "
        f"the other {target_base}"
    )
