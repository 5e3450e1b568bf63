"""The page: self-contained, and names from files cannot become markup. What it does in a browser: test_in_browser.py."""

from __future__ import annotations

import base64
import re

from coglab.replay import file as replay_file
from coglab.replay.viewer import page
from tests.replay.conftest import record

NASTY = '</script><script>alert(1)</script><img src=x onerror="alert(2)"> %LIVE% <!--REPLAYS--> /*STYLE*/'


def test_the_page_refers_to_nothing_outside_itself():
    text = page([])
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//|@import|url\(|import\(""", text)
    assert "default-src 'none'" in text
    assert "connect-src 'none'" in text
    assert "connect-src 'self'" in page([], live=True)


def test_no_mark_is_left_to_fill_in():
    text = page([b"x"], live=True)
    for mark in ("%LIVE%", "%CONNECT%", "<!--REPLAYS-->", "/*STYLE*/", "/*SCRIPTS*/"):
        assert mark not in text


def test_names_and_notes_of_a_replay_stay_out_of_the_markup():
    recorder, _ = record(steps=3, note=NASTY, label=NASTY)
    data = replay_file.pack(recorder.document())
    text = page([data])
    assert "alert(1)" not in text
    embedded = re.findall(r'class="replay">([A-Za-z0-9+/=]*)</script>', text)
    assert [base64.b64decode(part) for part in embedded] == [data]


def test_the_scripts_never_write_markup():
    scripts = re.sub(r"<!--.*?-->", "", page([]))
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
    ):
        assert way not in scripts
