"""The house keeps its own rules: where numbers of the chip and other packages may stand, and what names may be."""

from __future__ import annotations

import ast
import importlib
import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lsm_deploy.core import fixed
from lsm_deploy.core.boards import MAX_DELAY

pytestmark = pytest.mark.once

ROOT = Path(__file__).parent.parent
PACKAGES = (ROOT / "lsm_deploy", ROOT / "backends" / "lsm_backends")
FILES = sorted(path for package in PACKAGES for path in package.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


# --- numbers of the chip ------------------------------------------------------------------------------------------

ALIGNMENT = 1 << fixed.ACT_SHIFT
SHIFTS = {fixed.ACT_SHIFT, fixed.DECAY_BITS}
NUMBERS = {
    *(fixed.DECAY_UNITY, fixed.LARGEST_DECAY, fixed.SUM_LIMIT, fixed.SUM_LIMIT + 1),
    *(fixed.UV_LIMIT - 1, fixed.UV_LIMIT, 2 * fixed.UV_LIMIT, fixed.UV_LIMIT >> fixed.ACT_SHIFT),
    *(fixed.WEIGHT_LIMIT, fixed.WEIGHT_LIMIT - 1, -fixed.LEAST_WEIGHT, MAX_DELAY, MAX_DELAY + 1),
    *((fixed.UV_LIMIT >> fixed.ACT_SHIFT) - 1, 2 * (fixed.SUM_LIMIT + 1)),
}
NO_CHIP = {
    "backends/lsm_backends/fast/engine.py": {1 << 24: "values that are held at once"},
    "backends/lsm_backends/fast/kernels/lists.py": {64: "bytes of a line of the cache"},
    "backends/lsm_backends/fast/kernels/machine.py": {64: "spins before a thread yields"},
    "backends/lsm_backends/fast/kernels/rows.py": {256: "neurons in a machine's vectors", 255: "one less"},
    "backends/lsm_backends/fast/rows.py": {1 << 24: "bytes of a cache", 64: "bytes of a line of it"},
    "backends/lsm_backends/lava/graded_li/process.py": dict.fromkeys((1 << 23, 256), "copied, as graph.py is"),
    "backends/lsm_backends/lava/graph.py": {4096: "it is copied to where this package is not installed"},
    "lsm_deploy/compile/certify/restrain.py": {256: "units that are enough for a threshold"},
    "lsm_deploy/compile/place/synapse_memory.py": {256: "neurons in layers of networks that were published"},
    "lsm_deploy/compile/quantise/grid.py": {1 << 16: "weights that grids are compared on"},
    "lsm_deploy/data/annotations.py": {63: "the type of a note in a file of annotations"},
    "lsm_deploy/data/encoders.py": {1 << 12: "frames that are encoded at once"},
    "lsm_deploy/data/raw.py": {1 << 15: "the range of 16-bit sound"},
    "lsm_deploy/learn/onchip.py": {256: "spikes of a winner that are tried"},
    "lsm_deploy/learn/readout/integer.py": {1 << 15: "16-bit weights of a readout on the host"},
    "lsm_deploy/parity/reduction/question.py": {4096: "neurons that run together"},
    "lsm_deploy/report/conformance.py": {4095: "an option, in an example of how to import a recording"},
    "lsm_deploy/run/streaming.py": {1 << 24: "values that are held at once"},
    "lsm_deploy/store/container.py": {1 << 24: "bytes of a header"},
}
"""By file, numbers that only look like the chip's, and what they are."""


def value_of(node: ast.AST) -> float | None:
    """Of a literal, `np.int32(6)`, `1 << 24` or `2**24`."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return value
        case ast.Call(args=[ast.Constant(value=int() | float() as value)], keywords=[]):
            return value
        case ast.BinOp(left=ast.Constant(value=int() as base), op=op, right=ast.Constant(value=int() as exponent)):
            if isinstance(op, ast.LShift):
                return base << exponent
            if isinstance(op, ast.Pow):
                return base**exponent
    return None


def in_text(text: str) -> list[float]:
    """What stands in a string, which may be code; a blank is what an f-string fills in."""
    try:
        return [value for _, value in chip_numbers(ast.parse(text))]
    except (SyntaxError, ValueError):
        numerals = map(float, re.findall(r"(?<![\w.,-])\d+(?:\.0)?(?![\w,]|\.\d)", text))
        return [value for value in numerals if value in NUMBERS]


def weight_bits(node: ast.AST) -> bool:
    return ast.unparse(node).endswith("weight_bits")


def chip_numbers(node: ast.AST) -> Iterator[tuple[int, float]]:
    """The line and the value of each number of the chip that is written out; docstrings may speak of them."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return
        case ast.Constant(value=str() as text):
            yield from ((node.lineno, value) for value in in_text(text))
            return
        case ast.JoinedStr(values=parts):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "_" for part in parts)
            yield from ((node.lineno, value) for value in in_text(text))
            for part in parts:
                if isinstance(part, ast.FormattedValue):
                    yield from chip_numbers(part.value)
            return
        case ast.BinOp(op=ast.LShift() | ast.RShift(), right=right) if value_of(node) is None:
            if value_of(right) in SHIFTS:
                yield node.lineno, value_of(right)
            yield from chip_numbers(node.left)
            if value_of(right) is None:
                yield from chip_numbers(right)
            return
        case ast.BinOp(op=ast.LShift() | ast.Pow()) if value_of(node) == ALIGNMENT:
            yield node.lineno, ALIGNMENT
        case ast.BinOp(op=ast.Mult()) if ALIGNMENT in (value_of(node.left), value_of(node.right)):
            yield node.lineno, ALIGNMENT
        case ast.BinOp(op=ast.FloorDiv() | ast.Div() | ast.Mod()) if value_of(node.right) == ALIGNMENT:
            yield node.lineno, ALIGNMENT
        case ast.BinOp(left=ast.Constant(value=int() as bits), op=ast.Sub(), right=right) if weight_bits(right):
            if bits in (fixed.WEIGHT_BITS, fixed.WEIGHT_BITS + 1):
                yield node.lineno, bits
    if (value := value_of(node)) is not None:
        if value in NUMBERS:
            yield node.lineno, value
        return
    for child in ast.iter_child_nodes(node):
        yield from chip_numbers(child)


