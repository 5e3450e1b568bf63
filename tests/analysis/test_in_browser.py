"""The report in a real browser: nothing is blocked, nothing is wider than the window, links lead somewhere."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coglab.analysis.write import render
from tests.analysis.synthetic import DAY, NOW, config_of, write_run
from tests.replay import browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing())),
]


@pytest.fixture(scope="module")
def window():
    shown = browser.Browser(1280, 900)
    yield shown
    shown.close()


@pytest.fixture
def shown(window, tmp_path, analyse):
    """A report over a dozen runs with long names and one that failed; screenshots go where COGLAB_ARTEFACTS says."""
    for index in range(12):
        write_run(
            tmp_path / "runs",
            f"someone.a-rather-long-experiment-name.with-parts.{index:03}.teacher-and-student.v2",
            float(index % 4),
            seed=index // 4,
            created=NOW - DAY * (index + 1),
            config=config_of(**{"trainer.batch_size": 1024 * (1 + index % 4)}),
        )
    write_run(tmp_path / "runs", "gone", 9.0, steps=300_000, state="crashed")
    page = tmp_path / "report.html"
    page.write_text(render(analyse(tmp_path / "runs").data, {}, ("html",))["report.html"])
    window.complaints()
    window.size(1280, 900)
    window.load(page)
    return window


def test_a_report_is_shown_whole_without_a_complaint(shown, tmp_path):
    assert shown.complaints() == [], "the content policy blocks nothing of our own"
    pictures = shown.run("return [...document.images].map((i) => i.naturalWidth)")
    assert len(pictures) == 2
    assert min(pictures) > 300
    folder = os.environ.get("COGLAB_ARTEFACTS")
    shown.screenshot((Path(folder) if folder else tmp_path) / "report.png")


@pytest.mark.parametrize("width", [1280, 500])
def test_nothing_is_wider_than_the_window(shown, width):
    shown.size(width, 900)
    assert shown.run("return document.documentElement.scrollWidth") <= width


def test_every_link_within_the_page_leads_to_a_heading(shown):
    lost = shown.run(
        "return [...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.getAttribute('href').slice(1))"
        ".filter((name) => !document.getElementById(name))"
    )
    assert lost == []


def test_what_all_runs_share_is_shut_until_it_is_asked_for(shown):
    seen = "return [...document.querySelectorAll('details table')].map((t) => t.checkVisibility())"
    assert set(shown.run(seen)) == {False}
    shown.run("for (const summary of document.querySelectorAll('summary')) summary.click()")
    assert set(shown.run(seen)) == {True}
