from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coglab.analysis.config import FilterConfig, HealthConfig, RankConfig
from coglab.analysis.pipeline import Document, Request, analyze
from coglab.analysis.select import select
from coglab.analysis.sources import Runs, open_source
from coglab.cli import main
from tests.analysis.synthetic import NOW, config_of, write_run


@pytest.fixture
def analyse() -> Callable[..., Document]:
    """Analyse sources with the given settings of the ranking; no commands."""

    def work(
        *sources: str | Path, now: float = NOW, filters: FilterConfig | None = None, **settings: Any
    ) -> Document:
        extra = {
            k: settings.pop(k) for k in ("mixed", "ignore", "monitor", "commander") if k in settings
        }
        ranking = RankConfig(**settings)
        store = Runs([open_source(str(source), now, ranking.metric) for source in sources])
        selection = select(store, filters or FilterConfig(), now)
        return analyze(
            store,
            selection,
            Request(ranking, HealthConfig(), now, "./tools/run.py runs.analyze", **extra),
        )

    return work


@pytest.fixture
def shell(capsys, tmp_path, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    """The command line in an empty folder: exit code, output, and what was said for people."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = main([*words])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def runs(tmp_path) -> Path:
    """Two batch sizes with three seeds each."""
    folder = tmp_path / "train_dir"
    for seed in range(3):
        for batch in (1024, 4096):
            config = config_of(**{"trainer.batch_size": batch})
            write_run(
                folder,
                f"relh.b{batch}.s{seed}",
                batch / 1000 + 0.1 * seed,
                seed=seed,
                config=config,
            )
    return folder
