"""Commands in the pages pass the runner's own dry run, and links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.helpers import Shell

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    {ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/*.md")}
)
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")


def commands() -> list[tuple[str, str]]:
    """Page and text of every `./tools/run.py TARGET ...` in a block of shell code."""
    found = []
    for page in PAGES:
        for block in BLOCK.findall(page.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                words = re.match(r"\s*(?:\w+=\S+ )*\./tools/run\.py (?:--with \w+ )?(\S.*)", line)
                if words:
                    found.append((page.name, words.group(1)))
    return found


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_of_a_page_passes_the_dry_run(page, command, capsys, tmp_path, monkeypatch):
    if "..." in command or "…" in command:
        pytest.skip("an abridged command")
    words = shlex.split(command, comments=True)
    if words[0] == "launch":
        words = words[words.index("--") + 1 :]  # what the other machine will run
    elif words[0].startswith("remote="):
        words = words[1:]
    if words[0].startswith("runs") or any(word in ("--list", "--help", "-h") for word in words):
        pytest.skip("not a run that can be tried dry: tests/tools and tests/cli type these")
    monkeypatch.chdir(tmp_path)
    done = Shell(capsys)(*words, "--dry-run")
    assert done.code == 0, f"{page}: {command}\n{done.err}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page):
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name}: {target}"
