"""Functions of addresses and numbers alone as machine code: made once by numba, kept, and read without it later.

Importing numba, and having it find out what it knows, takes longer than all else that a program does until its first
step. What it makes of a function that allocates nothing and calls nothing of Python's is an object file like any other,
which llvmlite alone can load. A file's name says all that its code depends on, by digests: what is there is right, and
there is no index and no lock. One that was cut off does not match its own digest, and is made again.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from glob import escape
from hashlib import sha256
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from lsm_deploy.core.compiled import cannot_be_kept, compiling, stamps_of
from lsm_deploy.core.places import cache_folder
from lsm_deploy.core.temporary import temporary_file

__all__ = ["SUFFIX", "folder_of", "native"]

SUFFIX = ".nbo"
ENTRY = "lsm_deploy_entry"
DIGEST = 32
"""Bytes before the code."""
_ALLOWED = ("llvm.", "memcpy", "memmove", "memset", "sched_yield")
"""What code may call that is not its own: there wherever C is."""
_ENGINES: list[Any] = []
"""Code lives as long as they do."""


@cache
def native(module: str, name: str) -> int:
    """The address of `int32 f(int64, ...)`, the machine code of a module's function of integers that returns nothing.

    The module is imported where there is no code of it yet. What the code returns is 0, but for a build that looks at
    indices (NUMBA_BOUNDSCHECK=1) where one is out of range.
    """
    source = Path(find_spec(module).origin)  # type: ignore[union-attr, arg-type]
    file = folder_of(source) / f"{source.stem}.{name}-{_digest(*_maker(), source)}-{_digest(stamps_of(source))}{SUFFIX}"
    code = _read(file)
    if code is None:
        compiling()
        code = _made(getattr(import_module(module), name))
        _write(file, code)
    return _load(code)


def _made(function: Callable[..., None]) -> bytes:
    """An object file, in which the function is ENTRY."""
    from llvmlite import ir
    from numba.core import compiler, config, types
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.registry import cpu_target

    flags = compiler.Flags()
    flags.nrt = flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    flags.error_model = "numpy"  # a divisor of 0 raises nothing; there is none
    numbers, context = (types.int64,) * function.__code__.co_argcount, cpu_target.target_context
    with global_compiler_lock, _unoptimised(config):
        made = compiler.compile_extra(cpu_target.typing_context, context, function, numbers, types.none, flags, {})
        module = made.library.create_ir_module(ENTRY)
        entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [ir.IntType(64)] * len(numbers)), ENTRY)
        builder = ir.IRBuilder(entry.append_basic_block())
        inner = context.declare_function(module, made.fndesc)
        status, _ = context.call_conv.call_function(builder, inner, types.none, numbers, entry.args)
        builder.ret(builder.zext(status.is_error, ir.IntType(32)))
        made.library.add_ir_module(module)
        made.library.finalize()
        text, machine = str(made.library._final_module), made.library.codegen._tm
    # What allocates nothing counts no references, though numba does not always see it.
    whole = llvm.parse_assembly(re.sub(r"^ *(tail )?call void @NRT_(in|de)cref\(.*\n", "", text, flags=re.MULTILINE))
    for each in whole.functions:
        if each.name != ENTRY and not each.is_declaration:
            each.linkage = "internal"
            each.add_function_attribute("alwaysinline")
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    passes = builder.getModulePassManager()
    passes.add_global_dead_code_eliminate_pass()  # which takes what nothing calls now
    passes.add_strip_dead_prototype_pass()
    passes.run(whole, builder)
    needed = [each.name for each in whole.functions if each.is_declaration and not each.name.startswith(_ALLOWED)]
    if needed:
        raise RuntimeError(f"{function.__name__} may raise, or allocates: it needs {', '.join(sorted(needed))}")
    code: bytes = machine.emit_object(whole)
    return code


@contextmanager
def _unoptimised(config: Any) -> Iterator[None]:
    """numba would optimise each function for itself, and again what calls it: here all are, together, once."""
    before, config.OPT = config.OPT, 0
    try:
        yield
    finally:
        config.OPT = before


def _load(code: bytes) -> int:
    if not _ENGINES:
        llvm.initialize_native_target()
        llvm.initialize_native_asmprinter()
    # An engine each: names of what two functions have in common would clash.
    engine = llvm.create_mcjit_compiler(
        llvm.parse_assembly(""), llvm.Target.from_default_triple().create_target_machine()
    )
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _ENGINES.append(engine)
    address: int = engine.get_function_address(ENTRY)
    return address


def _maker() -> tuple[object, ...]:
    """What code depends on beside its source: what makes it, and for which processor."""
    numba = Path(find_spec("numba").origin).with_name("_version.py")  # type: ignore[union-attr, arg-type]
    files = [(file.stat().st_mtime_ns, file.stat().st_size) for file in (numba, Path(__file__))]
    settings = sorted(each for each in os.environ.items() if each[0].startswith("NUMBA_"))
    processor = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return files, llvmlite.__version__, settings, processor


def _digest(*parts: object) -> str:
    return sha256(repr(parts).encode()).hexdigest()[:12]


def folder_of(source: Path) -> Path:
    """As numba's: where the user says; beside the source; or among the user's own files."""
    beside = source.parent / "__pycache__"
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    if os.access(beside if beside.exists() else beside.parent, os.W_OK):
        return beside
    return cache_folder() or beside


def _read(file: Path) -> bytes | None:
    try:
        held = file.read_bytes()
    except OSError:  # it is not there
        return None
    code = held[DIGEST:]
    return code if sha256(code).digest() == held[:DIGEST] else None


def _write(file: Path, code: bytes) -> None:
    """Whole or not at all; code of older sources goes."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = temporary_file(file.parent, f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(sha256(code).digest() + code)
                out.flush()
                os.replace(temporary, file)
                for old in file.parent.glob(f"{escape(file.name.rpartition('-')[0])}-*{SUFFIX}"):
                    if old != file:
                        old.unlink(missing_ok=True)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        cannot_be_kept(error)
