"""The prefix of all names that others see: `lsm`, or another, so that programs stand beside each other in one firmware.

The code is written with `lsm`, and renamed: words that begin with it, and files that it includes, but no strings and
no comment that a file begins with, where the names of others are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lsm_deploy.core.errors import LsmError

__all__ = ["PREFIX", "check_prefix", "renamed"]

PREFIX = "lsm"
_OTHERS = r'\A/\*(?s:.*?)\*/|"(?:[^"\\\n]|\\.)*"'
_OURS = re.compile(rf'(?P<before>^#include "|\b|-D)(?P<ours>lsm|LSM)(?=_|\b)|{_OTHERS}', re.MULTILINE)
_NO_CODE = re.compile(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.DOTALL)
_LONGEST = 20
"""C99 tells external names apart by 31 characters, and `_trace_step` follows."""
_TAKEN = """
auto break case char const continue default do double else enum extern float for goto if inline int long register
restrict return short signed sizeof static struct switch typedef union unsigned void volatile while asm class new
delete this template namespace true false bool assert complex ctype errno fenv float inttypes limits locale math
setjmp signal stdarg stdbool stddef stdint stdio stdlib string tgmath time wchar wctype
"""
"""Words of C and of C++ that a name must not be, and headers that a file must not hide."""


def renamed(text: str, prefix: str) -> str:
    """The same C, or words about it, with another prefix."""

    def other(match: re.Match[str]) -> str:
        if match["ours"] is None:
            return match[0]
        return match["before"] + (prefix if match["ours"].islower() else prefix.upper())

    return text if prefix == PREFIX else _OURS.sub(other, text)


def check_prefix(prefix: str, texts: Iterable[str] = ()) -> None:
    """Refuse a prefix that is no name in C, or meets one; texts: all that is written, before it is renamed."""
    if prefix == PREFIX:
        return
    if not re.fullmatch(f"[a-z][a-z0-9_]{{0,{_LONGEST - 1}}}", prefix):
        what = f"the prefix {prefix!r} is not a small letter, and then small letters, digits and _, {_LONGEST} at most"
        raise LsmError(what, where="prefix", hint="such as lsm, or left_ear")
    words = {word.lower() for text in texts for word in re.findall(r"[A-Za-z_]\w*", _NO_CODE.sub(" ", text))}
    met = [word for word in sorted({*words, *_TAKEN.split()}) if word == prefix or word.startswith(f"{prefix}_")]
    if met:
        what = f"the prefix {prefix!r} meets {met[0]!r}, which the code, or C itself, has"
        raise LsmError(what, where="prefix", hint=f"take another, such as my_{prefix}"[:80])
