"""What is done to a file: at random, and on purpose, knowing what it is.

A mutation takes a generator and the bytes of a file, and gives other bytes. Which ones there are for a file, its name
says: `mutations_of`. Those that know a format come on top of those that know none.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from hostile.archives import DEFLATED, STORED, Member, bomb, member, npy_of, npy_with, npz_of, zip_of

Rng = np.random.Generator
Mutation = Callable[[Rng, bytes], bytes]

NUMBERS = (
    *(0, 1, -1, 2, 3, 7, 62, 63, 64, 127, 128, 255, 256, 257, 4095, 4096, 32767, 32768, 65535, 65536, 65537, 131071),
    *(2**20, 2**24, 2**31 - 1, 2**31, -(2**31), 2**32, 2**32 + 1, 2**40, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 2**63),
    *(2**64 - 1, 2**64, 10**30, 10**400),
)
FLOATS = (0.0, -0.0, 0.5, 1.5, 80.0, 1e-320, 1e-3, 1e10, 1e300, 1.7e308, float("nan"), float("inf"), float("-inf"))
TEXTS = (
    *("", " ", "x", "input", "liquid", "0", "-1", "1e400", "nan", "None", "true", "../../etc/passwd", "/dev/zero"),
    *(
        "/dev/null",
        ".",
        "\0",
        "\x1b[2J\x1b[31mred",
        "a" * 5000,
        "'; import os #",
        "é",
        "\u202egnp",
        "\ud7ff",
        "{}",
        "[]",
    ),
)
DTYPES = (
    *("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "g", "F", "D", "U8", "S8", "O", "M8[s]"),
    *("m8[s]", "V4", ">i2", ">i4", ">i8", ">f4", ">f8", ">u2"),
)
WRAPPING = (2**8, 2**16, 2**32, -(2**8), -(2**16), -(2**32), 2**31, 2**63 - 1, -(2**63), -1, 1, 127, 128)
"""Added to a value, or put in its place, these look the same, or harmless, once something narrower has them."""


def pick(rng: Rng, options: Sequence[Any]) -> Any:
    return options[int(rng.integers(len(options)))]


# --- bytes ---------------------------------------------------------------------------------------------------------


def _flip(rng: Rng, data: bytes) -> bytes:
    changed = bytearray(data or b"\0")
    for _ in range(int(pick(rng, (1, 1, 2, 8, 64)))):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _cut(rng: Rng, data: bytes) -> bytes:
    return data[: int(rng.integers(len(data) + 1))]


def _cut_front(rng: Rng, data: bytes) -> bytes:
    return data[int(rng.integers(len(data) + 1)) :]


def _insert(rng: Rng, data: bytes) -> bytes:
    at = int(rng.integers(len(data) + 1))
    return data[:at] + rng.bytes(int(pick(rng, (1, 2, 8, 100)))) + data[at:]


def _chunks(rng: Rng, data: bytes) -> bytes:
    """Two chunks change places, or one is doubled, left out, or zeroed."""
    a, b, c = sorted(int(i) for i in rng.integers(0, len(data) + 1, 3))
    left, right = data[a:b], data[b:c]
    middle = pick(
        rng, (right + left, left + left + right, right, bytes(len(left)) + right, b"\xff" * len(left) + right)
    )
    return data[:a] + bytes(middle) + data[c:]


def _word(rng: Rng, data: bytes) -> bytes:
    """An aligned integer becomes a nasty one."""
    width = int(pick(rng, (2, 4, 8)))
    at = int(rng.integers(max(1, len(data) // width))) * width
    value = int(pick(rng, NUMBERS[:-2])) % (1 << 8 * width)
    return data[:at] + value.to_bytes(width, "little") + data[at + width :]


def _nothing(rng: Rng, data: bytes) -> bytes:
    return bytes(
        pick(
            rng, (b"", b"\0", b"\n", b"PK", b"PK\3\4", b"\x80\4K\1.", b"LSMDEPL", bytes(4096), b"\xff\xfe", data + data)
        )
    )


BYTES: tuple[Mutation, ...] = (_flip, _flip, _cut, _cut_front, _insert, _chunks, _word, _nothing)


# --- arrays --------------------------------------------------------------------------------------------------------


def _nasty_array(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    return pick(rng, (_poke, _poke, _shift, _cast, _reshape, _poisoned, _resize, _as_text))(rng, np.array(array))


def _poke(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    """One value, or all of them, becomes a nasty one; of the array's type, or of one that can hold it."""
    if not array.size or array.dtype.kind not in "biuf":
        return _reshape(rng, array)
    whole = rng.random() < 0.6
    value = pick(rng, [n for n in NUMBERS if -(2**63) <= n < 2**64]) if whole else pick(rng, FLOATS)
    if not whole:
        array = array.astype(np.float64)
    elif not np.iinfo(np.int64).min <= value <= np.iinfo(np.int64).max:
        array = array.astype(np.uint64)
    else:
        array = array.astype(np.int64)
    if rng.random() < 0.1:
        array[...] = value
    else:
        array.reshape(-1)[int(rng.integers(array.size))] = value
    return array


