"""The adapters' libraries are extras: nothing needs them before an adapter is used."""

import os
import subprocess
import sys

import pytest

import coglab.envs
from coglab.config.errors import UserError


def test_importing_the_package_imports_no_library():
    code = "import sys, coglab.envs; print([m for m in ('gymnasium', 'pettingzoo', 'numba') if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=environment, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("name", "library"), [("parallel_env", "pettingzoo"), ("VectorGames", "gymnasium")]
)
def test_a_missing_library_is_named_with_its_cure(name, library, monkeypatch):
    for module in ("parallel", "vector"):
        monkeypatch.delitem(sys.modules, f"coglab.envs.{module}", raising=False)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UserError, match=rf"needs {library}.*coglab\[envs\]"):
        getattr(coglab.envs, name)


def test_an_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'parallel_envs'"):
        _ = coglab.envs.parallel_envs
