from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coglab.analysis.config import FilterConfig, HealthConfig, RankConfig
from coglab.analysis.pipeline import Document, Request, analyze
from coglab.analysis.select import select
from coglab.analysis.sources import Runs, open_source
from tests.analysis.synthetic import NOW


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
