from __future__ import annotations

import importlib
import sys

import pytest

from tests.cli.helpers import Shell


@pytest.fixture
def shell(capsys):
    return Shell(capsys)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module of recipes into a fresh folder on the path; forget it afterwards."""
    written = []

    def write(name: str, text: str):
        path = tmp_path / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        written.append(name)
        importlib.invalidate_caches()
        return path

    monkeypatch.syspath_prepend(str(tmp_path))
    yield write
    for name in written:
        sys.modules.pop(name, None)
