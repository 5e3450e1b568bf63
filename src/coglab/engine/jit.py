"""The one place where kernels are compiled: flags, cache folder, and small bit helpers.

Every compiled function of coglab is decorated with `kernel` or `helper` from here. The cache folder is named by a
hash of all kernel sources, the numba version and the flags, because numba's own cache does not notice an edit in
another module than the one that holds the compiled function.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

FLAGS: dict[str, Any] = {"nogil": True, "error_model": "numpy", "cache": True}


def _source_hash() -> str:
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for folder in ("engine", "games", "models", "training"):
        for path in sorted((package / folder).rglob("*.py")):
            text = path.read_bytes()
            if b"engine.jit" in text or path.name == "jit.py":
                digest.update(path.relative_to(package).as_posix().encode())
                digest.update(text)
    digest.update(repr(sorted(FLAGS.items())).encode())
    digest.update(os.environ.get("NUMBA_BOUNDSCHECK", "0").encode())
    return digest.hexdigest()[:16]


def _cache_folder() -> Path:
    root = os.environ.get("COGLAB_CACHE_DIR")
    if root:
        base = Path(root)
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "coglab"
    return base / "kernels" / _source_hash()


os.environ["NUMBA_CACHE_DIR"] = str(_cache_folder())

import numba  # noqa: E402  (the cache folder must be set before numba reads its settings)

numba.config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]


def kernel(function: _Function) -> _Function:
    """Compile a function that Python calls: one call per batched step, GIL released, cached on disk."""
    return numba.njit(**FLAGS)(function)


def helper(function: _Function) -> _Function:
    """Compile a function that only kernels call; `_nrt=False` keeps array reference counting out of inner loops."""
    return numba.njit(nogil=True, error_model="numpy", _nrt=False)(function)