def _shift(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    if not array.size or array.dtype.kind not in "biu":
        return _poke(rng, array)
    array = array.astype(np.int64)
    array.reshape(-1)[int(rng.integers(array.size))] += pick(rng, WRAPPING[:7])
    return array


def _cast(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    dtype = pick(rng, DTYPES)
    try:
        with np.errstate(all="ignore"):
            return array.astype(dtype)
    except (ValueError, TypeError):
        return np.zeros(array.shape, dtype)


def _reshape(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    return pick(
        rng,
        (
            array.T,
            np.asfortranarray(array),
            array.reshape(-1),
            array[np.newaxis],
            array[..., np.newaxis],
            array.reshape(-1)[:1].reshape(()) if array.size else array,
            array[:0] if array.ndim else array[np.newaxis][:0],
            np.zeros((0, *array.shape), array.dtype),
            np.zeros((*array.shape, 0), array.dtype),
        ),
    )


def _poisoned(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    """Indices that lead out of what they index, whose differences wrap, or whose sum does."""
    if array.ndim != 1 or len(array) < 3 or array.dtype.kind not in "iu":
        return _poke(rng, array)
    big, last = 2**63 - 1, int(array[-1])
    array = array.astype(np.int64)
    i = int(rng.integers(1, len(array) - 1))
    how = int(rng.integers(6))
    if how == 0:
        array[i : i + 2] = [big, -2][: len(array[i : i + 2])]
    elif how == 1:
        array[i] = last + int(rng.integers(1, 100))
    elif how == 2:
        array[i:] = array[i:][::-1].copy()
    elif how == 3:
        array[i] = -int(rng.integers(1, 100))
    elif how == 4:
        array[0] = int(rng.integers(-5, 5))
    else:  # lengths whose sum is right in 64 bits
        array[i - 1 : i + 1] += np.array([1, -1]) * (2**62)
        array[i - 1] += 2**62
        array[i] += -(2**62)
    return array


def _resize(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    if not array.ndim or not len(array):
        return np.repeat(array.reshape(-1), 3)
    return pick(
        rng, (array[:-1], array[1:], np.concatenate([array, array]), np.concatenate([array, array[-1:]]), array[::-1])
    )


def _as_text(rng: Rng, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind != "U" or not array.size:
        return _poke(rng, array)
    array = array.astype(object)
    array.reshape(-1)[int(rng.integers(array.size))] = pick(rng, TEXTS)
    return array.astype(str)


# --- .npy and .npz -------------------------------------------------------------------------------------------------

_DESCRS = (
    *(
        "<i8",
        ">i8",
        "|O",
        "<f2",
        "<f16",
        "<c16",
        "|S5",
        "<U3",
        "|V8",
        "<M8[s]",
        "",
        "i",
        "<i3",
        "<U1000000000",
        "|S2147483647",
    ),
    *("<U0", "|V0", "|S0", "<i8,<i8", "(3,)<i4", "\0", "<M8[XX]"),
)
_SHAPES = (
    *("()", "(0,)", "(-1,)", "(1099511627776,)", "(9223372036854775807,)", "(18446744073709551616,)", "(2, -3)"),
    *("(1.5,)", "('x',)", "5", "None", "(True, 2)", "(0, 1099511627776)", "(4294967296, 4294967296)", "[3]", "(" * 300),
    *("(" + "1, " * 70 + ")", "(3,)*2", "(9" + "9" * 5000 + ",)"),
)
_HEADERS = (
    *(
        "",
        "{",
        "{}",
        "[]",
        "None",
        "{'descr': '<i8'}",
        "__import__('os').getcwd()",
        "(" * 5000,
        "{" * 200,
        "-" * 9000 + "1",
    ),
    "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), 'more': 1}",
    "{'descr': [('a', '<i4'), ('b', '<f8')], 'fortran_order': False, 'shape': (2,)}",
    "{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (2,)}",
    "{'descr': [('t', [('u', '<i4')], (1000000,))], 'fortran_order': False, 'shape': (100,)}",
    "{'descr': ('<i4', (1000000,)), 'fortran_order': False, 'shape': (1000,)}",
    "{1: 2, 'descr': '<i8', 'fortran_order': False, 'shape': (1,)}",
    "{'descr': {'names': ['a'], 'formats': ['<i4']}, 'fortran_order': False, 'shape': (1,)}",
)


def _header(rng: Rng, array: NDArray[Any]) -> bytes:
    """A `.npy` whose header lies."""
    array = np.ascontiguousarray(array)
    facts = {"descr": repr(array.dtype.str), "fortran_order": "False", "shape": repr(array.shape)}
    version, magic = (1, 0), b"\x93NUMPY"
    how = int(rng.integers(7))
    if how == 0:
        facts["descr"] = repr(pick(rng, _DESCRS))
    elif how == 1:
        facts["shape"] = pick(rng, _SHAPES)
    elif how == 2:
        facts["fortran_order"] = pick(rng, ("True", "1", "'x'", "None"))
    elif how == 3:
        version = pick(rng, ((2, 0), (3, 0), (0, 0), (4, 0), (9, 9), (1, 1), (255, 255)))
    elif how == 4:
        magic = pick(rng, (b"", b"\x93NUMP", b"NUMPY\x93", b"\x80\4K\1.", b"PK\3\4\0\0"))
    header = "{" + "".join(f"'{name}': {value}, " for name, value in facts.items()) + "}"
    if how == 5:
        header = pick(rng, _HEADERS)
    data = npy_with(header, array.tobytes() if array.dtype != object else b"\x80\4K\1.", version, magic)
    return data[: int(rng.integers(len(data)))] if how == 6 else data


def npy(rng: Rng, data: bytes) -> bytes:
    array = np.load(io.BytesIO(data))
    return _header(rng, array) if rng.random() < 0.4 else npy_of(_nasty_array(rng, array))


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(data)) as archive:
        return {name: archive[name] for name in archive.files}


def npz_array(rng: Rng, data: bytes) -> bytes:
    """One array, or two, hold something else."""
    arrays = _arrays(data)
    for _ in range(int(pick(rng, (1, 1, 1, 2)))):
        name = pick(rng, sorted(arrays))
        arrays[name] = _nasty_array(rng, arrays[name])
    return npz_of(arrays, bool(rng.random() < 0.3))


def npz_names(rng: Rng, data: bytes) -> bytes:
    """Arrays are missing, renamed, exchanged, added, doubled."""
    arrays = _arrays(data)
    name, other = pick(rng, sorted(arrays)), pick(rng, sorted(arrays))
    how = int(rng.integers(6))
    if how == 0:
        del arrays[name]
    elif how == 1:
        arrays[pick(rng, (*TEXTS, name + "s", name[:-1], name.upper()))] = arrays.pop(name)
    elif how == 2:
        arrays[name], arrays[other] = arrays[other], arrays[name]
    elif how == 3:
        arrays[
            pick(rng, (*TEXTS, "starts", "lengths", "spikes", "u", "v", "labels", "frames", "weights", "format"))
        ] = _nasty_array(rng, arrays[name])
    members = [member(f"{name}.npy", npy_of(array)) for name, array in arrays.items()]
    if how == 4:
        members.append(member(f"{name}.npy", npy_of(_nasty_array(rng, arrays[name]))))
    elif how == 5:
        members.append(
            member(pick(rng, ("readme.txt", "folder/", "../x.npy", "\x1b[2J.npy", "x", "a.npy.npy")), b"hello")
        )
    return zip_of(members)


def npz_header(rng: Rng, data: bytes) -> bytes:
    arrays = _arrays(data)
    liar = pick(rng, sorted(arrays))
    return zip_of(
        [
            member(f"{name}.npy", _header(rng, array) if name == liar else npy_of(array), bool(rng.random() < 0.3))
            for name, array in arrays.items()
        ]
    )


def npz_zip(rng: Rng, data: bytes) -> bytes:
    """What the zip says of its members is wrong."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        compress = bool(rng.random() < 0.5)
        members = [member(name, archive.read(name), compress) for name in archive.namelist()]
    i = int(rng.integers(len(members)))
    m, size = (
        members[i],
        pick(rng, (0, 1, 2**31, 2**32 - 1, 2**32 - 2, len(members[i].payload) - 1, len(members[i].payload) + 50)),
    )
    changed = pick(
        rng,
        (
            replace(m, method=int(pick(rng, (1, 6, 9, 12, 14, 93, 99, 65535, STORED, DEFLATED)))),
            replace(m, flags=int(pick(rng, (1, 8, 0x40, 0x41, 0x20, 0x800, 0xFFFF)))),
            replace(m, version=int(pick(rng, (0, 45, 63, 99, 255, 65535)))),
            replace(m, crc=int(rng.integers(2**32))),
            replace(m, size=max(size, 0)),
            replace(m, declared=max(size, 0)),
            replace(m, payload=_flip(rng, m.payload)),
            replace(m, name=bytes(pick(rng, (b"", b"\xff\xfe.npy", b"/", b"a" * 60000, m.name[:-4], m.name + b"\0x")))),
        ),
    )
    members[i] = changed
    return zip_of(members, pick(rng, (None, None, None, 0, 1, 65535)))


def npz_bomb(rng: Rng, data: bytes) -> bytes:
    """An array of the right type is zeros without end: little on disk, much in memory."""
    arrays = _arrays(data)
    name = pick(rng, sorted(arrays))
    array = arrays[name]
    descr = array.dtype.str if array.dtype.kind in "biuf" else "<i8"
    width = array.shape[1] if array.ndim == 2 and rng.random() < 0.7 else 0
    size = 96 << 20
    members = [member(f"{each}.npy", npy_of(other)) for each, other in arrays.items() if each != name]
    zeros: Member = bomb(descr, size // np.dtype(descr).itemsize // max(width, 1), width)
    return zip_of([*members, replace(zeros, name=f"{name}.npy".encode())])


# --- JSON, and what is packed around it ----------------------------------------------------------------------------


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything within a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield (*path, key)
        yield from _places(inner, (*path, key))


_JSON = (
    *(None, True, False, [], {}, [1], {"a": 1}, [[]], "9" * 5000),
    *NUMBERS,
    *FLOATS,
    *TEXTS,
)


def nasty_json(rng: Rng, value: Any) -> Any:
    """The value with one place of it changed, removed, renamed, added to or exchanged; the same object."""
    places = list(_places(value))
    if not places:
        return pick(rng, _JSON)
    *path, key = pick(rng, places)
    holder = value
    for step in path:
        holder = holder[step]
    how = rng.random()
    if how < 0.6:
        holder[key] = pick(rng, _JSON)
    elif how < 0.7:
        del holder[key]
    elif how < 0.8 and isinstance(holder, dict):
        holder[pick(rng, (*TEXTS, f"{key}s"))] = holder.pop(key)
    elif how < 0.9:
        other = pick(rng, list(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[key], holder[other] = holder[other], holder[key]
    elif isinstance(holder, dict):
        holder[pick(rng, TEXTS)] = pick(rng, _JSON)
    else:
        holder.append(holder[key])
    return value


def json_values(rng: Rng, data: bytes) -> bytes:
    if rng.random() < 0.08:
        return bytes(
            pick(rng, (b"[" * 100_000, b'{"a":' * 50_000, b"null", b"[]", b"3", b"1e999", b'"x"', b"9" * 5000))
        )
    return json.dumps(nasty_json(rng, json.loads(data)), indent=2).encode("utf-8", "surrogatepass")


def journal_lines(rng: Rng, data: bytes) -> bytes:
    """Lines of a search's journal: exchanged, doubled, left out, or one of them changed; mostly with right digests."""
    lines = [json.loads(line) for line in data.splitlines()]
    i, j = (int(k) for k in rng.integers(0, len(lines), 2))
    how = int(rng.integers(7))
    if how == 0:
        lines[i], lines[j] = lines[j], lines[i]
    elif how == 1:
        lines.insert(i, lines[j])
    elif how == 2:
        del lines[i]
    elif how == 3:
        del lines[min(i, j) : max(i, j)]
    else:
        lines[i] = nasty_json(rng, lines[i])
    written, digest = [], ""
    for line in lines:
        stored = line.pop("digest", "") if isinstance(line, dict) else ""
        body = json.dumps(line, separators=(",", ":")).removesuffix("}")
        digest = hashlib.blake2b(f"{digest}{body}".encode(), digest_size=8).hexdigest()
        written.append(f'{body},"digest":"{digest if rng.random() < 0.99 else stored}"}}\n')
    return "".join(written).encode("utf-8", "surrogatepass")


def _unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    length = int.from_bytes(data[8:16], "little")
    header = json.loads(data[16 : 16 + length])
    position, arrays = 16 + length + -length % 8, {}
    for name, dtype, shape in header["arrays"]:
        count = int(np.prod(shape, dtype=np.int64))
        arrays[name] = np.frombuffer(data, dtype, count, position).reshape(shape)
        position += arrays[name].nbytes + -arrays[name].nbytes % 8
    return header, arrays


def _packed(header: Any, arrays: Sequence[NDArray[Any]]) -> bytes:
    """A container with the right checksum, whatever its header says."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("utf-8", "surrogatepass")
    body = b"".join(a.tobytes() + bytes(-a.nbytes % 8) for a in arrays)
    data = b"LSMDEPL\1" + len(text).to_bytes(8, "little") + text + bytes(-len(text) % 8) + body
    return data + hashlib.sha256(data).digest()


def container_header(rng: Rng, data: bytes) -> bytes:
    header, arrays = _unpacked(data)
    for _ in range(int(pick(rng, (1, 1, 2)))):
        nasty_json(rng, header["meta"] if rng.random() < 0.8 else header)
    return _packed(header, list(arrays.values()))


def container_arrays(rng: Rng, data: bytes) -> bytes:
    header, arrays = _unpacked(data)
    for _ in range(int(pick(rng, (1, 1, 2)))):
        name = pick(rng, sorted(arrays))
        changed = _nasty_array(rng, arrays[name])
        if changed.dtype.kind == "O":
            changed = arrays[name][:0]
        if rng.random() < 0.5 and changed.dtype.kind in "iu":  # as narrow as it was, where it is not seen by its type
            with np.errstate(all="ignore"):
                changed = changed.astype(arrays[name].dtype)
        arrays[name] = np.array(changed, order="C")
    if rng.random() < 0.1:
        arrays[pick(rng, TEXTS)] = arrays.pop(pick(rng, sorted(arrays)))
    header["arrays"] = [[name, a.dtype.str, list(a.shape)] for name, a in arrays.items()]
    return _packed(header, list(arrays.values()))


def container_bytes(rng: Rng, data: bytes) -> bytes:
    """Anything at all, with the checksum made right again."""
    changed = pick(rng, BYTES)(rng, data[:-32])
    return changed + hashlib.sha256(changed).digest()


# --- YAML ----------------------------------------------------------------------------------------------------------

_SCALARS = (
    *("", "~", "null", "true", "yes", "no", "on", "0", "-1", "1", "2", "80.0", "1.5", "017", "0o17", "0x1F", "1_000"),
    *("1:30", "1e-3", "1e400", "-1e400", ".inf", "-.inf", ".nan", "1e-320", "1e300", "9" * 400, "9" * 5000),
    *("2147483648", "9223372036854775808", "-9223372036854775809", "4294967296", "1e10", "2000-01-01"),
    *("2000-01-01 00:00:00", "!!int x", "!!float y", "!!binary =", "!!timestamp x", "!!set {a}", "!!str 3", "!x y"),
    *("!!python/object:os.system x", "&a b", "*b", "[]", "{}", "[[]]", "[1, 2]", "{a: 1}", "? {a: 1} : 2"),
    *("{? [a] : 1}", "<<", "{<<: 3}", "{<<: [1]}", '"\\0"', '"\\x1b[2J"', "\'\'\'", '"', "|", ">", "%", "@", "`", "="),
    *("- 3", "? 3", ": 3", "#", "\t3", "\0", "\x07", "\ufeff", "\u2028", "é", "[" * 2000, "{a: " * 500, "input"),
    "{distribution: uniform, low: -1e308, high: 1e308}",
    "{distribution: uniform, low: 3, high: 1}",
    "{distribution: gamma, mean: 1e308, std: 1e-308}",
    "{distribution: gamma, mean: 1e-308, std: 1e308}",
    "{distribution: normal, mean: 0, std: 1e300}",
    "{distribution: normal, mean: -1e300, std: 0}",
    "{distribution: lognormal, mean: 1e300, std: 1e300}",
    *("LIF", "ATRLIF", "TernaryLIF", "LIFRefractory", "LIFSubtract", "mixed", "../../../etc/passwd", "/dev/zero", "."),
)  # fmt: skip


def _nodes(root: yaml.Node) -> list[yaml.Node]:
    """All that a document is made of, once each: aliases are the same node again."""
    nodes, ahead = {}, [root]
    while ahead:
        node = ahead.pop()
        if id(node) in nodes:
            continue
        nodes[id(node)] = node
        if isinstance(node, yaml.MappingNode):
            ahead += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            ahead += node.value
    return list(nodes.values())


def yaml_scalar(rng: Rng, data: bytes) -> bytes:
    """A value or a key, or a whole section, becomes something else."""
    text = data.decode()
    root = yaml.compose(text)
    assert root is not None
    nodes = _nodes(root)[1:]
    for _ in range(int(pick(rng, (1, 1, 1, 2)))):
        node = pick(rng, nodes)
        span = slice(node.start_mark.index, node.end_mark.index)
        other = pick(rng, nodes)
        given = pick(rng, _SCALARS) if rng.random() < 0.85 else text[other.start_mark.index : other.end_mark.index]
        if span.stop <= len(text):
            text = text[: span.start] + given + text[span.stop :]
        if rng.random() < 0.7:
            break
        nodes = [each for each in nodes if each.end_mark.index <= span.start] or nodes[:1]
    return text.encode("utf-8", "surrogatepass")


def yaml_lines(rng: Rng, data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    i, j = (int(k) for k in rng.integers(0, len(lines), 2))
    how = int(rng.integers(6))
    if how == 0:
        del lines[i]
    elif how == 1:
        lines.insert(j, lines[i])
    elif how == 2:
        lines[i], lines[j] = lines[j], lines[i]
    elif how == 3:
        lines[i] = b"  " + lines[i]
    elif how == 4:
        lines[i] = re.sub(rb"(\w+):", lambda m: m[1][:-1] + b"x:", lines[i], count=1)
    else:
        lines[i] = bytes(
            pick(rng, (b"---\n", b"...\n", b"%YAML 9.9\n", b"\t\n", b"? x\n", b"<<: *a\n", b"a: &a [*a]\n"))
        )
    return b"".join(lines)


def yaml_bomb(rng: Rng, data: bytes) -> bytes:
    """Aliases of aliases, or depth without end, beside the spec or in one of its values."""
    deep = int(pick(rng, (10, 30, 100)))
    wide = int(pick(rng, (2, 9)))
    rows = ["x0: &x0 [1, 2, 3]"] + [f"x{i}: &x{i} [{', '.join([f'*x{i - 1}'] * wide)}]" for i in range(1, deep)]
    maps = ["x0: &x0 {a: 1}"] + [
        f"x{i}: &x{i} {{{', '.join(f'k{j}: *x{i - 1}' for j in range(wide))}}}" for i in range(1, deep)
    ]
    merged = ["x0: &x0 {a: 1}"] + [
        f"x{i}: &x{i} {{<<: [{', '.join([f'*x{i - 1}'] * wide)}], b{i}: 1}}" for i in range(1, deep)
    ]
    bombs = (
        "\n".join(rows),
        "\n".join(maps),
        "\n".join(merged),
        "z: " + "[" * 3000,
        "z: " + "{a: " * 3000,
        "- " * 3000,
    )
    return data + b"\n" + str(pick(rng, bombs)).encode() + b"\n"


# --- other text ----------------------------------------------------------------------------------------------------

_CELLS = (
    *(
        "",
        " ",
        "nan",
        "NaN",
        "inf",
        "-inf",
        "1e400",
        "1e308",
        "1_0",
        "0x1F",
        "é",
        "\0",
        '"',
        "'",
        '"a,b"',
        "--1",
        "1e",
        "1,5",
    ),
    *(
        "2147483648",
        "-2147483648",
        "9223372036854775808",
        "0.5",
        "-1",
        "2",
        "1e-400",
        "9" * 5000,
        "٣",
        "1\u00a0",
        "\ufeff1",
    ),
    *("=1+1", "True", "None", "\x1b[2J", "a" * 200_000, "sample", "label"),
)


def csv_cells(rng: Rng, data: bytes) -> bytes:
    rows = [line.split(",") for line in data.decode().splitlines()]
    i, j = (int(k) for k in rng.integers(0, len(rows), 2))
    how = int(rng.integers(9))
    column = int(rng.integers(max(1, len(rows[i]))))
    if how <= 2:
        rows[i][column] = pick(rng, _CELLS)
    elif how == 3:
        rows[0][int(rng.integers(len(rows[0])))] = pick(rng, (*_CELLS, "Unnamed: 0", "index", "group"))
    elif how == 4:
        rows = [row[:column] + row[column + 1 :] for row in rows]
    elif how == 5:
        rows = [[str(k - 1) if k else "", *row] for k, row in enumerate(rows)]
    elif how == 6:
        rows[i], rows[j] = rows[j], rows[i]
    elif how == 7:
        rows = rows[: 1 + int(rng.integers(2))]
    else:
        rows[i].append(pick(rng, _CELLS))
    separator = pick(rng, (",", ",", ",", ",", ",", ",", ";", "\t"))
    text = pick(rng, ("\n", "\n", "\r\n", "\r")).join(separator.join(row) for row in rows)
    return text.encode(pick(rng, ("utf-8",) * 6 + ("utf-8-sig", "utf-16", "latin1")), "replace")


def tokens(rng: Rng, data: bytes) -> bytes:
    """Of lines of words, such as a WFDB header: a word becomes another one."""
    words = re.split(rb"(\s+)", data)
    i = int(rng.integers(len(words)))
    given = (*[str(n) for n in NUMBERS], *map(str, FLOATS), *_CELLS, "250/1000(3)", "1e400", "-250", "0/0", "212x0:3+9")
    words[i] = str(pick(rng, given)).encode("utf-8", "replace")
    return b"".join(words)


# --- binary recordings ---------------------------------------------------------------------------------------------


def wfdb_words(rng: Rng, data: bytes) -> bytes:
    """Words of 16 bits, six of them the code: skips, notes longer than the file, codes that there are not."""
    words = bytearray(data)
    for _ in range(int(pick(rng, (1, 1, 2, 4)))):
        at = int(rng.integers(max(1, len(words) // 2))) * 2
        code = int(pick(rng, (0, 1, 22, 28, 59, 60, 61, 62, 63, 63, 59, int(rng.integers(64)))))
        value = code << 10 | int(pick(rng, (0, 1, 4, 255, 512, 1023, int(rng.integers(1024)))))
        more = struct.pack("<HHH", value, *(int(n) for n in rng.integers(0, 2**16, 2)))[: int(pick(rng, (2, 2, 6)))]
        words[at : at + (2 if rng.random() < 0.7 else 0)] = more
    return bytes(words)


def wav_head(rng: Rng, data: bytes) -> bytes:
    """A field of the header: format, channels, rate, bits, or a length."""
    at, width = pick(rng, ((4, 4), (16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2), (40, 4)))
    value = int(pick(rng, (*(n for n in NUMBERS if 0 <= n < 2**32), 3, 8, 16, 24, 32, 44100))) % (1 << 8 * width)
    return data[:at] + value.to_bytes(width, "little") + data[at + width :]


def wav_samples(rng: Rng, data: bytes) -> bytes:
    """Floats, of all sizes, where there were integers; or silence, or hardly anything."""
    sound = np.frombuffer(data[44:], "<i2")[:400]
    kind, body = pick(
        rng,
        (
            (3, (sound / np.float32(32768)).astype("<f4")),
            (3, sound.astype("<f4")),
            (3, np.where(np.arange(len(sound)) == 3, pick(rng, FLOATS), 0.1).astype("<f4")),
            (3, np.full(len(sound), pick(rng, FLOATS)).astype("<f8")),
            (1, sound[: int(rng.integers(0, 5))]),
            (1, np.zeros(len(sound), "<i2")),
            (1, np.full(len(sound), -32768, "<i2")),
            (1, (sound >> 8).astype("i1").view("u1") ^ 128),
            (1, sound.astype("<i4") << 16),
        ),
    )
    rate, width = int(pick(rng, (8000, 8000, 8000, 16000, 1, 0))), body.dtype.itemsize
    content = body.tobytes()
    head = struct.pack("<HHIIHH", kind, 1, rate, (rate * width) % 2**32, width, 8 * width)
    return (
        b"RIFF" + struct.pack("<I", 36 + len(content)) + b"WAVEfmt " + struct.pack("<I", 16) + head
        + b"data" + struct.pack("<I", len(content)) + content
    )  # fmt: skip


def hdf5(rng: Rng, data: bytes) -> bytes:
    """A data set, or a group, of an HDF5 file holds something else, or is gone, or a link to nowhere."""
    import h5py

    file = io.BytesIO(data)
    with h5py.File(file, "r+") as opened:
        names: list[str] = []
        opened.visit(names.append)
        name = pick(rng, names)
        stored = opened[name]
        value = stored[()] if isinstance(stored, h5py.Dataset) else None
        del opened[name]
        how = int(rng.integers(7))
        try:
            if how == 0:
                opened.create_group(name)
            elif how == 1:
                opened[name] = h5py.SoftLink(pick(rng, ("/nowhere", "/", name)))
            elif how == 2:
                opened[name] = pick(rng, TEXTS[2:10])
            elif how == 3:
                opened.create_dataset(name, shape=(2**40,), dtype="f8", chunks=(1024,))
            elif how < 6 and value is not None and np.asarray(value).dtype.kind in "iufb":
                opened[name] = _nasty_array(rng, np.atleast_1d(np.asarray(value)))
        except (TypeError, ValueError, OSError):
            pass  # what HDF5 has no type for: the data set stays away
    return file.getvalue()


# --- by name -------------------------------------------------------------------------------------------------------

_NPZ = (npz_array, npz_array, npz_array, npz_names, npz_header, npz_zip, npz_bomb)
_PACKED = (container_header, container_header, container_arrays, container_arrays, container_bytes)
_KNOWING: dict[str, tuple[Mutation, ...]] = {
    ".npz": _NPZ,
    ".npy": (npy, npy),
    ".lsm": _PACKED,
    ".model": _PACKED,
    ".state": _PACKED,
    ".yaml": (yaml_scalar,) * 6 + (yaml_lines, yaml_bomb),
    ".json": (json_values, json_values, json_values),
    ".journal": (journal_lines, journal_lines, journal_lines),
    ".csv": (csv_cells, csv_cells, csv_cells),
    ".atr": (wfdb_words, wfdb_words),
    ".qrs": (wfdb_words, wfdb_words),
    ".hea": (tokens, tokens),
    ".wav": (wav_head, wav_samples),
    ".net": (hdf5, hdf5),
    ".nir": (hdf5, hdf5),
}


def mutate(rng: Rng, suffix: str, data: bytes) -> tuple[bytes, str]:
    """Other bytes for a file of this suffix, and the name of what was done: three times in four by who knows it."""
    knowing = _KNOWING.get(suffix, ())
    mutation = pick(rng, knowing if knowing and rng.random() < 0.75 else BYTES)
    return mutation(rng, data), mutation.__name__.strip("_")
