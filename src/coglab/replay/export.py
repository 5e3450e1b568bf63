"""Files with pictures of a replay: PNG, contact sheet, GIF, MP4."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from coglab.config import UserError
from coglab.replay import file as replay_file
from coglab.replay.config import PictureConfig
from coglab.replay.file import Document
from coglab.replay.history import History
from coglab.replay.picture import INK, Painter

if TYPE_CHECKING:
    from PIL.Image import Image

_SHEET_COLUMNS = 3
_GAP_PX = 8
_MOST_COLOURS = 64


def export(document: Document, config: PictureConfig, base: Path) -> list[Path]:
    """Write the pictures that a configuration asks for.

    Args:
        document: a replay.
        config: which pictures.
        base: path without ending; files are named after it.

    Returns:
        The files.

    Raises:
        UserError: a tick outside the episode, a damaged replay, or no ffmpeg for a film.
    """
    history = History(document)
    painter = Painter(history, config.cell_px)
    written: list[Path] = []

    def keep(name: str, data: bytes) -> None:
        path = base.with_name(base.name + name)
        replay_file.write(path, data)
        written.append(path)

    for tick in config.ticks:
        state = tick + history.states if tick < 0 else tick
        if not 0 <= state < history.states:
            raise UserError(
                f"`pictures.ticks` has {tick}; the replay has the states 0 to {history.states - 1} (-1 is the last)."
            )
        keep(f"-{state}.png", _png(painter.paint(state)))
    if config.sheet:
        keep("-moments.png", _png(contact_sheet(history, painter)))
    if config.gif:
        keep(".gif", _gif(painter, _states(history, config), config.frames_per_s))
    if config.mp4:
        keep(".mp4", _mp4(painter, _states(history, config), config.frames_per_s))
    return written


def contact_sheet(history: History, painter: Painter) -> Image:
    """Draw the key moments of an episode side by side.

    Args:
        history: the replay.
        painter: of the same replay.

    Returns:
        An RGB picture, three moments in a row.
    """
    from PIL import Image

    pictures = [
        painter.paint(state, f"tick {state}: {words}") for state, words in history.key_moments()
    ]
    width, height = pictures[0].width + _GAP_PX, pictures[0].height + _GAP_PX
    columns = min(_SHEET_COLUMNS, len(pictures))
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * width + _GAP_PX, rows * height + _GAP_PX), INK)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        sheet.paste(picture, (_GAP_PX + column * width, _GAP_PX + row * height))
    return sheet


def _states(history: History, config: PictureConfig) -> range:
    last = history.states - 1 if config.last is None else min(config.last, history.states - 1)
    if config.first > last:
        raise UserError(
            f"`pictures.first={config.first}` lies behind the last state, {last}; for example `pictures.first=0`."
        )
    return range(config.first, last + 1, config.every)


def _png(picture: Image) -> bytes:
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return data.getvalue()


def _gif(painter: Painter, states: range, frames_per_s: int) -> bytes:
    """Make an endless GIF; one palette for all pictures keeps it small and free of flicker."""
    from PIL import Image

    palette = painter.paint(states[len(states) // 2]).quantize(_MOST_COLOURS)
    frames = [
        painter.paint(state).quantize(palette=palette, dither=Image.Dither.NONE) for state in states
    ]
    data = io.BytesIO()
    frames[0].save(
        data,
        "GIF",
        save_all=True,
        append_images=frames[1:],
        duration=1000 // frames_per_s,
        loop=0,
        optimize=False,
    )
    return data.getvalue()


def find_ffmpeg() -> str:
    """Find the program that makes films: `ffmpeg` on the path, or the one in the package imageio-ffmpeg.

    Raises:
        UserError: there is none.
    """
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        raise UserError(
            "`pictures.mp4=true` needs ffmpeg: install it from your system's packages, or start with "
            "`./tools/run.py --with film ...`, which brings the package imageio-ffmpeg. `pictures.gif=true` needs nothing."
        ) from None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def _mp4(painter: Painter, states: range, frames_per_s: int) -> bytes:
    """Pipe the pictures through ffmpeg; sides are cut to even numbers, which H.264 wants."""
    program = find_ffmpeg()
    first = painter.paint(states[0])
    width, height = first.width // 2 * 2, first.height // 2 * 2

    def frames() -> Iterator[bytes]:
        for state in states:
            yield painter.paint(state).crop((0, 0, width, height)).tobytes()

    command = [
        *(program, "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"),
        *("-s", f"{width}x{height}", "-r", str(frames_per_s), "-i", "-"),
        *("-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4", "-"),
    ]
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints
        ) as process,
        ThreadPoolExecutor(1) as executor,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        film = executor.submit(process.stdout.read)
        with contextlib.suppress(BrokenPipeError):
            for frame in frames():
                process.stdin.write(frame)
            process.stdin.close()
        data = film.result()
        if process.wait():
            complaints.seek(0)
            said = complaints.read(300).decode("utf-8", "replace").strip()
            raise UserError(f"ffmpeg failed: {said}")
    return data
