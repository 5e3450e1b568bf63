"""Pictures of a replay. Imports neither torch nor numba."""

from __future__ import annotations

from pydantic import Field

from coglab.config import Config


class PictureConfig(Config):
    """Which pictures are made of a replay, beside the page."""

    ticks: tuple[int, ...] = ()
    """A PNG of each of these states; 0 is before the first tick, -1 the last."""

    sheet: bool = False
    """A contact sheet (PNG) of key moments: firsts, the most junctions, the end."""

    gif: bool = False
    """An animation for pages that cannot show the viewer."""

    mp4: bool = False
    """A film; smaller than a GIF. Needs `ffmpeg`, or `./tools/run.py --with film ...`."""

    first: int = Field(0, ge=0)
    """State that animations begin with."""

    last: int | None = Field(None, ge=1)
    """State that they end with; left out, the last."""

    every: int = Field(4, ge=1)
    """Ticks per picture of an animation."""

    frames_per_s: int = Field(12, ge=1, le=50)
    """Pictures per second."""

    cell_px: int = Field(10, ge=3, le=64)
    """Pixels per cell."""

    def wants_any(self) -> bool:
        """Whether anything is to be drawn."""
        return bool(self.ticks) or self.sheet or self.gif or self.mp4