def test_no_number_of_the_chip_stands_outside_the_core():
    found = [
        f"{name_of(path)}:{line}: {value}"
        for path in FILES
        if "core" not in path.relative_to(ROOT).parts[:2]
        for line, value in chip_numbers(ast.parse(path.read_text()))
        if value not in NO_CHIP.get(name_of(path), {})
    ]
    assert not found, "name it in core/fixed.py or core/boards.py, or say in NO_CHIP what else it is"


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("x = vth << 6", [6]), ("x = a >> _I(12)", [12]), ("x = 4096 - du", [4096]), ("x = y / 4096.0", [4096]),
        ("most = 254 if mixed else -256", [254, 256]), ("vth = 1 << 17", [1 << 17]), ("u = x - 2**24", [1 << 24]),
        ("rule = 'u = floor(u / 4096.0) + 64.0 * a'", [4096, 64]), ("x = 64 * scale", [64]), ("x = 1 << 20", []),
        ("x = product >> 63", []), ("def f():\n    '''4096 - du'''", []), ("x = y[0:12] + 6", []),
        ("x = f'{u} > 8388608.0'", [1 << 23]), ("x = u // 64", [64]), ("x = u / 64", [64]), ("x = u % 64", [64]),
        ("x = u & 63", [63]), ("x = 1 << 6", [64]), ("x = 2**6", [64]), ("x = 9 - p.num_weight_bits", [9]),
        ("x = 1 << (8 - weight_bits)", [8]), ("rule = 'x % (1 << 16)'", [1 << 16]), ("rule = f'{x} // 64'", [64]),
        ("x = f'{u // 64} of'", [64]), ("x = 64 / u", []), ("x = 9 - y", []), ("x = 'of 64 / s'", []),
    ],
)  # fmt: skip
def test_such_a_number_is_seen(code, seen):
    assert [value for _, value in chip_numbers(ast.parse(code))] == seen


def test_every_number_that_only_looks_like_it_is_still_there():
    for name, numbers in NO_CHIP.items():
        assert numbers.keys() == {value for _, value in chip_numbers(ast.parse((ROOT / name).read_text()))}, name


# --- names ----------------------------------------------------------------------------------------------------------


def module_of(path: Path) -> str:
    package = next(package for package in PACKAGES if path.is_relative_to(package))
    return ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")


MODULES = sorted(name for path in FILES if "." in (name := module_of(path)) and not name.endswith("__main__"))
FOLDERS = {path.parent.name for path in FILES if path.name == "__init__.py"}


@pytest.mark.parametrize("name", MODULES)
def test_nothing_shadows_a_module(name, monkeypatch):
    # Lava sets it (to fork, as it is) when it is imported, and raises where a pool was there before.
    monkeypatch.setattr(multiprocessing, "set_start_method", lambda method: None)
    # Lava may not be installed, and what a process of its own runs with it finds its neighbours on the path.
    monkeypatch.syspath_prepend(PACKAGES[1] / "lava")
    module = pytest.importorskip(name) if ".lava." in name else importlib.import_module(name)
    parent, _, leaf = name.rpartition(".")
    assert getattr(importlib.import_module(parent), leaf) is module


