"""The reference of a spec, made from its declarations: sections, fields, types, bounds, defaults and what they mean.

A section is a frozen dataclass. What its docstring and the texts below its fields say stands in the page word for word,
so that it cannot say otherwise than the code that checks a spec.
"""

from __future__ import annotations

import ast
import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from textwrap import dedent, fill
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf

from lsm_deploy.core.neurons import KINDS
from lsm_deploy.spec.schema import NEURON_SECTIONS, Spec

__all__ = [
    "TELLS",
    "UNITS",
    "about",
    "declared_in",
    "field_texts",
    "key_of",
    "sections",
    "spec_reference",
    "written_in",
]

_TYPES = {float: "number", int: "whole number", bool: "true or false", str: "text", Any: "any value"}
UNITS = {"ms": "ms", "hz": "Hz", "db": "dB"}
"""What the end of a field's name says of its value."""
TELLS = ("kind", "distribution")
"""The fields that tell one kind of section from another."""


def spec_reference() -> str:
    """The sections as Markdown, each with a heading, what it is, and a block of its fields, in the order of a file."""
    return "\n\n".join([_YAML, *(_page_of(path, section) for path, section in sections("", Spec, set()))]) + "\n"


_YAML = """\
A spec is YAML in UTF-8, one document a file, of at most 1 MB and 50,000 values; an alias counts as all that it names.
Numbers are what YAML 1.1 and 1.2 agree on, and `1e3`; a number that need not be whole is 0, or of 1e-30 to 1e30 in
magnitude. What the two versions read differently is refused, with what to write:
`017` (15 or 17), `1:30`, `1_000`, `0b11`, dates, `yes` and `off` (write true and false, or quotes around text). Keys
are text as they are written. Of tags only those of plain values are read, such as `!!str`; `<<` merges mappings."""


def field_texts(declaration: type[Any], *, docstrings: bool = False) -> dict[str, str]:
    """The text that stands below each field of a dataclass in its source; a field without one is left out.

    docstrings: also what a section's own docstring says of one, or of several, as this does here.
    """
    texts: dict[str, str] = {}
    for base in filter(is_dataclass, reversed(declaration.__mro__)):
        if docstrings:
            texts |= _in_docstring(base)
        (tree,) = ast.parse(dedent(inspect.getsource(base))).body
        assert isinstance(tree, ast.ClassDef)
        for one, after in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                match after:
                    case ast.Expr(ast.Constant(str(text))):
                        texts[one.target.id] = " ".join(text.split())
    return texts


def _in_docstring(section: type[Any]) -> dict[str, str]:
    names = "|".join(declared.name for declared in fields(section))
    _, *parts = re.split(rf"(?:^|\s)((?:{names})(?:, (?:{names}))*):\s", inspect.getdoc(section) or "")
    said = zip(parts[::2], parts[1::2], strict=True)
    return {name: " ".join(text.split()) for together, text in said for name in together.split(", ")}


# --- which sections there are -------------------------------------------------------------------------------------


def sections(path: str, section: type[Any], known: set[type[Any]]) -> Iterator[tuple[str, type[Any]]]:
    """This section and all that may stand in it, each once, where it comes first."""
    known.add(section)
    yield path, section
    hints = get_type_hints(section, include_extras=True)
    for declared in fields(section):
        hint = hints[declared.name]
        below = f"{path}.{key_of(declared.name, hint)}{_between(hint)}".lstrip(".")
        for inner in declared_in(hint):
            if inner not in known:
                yield from sections(below, inner, known)


def declared_in(hint: Any) -> Iterator[type[Any]]:
    if isinstance(hint, type) and is_dataclass(hint):
        yield hint
    for inner in get_args(hint):
        yield from declared_in(inner)


def _between(hint: Any) -> str:
    """What a path has between a field and the sections in it."""
    origin = get_origin(hint)
    if origin is Annotated:
        return _between(get_args(hint)[0])
    if origin is Mapping:
        return ".NAME"
    return ".N" if origin is tuple else ""


def key_of(name: str, hint: Any) -> str:
    """The field's name in a file."""
    aliases = [alias for mark in getattr(hint, "__metadata__", ()) if (alias := getattr(mark, "alias", None))]
    return str(aliases[0]) if aliases else name


# --- what is said of one ------------------------------------------------------------------------------------------


