"""The one place where kernels are compiled: flags, cache folder, and the few operations that Python lacks.

Every compiled function of coglab is decorated with `kernel` or `helper` from here. Compiled kernels are kept on disk, in
a folder named by a hash of the kernel's file, of all files that it imports from this package, and of the compiler and
its flags: numba's own cache does not notice an edit in another module than the one that holds the kernel.

With `NUMBA_DISABLE_JIT=1` everything runs as plain Python (slow; for the debugger and for coverage). With
`NUMBA_BOUNDSCHECK=1` every array access is checked, in a cache folder of its own.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import event, types
from numba.extending import intrinsic

_Function = TypeVar("_Function", bound=Callable[..., Any])

FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": True}

_PACKAGE = Path(__file__).resolve().parent.parent
_IMPORT = re.compile(r"^from (coglab[\w.]*) import (\([^)]*\)|[^\n]*)", re.MULTILINE)


def _module_file(module: str) -> Path | None:
    """Return the file of a module of this package, None if there is none of that name."""
    path = _PACKAGE.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@functools.cache
def _imported_files(path: Path) -> tuple[Path, ...]:
    """Return the files of this package that a source file imports directly."""
    files = []
    for module, names in _IMPORT.findall(path.read_text(encoding="utf-8")):
        submodules = [f"{module}.{name}" for name in re.findall(r"\w+", names)]
        files += [
            file for name in (module, *submodules) if (file := _module_file(name)) is not None
        ]
    return tuple(files)


@functools.cache
def _source_hash(path: Path) -> str:
    """Return a hash of a source file, of all files of this package that it depends on, and of the compiler."""
    found, to_visit = {path}, [path]
    while to_visit:
        new = set(_imported_files(to_visit.pop())) - found
        found |= new
        to_visit += new
    digest = hashlib.sha256()
    for file in sorted(found | {Path(__file__).resolve()}):
        digest.update(file.read_bytes())
    compiler = (
        version("numba"),
        version("llvmlite"),
        sorted(FLAGS.items()),
        os.environ.get("NUMBA_BOUNDSCHECK"),
    )
    digest.update(repr(compiler).encode())
    return digest.hexdigest()[:16]


def _cache_root() -> Path:
    root = os.environ.get("COGLAB_CACHE_DIR")
    if root:
        return Path(root) / "kernels"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "coglab" / "kernels"


IS_COMPILED = not numba.config.DISABLE_JIT  # type: ignore[attr-defined]
"""False under NUMBA_DISABLE_JIT=1: kernels are plain Python functions."""

CHECKS_BOUNDS = os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0")
"""True under NUMBA_BOUNDSCHECK=1: array accesses are checked, and so are the unaligned stores below."""

_label_of_kernel: dict[str, tuple[str, int]] = {}


def kernel(
    function: _Function | None = None,
    *,
    what: str = "kernels",
    seconds: int = 5,
    allocates: bool = True,
) -> Any:
    """Compile a function that Python calls: one call per batched step, GIL released, cached on disk.

    Use as `@kernel` or as `@kernel(what="the simulator", seconds=40)`.

    Args:
        function: the function, when used without arguments.
        what: what is being compiled, for the line that is printed when no cached version exists.
        seconds: about how long that takes.
        allocates: False keeps array reference counting out of the code; the kernel can then not create arrays.
    """

    def decorate(function: _Function) -> _Function:
        _label_of_kernel[f"{function.__module__}.{function.__qualname__}"] = (what, seconds)
        # numba reads this setting while it decorates, so every kernel can have a folder of its own.
        numba.config.CACHE_DIR = str(  # type: ignore[attr-defined]
            _cache_root() / _source_hash(Path(function.__code__.co_filename).resolve())
        )
        return numba.njit(**FLAGS, _nrt=allocates)(function)  # type: ignore[call-overload]

    return decorate if function is None else decorate(function)


def direct(compiled: Callable[..., Any], *arguments: Any) -> Callable[..., Any]:
    """Return a kernel as a function for arguments of exactly the types of `arguments`.

    A call through numba looks at every field of every array first, which takes 9 us for the simulator, as long as
    forty agent steps. The result of this looks at nothing: another type or number of dimensions reads rubbish.

    Args:
        compiled: made by `kernel`; compiled, or loaded from the cache, for these types.
        arguments: examples of all arguments, positional.
    """
    if not IS_COMPILED:
        return compiled
    dispatcher: Any = compiled
    return dispatcher.compile(tuple(dispatcher.typeof_pyval(argument) for argument in arguments))


def helper(function: _Function, *, inline: bool = False) -> _Function:
    """Compile a function that only kernels call; `_nrt=False` keeps array reference counting out of inner loops."""
    dispatcher: Any = numba.njit(  # type: ignore[call-overload]
        nogil=True, error_model="numpy", _nrt=False, forceinline=inline
    )(function)
    if IS_COMPILED:
        # numba would compile a helper anew for every combination of constants among its arguments.
        template_for = dispatcher.get_call_template

        def template_without_literals(arguments: Any, keywords: Any) -> Any:
            plain = tuple(types.unliteral(argument) for argument in arguments)
            return template_for(plain, {name: types.unliteral(keywords[name]) for name in keywords})

        dispatcher.get_call_template = template_without_literals
    return dispatcher


def inlined(function: _Function) -> _Function:
    """Compile a helper that is copied into its callers.

    A NamedTuple of arrays is handed to a function as a hundred machine words, so what runs once per agent or more
    often must not be called: doing this alone made the simulator 1.8 times as fast.
    """
    return helper(function, inline=True)


def records(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return zeroed records (an array of a structured dtype) whose fields kernels read and write by name."""
    array = np.zeros(shape, dtype)
    return array if IS_COMPILED else array.view(np.recarray)


