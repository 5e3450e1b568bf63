#!/usr/bin/env python
"""Write the pages of docs/ that are made from the code.

python tools/make_docs.py            write them
python tools/make_docs.py --check    only say which would change; exit code 1 if any
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
for folder in (ROOT / "tools", ROOT / "src"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from docpages import ablations, metrics, observations, teachers  # noqa: E402 (after the path is set)

PAGES: dict[str, Callable[[], str]] = {
    metrics.PATH: metrics.render,
    observations.PATH: observations.render,
    teachers.PATH: teachers.render,
    ablations.PATH: ablations.render,
    **{
        f"{teachers.FOLDER}/{name}.md": functools.partial(teachers.render_teacher, name)
        for name in teachers.TEACHERS
    },
}
"""Page -> what makes its text."""


def main(arguments: list[str]) -> int:
    """Write or check all pages."""
    if arguments not in ([], ["--check"]):
        print(__doc__)
        return 2
    changed = []
    for path, render in PAGES.items():
        file, text = ROOT / path, render()
        if file.exists() and file.read_text(encoding="utf-8") == text:
            continue
        changed.append(path)
        if not arguments:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    for path in changed:
        print(f"{path} {'would change' if arguments else 'written'}")
    return 1 if changed and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