def _page_of(path: str, section: type[Any]) -> str:
    told_by = _told_by(section)
    heading = f"{path}, {told_by}" if path and told_by else path or "The whole file"
    if told_by.startswith("distribution"):
        heading = f"A {told_by}"  # it may stand in many places
    hints, texts = get_type_hints(section, include_extras=True), field_texts(written_in(section))
    lines = [f"## {heading}", ""]
    if told_by.startswith("distribution"):
        name = told_by.removeprefix("distribution: ")
        lines += [f"Written `{{distribution: {name}, ...}}` where a field takes a distribution.", ""]
    lines += [about(section), ""] if about(section) else []
    for declared in fields(section):
        hint = hints[declared.name]
        if declared.name in TELLS:
            continue
        unit = UNITS.get(declared.name.rpartition("_")[2], "")
        entry = f"{_type_of(hint)}{unit and f', in {unit}'}; {_default_of(declared)}. {texts.get(declared.name, '')}"
        lines.append(_entry(key_of(declared.name, hint), entry))
    return "\n".join(lines).rstrip()


def _entry(name: str, text: str) -> str:
    return fill(text, 116, initial_indent=f"    {name:<22} ", subsequent_indent=" " * 27, break_on_hyphens=False)


def _told_by(section: type[Any]) -> str:
    """`kind: LIF`, where several sections may stand in one place."""
    hints = get_type_hints(section, include_extras=True)
    return next((f"{name}: {get_args(hints[name])[0]}" for name in TELLS if name in hints), "")


def written_in(section: type[Any]) -> type[Any]:
    """The class whose source declares a section: those of neuron kinds are made from the kind's own."""
    for name, made in NEURON_SECTIONS.items():
        if section is made:
            return KINDS[name].Parameters
        if section in declared_in(get_type_hints(made, include_extras=True)["registers"]):
            return KINDS[name].Registers
    return section


def about(section: type[Any]) -> str:
    for name, made in NEURON_SECTIONS.items():
        if section is made:
            head = inspect.getdoc(KINDS[name]) or ""
            return head.partition("\n\n")[0] + "\n`lsm-deploy manual neurons` has its equations."
    text = inspect.getdoc(written_in(section)) or ""
    return "" if text.startswith(f"{section.__name__}(") else text  # what `dataclass` writes where nobody has


def _type_of(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return f"{_type_of(arguments[0])} {' and '.join(filter(None, map(_bound_of, arguments[1:])))}".strip()
    if origin is Literal:
        return " | ".join(str(value) for value in arguments)
    if origin in (Union, types.UnionType):
        return _any_of([part for part in arguments if part is not type(None)])
    if origin is tuple:
        return f"list of {_type_of(arguments[0])}"
    if origin is Mapping:
        return f"section of names, each with a {_type_of(arguments[1])}"
    if isinstance(hint, type) and is_dataclass(hint):
        keys = [key_of(name, inner) for name, inner in get_type_hints(hint, include_extras=True).items()]
        return _told_by(hint) or f"section of {', '.join(keys)}"
    return _TYPES.get(hint, "file name")


def _any_of(parts: list[Any]) -> str:
    """`number or distribution or section of kind rate | latency`: what is told apart by one field, in one list."""
    types = ["distribution" if each.startswith("distribution") else each for each in map(_type_of, parts)]
    kinds = [each.removeprefix("kind: ") for each in types if each.startswith("kind")]
    others = [each for each in dict.fromkeys(types) if not each.startswith("kind")]
    return " or ".join([*others, f"section of kind {' | '.join(kinds)}"] if kinds else others)


def _bound_of(mark: Any) -> str:
    match mark:
        case Ge(least):
            return f">= {_plain(least)}"
        case Gt(least):
            return f"> {_plain(least)}"
        case Le(most):
            return f"<= {_plain(most)}"
        case Lt(limit):
            return f"< {_plain(limit)}"
        case MultipleOf(1):
            return "whole"
        case Len(least, most):
            return f"({least} of them)" if least == most else f"(at least {least})"
    return ""


def _plain(bound: Any) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _default_of(declared: Field[Any]) -> str:
    if declared.default is MISSING and declared.default_factory is MISSING:
        return "required"
    if declared.default is None or declared.default is MISSING:
        return "may be left out"
    if isinstance(declared.default, tuple):
        return f"default [{', '.join(map(str, declared.default))}]"
    if is_dataclass(declared.default):
        return f"default {_told_by(type(declared.default))}"
    return f"default {str(declared.default).lower() if isinstance(declared.default, bool) else declared.default}"