class _CompileNotice(event.Listener):
    """Tells the user once per kernel family that the wait has a reason and will not come again."""

    def __init__(self) -> None:
        self.told: set[str] = set()

    def on_start(self, event: Any) -> None:
        function = event.data["dispatcher"].py_func
        label = _label_of_kernel.get(f"{function.__module__}.{function.__qualname__}")
        if label is not None and label[0] not in self.told:
            self.told.add(label[0])
            print(f"compiling {label[0]}, about {label[1]} s, once", file=sys.stderr, flush=True)  # noqa: T201

    def on_end(self, event: Any) -> None:
        """Do nothing; required by the interface."""


if IS_COMPILED:
    event.register("numba:compile", _CompileNotice())


# --- operations on 64-bit words --------------------------------------------------------------------------------------
# Each exists twice: as machine instruction, and as Python for NUMBA_DISABLE_JIT=1.

if IS_COMPILED:

    @intrinsic
    def trailing_zeros(typing_context, word):  # noqa: D103
        def generate(context, builder, signature, arguments):
            return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

        return types.int64(types.uint64), generate

    @intrinsic
    def count_ones(typing_context, word):  # noqa: D103
        def generate(context, builder, signature, arguments):
            return builder.ctpop(arguments[0])

        return types.int64(types.uint64), generate

    @helper
    def multiply64(a, b):  # noqa: D103
        return np.uint64(a) * np.uint64(b)

    @helper
    def add64(a, b):  # noqa: D103
        return np.uint64(a) + np.uint64(b)

else:

    def trailing_zeros(word: int) -> int:  # type: ignore[misc]
        """Return the position of the lowest set bit of a non-zero uint64, as int64."""
        word = int(word)
        return (word & -word).bit_length() - 1

    def count_ones(word: int) -> int:  # type: ignore[misc]
        """Return the number of set bits of a uint64, as int64."""
        return int(word).bit_count()

    def multiply64(a: int, b: int) -> np.uint64:
        """Return a * b modulo 2**64."""
        return np.uint64(int(a) * int(b) & 0xFFFFFFFFFFFFFFFF)

    def add64(a: int, b: int) -> np.uint64:
        """Return a + b modulo 2**64."""
        return np.uint64(int(a) + int(b) & 0xFFFFFFFFFFFFFFFF)
