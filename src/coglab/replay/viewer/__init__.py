"""The viewer: one HTML page with everything in it, replays included. It opens from disk and loads nothing.

The page is put together from the files beside this one. Replays are embedded as base64 text, which no content can break
out of; the page writes names and notes as text, never as markup, and its policy forbids every connection.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from importlib import resources

_SCRIPTS = ("decode.js", "tokens.js", "scene.js", "machina1.js", "charts.js", "panels.js", "app.js")


def page(replays: Sequence[bytes], *, live: bool = False) -> str:
    """Make the page.

    Args:
        replays: packed replays (the bytes of `*.json.z`) that it shows at once, side by side; none makes a page that
            asks for a file.
        live: whether the page asks the server that it came from for a running episode.

    Returns:
        The HTML text.
    """
    folder = resources.files(__name__)
    scripts = "\n".join((folder / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    data = "\n".join(
        f'<script type="application/octet-stream" class="replay">{base64.b64encode(replay).decode()}</script>'
        for replay in replays
    )
    text = (folder / "page.html").read_text(encoding="utf-8")
    for mark, content in (
        ("%CONNECT%", "'self'" if live else "'none'"),
        ("%LIVE%", "true" if live else "false"),
        ("/*STYLE*/", (folder / "style.css").read_text(encoding="utf-8")),
        ("/*SCRIPTS*/", scripts),
        ("<!--REPLAYS-->", data),
    ):
        text = text.replace(mark, content, 1)
    return text
