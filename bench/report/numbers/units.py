"""How figures are written: percent, points, decimal prefixes, and – for what is missing."""

from __future__ import annotations

import math
import re

MISSING = "–"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z")


def prefixed(value: float | None, unit: str = "") -> str:
    """Three significant digits with a decimal prefix: 1.23e9 FLOP is `1.23 GFLOP`, 340,000 B is `340 kB`."""
    if value is None or not math.isfinite(value):
        return MISSING
    step = 0
    while step < len(PREFIXES) - 1 and abs(value) >= 999.5:  # 999.5 would be written as 1000
        value, step = value / 1000, step + 1
    number = f"{value:.3g}" if abs(value) >= 1 or value == 0 else f"{value:.2g}"
    return f"{number} {PREFIXES[step]}{unit}".strip()


def duration(seconds: float | None) -> str:
    """Seconds as `0.8 s`, `12 s`, `4.2 min` or `1.5 h`."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    if seconds < 99.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5970 else f"{seconds / 3600:.1f} h"


def percent(fraction: float | None, std: float | None = None) -> str:
    """A fraction in percent, `92.1`, and with its deviation over the seeds, `92.1 ± 0.4`."""
    if fraction is None:
        return MISSING
    return f"{100 * fraction:.1f}" + ("" if std is None else f" ± {100 * std:.1f}")


def points(difference: float | None) -> str:
    """A difference of two fractions in signed percentage points, `+8.5`, `−0.3`."""
    if difference is None:
        return MISSING
    rounded = round(100 * difference, 1) + 0.0  # + 0.0 turns a negative zero into zero
    return f"{'−' if rounded < 0 else '+'}{abs(rounded):.1f}"


def ratio(value: float) -> str:
    """A ratio in the form that is easiest to read: `1/120`, `85 %` or `3.2x`."""
    if value < 0.5:
        return f"1/{1 / value:.2g}" if 1 / value < 99.5 else f"1/{round_to(1 / value, 2):,}"
    if value < 1:
        return f"{100 * value:.0f} %"
    return f"{value:.2g}x" if value < 99.5 else f"{round_to(value, 2):,}x"


def round_to(value: float, digits: int) -> int:
    """A number of 100 or more as an integer with so many significant digits."""
    return int(float(f"{value:.{digits - 1}e}"))


def counted(number: int, noun: str) -> str:
    """`1 task`, `7 tasks`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def listed(names: list[str], most: int = 8) -> str:
    """`a`, `a and b`, `a, b and c`. Names after the first `most` are counted: `and 4 more`."""
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def numbered(names: list[str]) -> list[str]:
    """The names, each with its number where two are equal."""
    return [name if names.count(name) == 1 else f"{name}-{at}" for at, name in enumerate(names, start=1)]


def p_value(p: float, sign: str = "") -> str:
    """`0.031` or `< 0.001`. With a sign, `= 0.031` or `< 0.001`."""
    return "< 0.001" if p < 0.001 else f"{sign} {p:.2g}".strip()


HEADER_WIDTH = 9  # of a method's name in a heading; a longer name goes on in the next line


def folded(name: str, width: int = HEADER_WIDTH) -> list[str]:
    """A name in lines of at most `width` characters, broken after one of `_-:+,` or a blank where possible."""
    lines = [""]
    for word in re.findall(r"[^_\-:+, ]*[_\-:+, ]?", name):
        for piece in (word[at : at + width] for at in range(0, len(word), width)):
            if len(lines[-1]) + len(piece) > width:
                lines.append("")
            lines[-1] += piece
    return [line.strip() for line in lines if line.strip()]


def clipped(name: str, width: int) -> str:
    """The beginning of a name, at most `width` characters, with … for the rest."""
    first, *rest = folded(name, width)
    return f"{first}…" if rest else first
