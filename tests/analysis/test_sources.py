"""Several stores of the same runs, and the document that they make."""

from __future__ import annotations

import json
import math

import numpy as np

from coglab.analysis.config import FilterConfig
from tests.analysis.synthetic import (
    DAY,
    METRIC,
    NOW,
    config_of,
    names,
    write_log,
    write_run,
)
from tests.analysis.synthetic import exit_record as exit_
from tests.analysis.synthetic import history as row
from tests.analysis.synthetic import run_record as start


def test_three_sources_of_the_same_rows_give_the_same_document(tmp_path, analyse):
    """Ledger and W&B log hold the same numbers; apart from facts that a log has not, the documents agree."""
    rng = np.random.default_rng(2)
    for index in range(4):
        config = config_of(**{"trainer.batch_size": 10 + index})
        place = write_run(
            tmp_path / "runs",
            f"r{index}",
            1 + index,
            seed=index,
            config=config,
            created=NOW - DAY * (index + 1),
        )
        saved = json.loads((place / "config.json").read_text())
        data = [start(f"r{index}", NOW - DAY * (index + 1), saved)]
        for line in (place / "metrics.jsonl").read_text().splitlines()[1:]:
            entry = json.loads(line)
            items = list({**entry["metrics"], "_timestamp": entry["time"]}.items())
            rng.shuffle(items)
            data.append(row(dict(items)))
        summary_free = [*data, exit_(0)]
        write_log(tmp_path / "wandb", f"r{index}", summary_free)
    one, two = analyse(tmp_path / "runs").data, analyse(tmp_path / "wandb").data
    assert [(r["name"], r["score"], r["error"], r["letter"]) for r in one["ranked"]] == [
        (r["name"], r["score"], r["error"], r["letter"]) for r in two["ranked"]
    ]
    assert one["curves"] == two["curves"]
    strip = ("rivals", "keys", "name")

    def keep(doc):
        rows = [b for b in doc["config"]["bundles"] if not b["is_context"]]
        return [{k: v for k, v in b.items() if k not in strip} for b in rows]

    assert keep(one) == keep(two)


def test_the_same_run_from_two_sources_is_one_run(tmp_path, analyse):
    write_run(tmp_path / "runs", "r1", 1.0, project="p")
    write_log(
        tmp_path / "wandb",
        "r1",
        [start("r1"), row({"metric/agent_step": 1, METRIC: 5.0}), exit_(1)],
    )
    doc = analyse(tmp_path / "runs", tmp_path / "wandb").data
    assert names(doc["runs"]) == ["r1"]
    assert doc["runs"][0]["state"] == "finished"
    assert doc["conflicts"]
    assert doc["ranked"][0]["values"] > 5


def test_an_excluded_run_is_listed_with_its_filter(tmp_path, analyse):
    write_run(tmp_path, "a.one")
    write_run(tmp_path, "b.two")
    doc = analyse(tmp_path, filters=FilterConfig(prefix="a.")).data
    assert doc["excluded"] == [{"name": "b.two", "by": "prefix=a."}]


def test_the_document_fits_its_schema_and_strict_json(tmp_path, analyse):
    from tests.analysis.schema import check

    for index in range(4):
        write_run(tmp_path, f"r{index}", 1.0 * index, config=config_of(**{"trainer.k": index}))
    write_run(tmp_path, "bad", curve=lambda at: at * math.nan, steps=400_000, state="crashed")
    doc = analyse(tmp_path).data
    check(json.loads(json.dumps(doc, allow_nan=False)))