def test_no_function_bears_the_name_of_a_folder():
    found = [
        f"{name_of(path)}:{node.lineno}: {node.name}"
        for path in FILES
        if path.is_relative_to(PACKAGES[0])
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in FOLDERS
    ]
    assert not found


PARTICIPLES = {"found", "kept", "told", "heard", "unseen", "taught"}
"""They say what was done to a thing, and not what it is."""


def names_given(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The line and the name of each variable, attribute, argument, function and class."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name


def participles(tree: ast.AST) -> list[tuple[int, str]]:
    return [(line, name) for line, name in names_given(tree) if name.strip("_").lower() in PARTICIPLES]


def test_names_are_no_participles():
    # What a command prints as JSON has the names that it has always had.
    others = ("lsm_deploy/cli/running.py", "lsm_deploy/report/published/answers.py")
    files = [path for path in FILES if name_of(path) not in others]
    given = {name_of(path): participles(ast.parse(path.read_text())) for path in files}
    assert not {name: some for name, some in given.items() if some}


@pytest.mark.parametrize(
    "code",
    [
        "found = []", "heard: int = 1", "x = [1 for kept in y]", "def f(*, told=1): pass", "f = lambda unseen: 1",
        "class _Taught: pass", "with x as found: pass", "self.found = 1", "if (found := f()): pass",
    ],
)  # fmt: skip
def test_a_participle_is_seen(code):
    assert len(participles(ast.parse(code))) == 1


def test_a_class_that_is_called_by_a_participle_is_the_only_one():
    """`Asked`, or `Tried`, does not say of what: a reader who meets two of them takes one for the other."""
    published = ROOT / "lsm_deploy" / "report" / "published"  # JSON of values that bear the same name
    names = [
        node.name
        for path in FILES
        if not path.is_relative_to(published)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and re.fullmatch("[A-Z][a-z]+ed", node.name)
    ]
    assert "Compiled" in names
    assert not {name for name in names if names.count(name) > 1}


@pytest.mark.parametrize(
    "name",
    ["run/recorded", "store/recordings", "parity/compare", "parity/investigation", "exchange/networks"],
)
def test_what_python_calls_too_names_options_only_beside_words(name):
    """Of a command's options a user of Python has none: they stand in parentheses, after what is meant."""
    tree = ast.parse((PACKAGES[0] / f"{name}.py").read_text())
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert not [text for text in texts if re.search(r"(^|\s)--[a-z]", re.sub(r"\([^()]*\)", "", text))]


def test_names_say_what_is_inside():
    assert not {part for name in MODULES for part in name.split(".")} & {"utils", "util", "helpers", "common", "misc"}


def test_one_file_warns_and_one_knows_where_a_user_has_files():
    """Python's filters are those of all threads of a process."""
    other = re.compile(r"warnings\.warn\(.*LsmWarning|simplefilter\(.*LsmWarning|catch_warnings\(record")
    assert not [name_of(path) for path in FILES if other.search(path.read_text())]
    homes = re.compile(r"Path\.home|expanduser|environ.*XDG_")
    assert [name_of(path) for path in FILES if homes.search(path.read_text())] == ["lsm_deploy/core/places.py"]


# --- other people's packages ----------------------------------------------------------------------------------------


def imported(path: Path) -> set[str]:
    """The packages that a file imports, whether at its head or in a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize(
    ("package", "room"),
    [
        ("yaml", "lsm_deploy/spec/"), ("pydantic", "lsm_deploy/spec/"), ("pydantic_core", "lsm_deploy/spec/"),
        ("click", "lsm_deploy/cli/"), ("lava", "backends/lsm_backends/lava/"),
        ("lsm_backends", "backends/lsm_backends/"), ("optuna", "lsm_deploy/tune/searches/"),
    ],
)  # fmt: skip
def test_a_package_is_known_to_one_room(package, room):
    assert [name_of(path) for path in FILES if package in imported(path) and not name_of(path).startswith(room)] == []


def test_backends_import_nothing_from_the_top():
    """It brings everything with it, and the contracts on imports do not see it."""
    for path in FILES:
        if path.is_relative_to(PACKAGES[1]):
            for node in ast.walk(ast.parse(path.read_text())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) else []
                assert "lsm_deploy" not in names, name_of(path)


@pytest.mark.parametrize("package", ["h5py", "torch", "nir", "dask", "jinja2", "tonic", "sktime", "brian2"])
def test_a_package_is_known_to_one_file(package):
    ours = [path for path in FILES if path.name != "netx_graph.py"]  # a script for lava-dl's Python
    assert len([name_of(path) for path in ours if package in imported(path)]) <= 1
