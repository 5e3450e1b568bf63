"""The worked example of docs/09-your-own-teacher.md does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

from coglab.games.cogsguard.teachers import make_teacher, registry
from coglab.games.cogsguard.teachers.scores import listing, teacher_rows
from coglab.testing import check_teacher

PAGE = Path(__file__).parents[2] / "docs" / "09-your-own-teacher.md"


def test_the_example_passes_its_own_check(monkeypatch, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    monkeypatch.setattr(registry, "TEACHERS", dict(registry.TEACHERS))
    module = tmp_path / "homebody_example.py"
    module.write_text(
        blocks[0].replace("recipes.experiment.homebody", "homebody_example"), encoding="utf-8"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import homebody_example

    exec(blocks[1].replace("print(", "("), {"Homebody": homebody_example.Homebody})
    report = check_teacher(lambda sim: make_teacher("metta://policy/homebody", sim))
    assert not report.failed


def test_the_listing_has_every_teacher_with_its_scores():
    text = listing()
    for row in teacher_rows():
        assert row["uri"] in text
        assert "/" in row["arena"], f"{row['uri']} was not measured"
