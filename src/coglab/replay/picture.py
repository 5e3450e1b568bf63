"""Pictures of a replay with Pillow: one state, and what is shared by contact sheets and animations.

Everything is drawn at twice its size and scaled down, because Pillow draws without smoothing. Colours and shapes are
those of the viewer.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from coglab.replay.history import Agent, History, Thing

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

Colour = tuple[int, int, int]


def _colour(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


INK, PAPER, WALL, FLOOR, DIM = map(_colour, ("#0e1319", "#ffffff", "#37424f", "#161c24", "#98a5b5"))
HEART, ENERGY, COGS, CLIPS, NOBODY, BOTH = map(
    _colour, ("#cc79a7", "#f0e442", "#56b4e9", "#e69f00", "#9aa4b2", "#be96c8")
)
ELEMENTS = {
    "oxygen": _colour("#ffffff"),
    "carbon": _colour("#5d6874"),
    "germanium": _colour("#009e73"),
    "silicon": _colour("#f0e442"),
}
VIBES = {
    "heart": HEART,
    "gear": _colour("#b7c3d0"),
    "scrambler": _colour("#d55e00"),
    "aligner": COGS,
    "miner": ENERGY,
    "scout": _colour("#009e73"),
    "charger": ENERGY,
    **ELEMENTS,
}
"""By vibe; vibes of machina_1 such as `heart_a` and `heart_b` wear the colour of `heart`."""
_OVERSIZE = 2
_CAPTION_PX = 22


class Painter:
    """Draws states of one replay.

    Args:
        history: the replay.
        cell_px: pixels per cell.
    """

    def __init__(self, history: History, cell_px: int = 10) -> None:
        self._history = history
        self._cell_px = cell_px
        self._scale = cell_px * _OVERSIZE
        open_rows, open_cols = np.nonzero(~history.walls)
        height, width = history.walls.shape
        if len(open_rows) == 0:
            open_rows, open_cols = np.array([0, height - 1]), np.array([0, width - 1])
        # Solid wall around the map is left out but for one cell.
        self._top, self._left = max(0, open_rows.min() - 1), max(0, open_cols.min() - 1)
        self._bottom = min(height, open_rows.max() + 2)
        self._right = min(width, open_cols.max() + 2)

    def paint(self, state: int, caption: str | None = None) -> Image:
        """Draw a state.

        Args:
            state: 0 to the number of ticks.
            caption: the line below the map; left out, the tick and the score.

        Returns:
            An RGB picture.
        """
        from PIL import Image, ImageDraw

        ground = self._ground(state)
        size = (ground.shape[1] * self._scale, ground.shape[0] * self._scale)
        picture = Image.fromarray(ground).resize(size, Image.Resampling.NEAREST)
        draw = ImageDraw.Draw(picture)
        for thing in self._history.things:
            if not self._history.is_gone(thing, state):
                self._draw_thing(draw, thing, state)
        for agent in self._history.agents:
            self._draw_agent(draw, agent, state)
        width, height = size[0] // _OVERSIZE, size[1] // _OVERSIZE
        framed = Image.new("RGB", (width, height + _CAPTION_PX), INK)
        framed.paste(picture.resize((width, height), Image.Resampling.LANCZOS), (0, 0))
        self._write(ImageDraw.Draw(framed), (6, height + 4), caption or self.score(state))
        return framed

    def score(self, state: int) -> str:
        """Return the line that stands below a picture."""
        history = self._history
        if history.hearts:
            made, delivered = (int(history.hearts[name][state]) for name in ("made", "delivered"))
            return (
                f"tick {state}   hearts: {made} made, {delivered} delivered   "
                f"reward {history.reward(state):.3f}"
            )
        clips, cogs = history.owned[:, state]
        return (
            f"tick {state}   cogs {cogs}, clips {clips} of {history.num_junctions} junctions   "
            f"reward {history.reward(state):.3f}"
        )

    def _write(self, draw: ImageDraw, place: tuple[int, int], text: str) -> None:
        from PIL import ImageFont

        # Pillow's own typeface lacks most of Unicode; what it lacks would raise in its oldest form.
        safe = text.encode("latin-1", "replace").decode("latin-1")
        draw.text(place, safe, fill=PAPER, font=ImageFont.load_default(12))

    def _ground(self, state: int) -> np.ndarray:
        """Return `[h, w, 3]` uint8: floor, walls and areas of effect, one pixel per cell."""
        history = self._history
        radius = history.document.get("area_radius", 0)
        areas = np.zeros((2, *history.walls.shape), bool)
        for thing in history.things:
            owner = int(thing.owner[state])
            if thing.kind in ("hub", "junction") and owner in (0, 1):
                rows = slice(max(0, thing.row - radius), thing.row + radius + 1)
                cols = slice(max(0, thing.col - radius), thing.col + radius + 1)
                areas[owner, rows, cols] = True
        ground = np.zeros((*history.walls.shape, 3), np.float64)
        ground[:] = FLOOR
        for owner, colour in enumerate((CLIPS, COGS)):
            ground[areas[owner]] = 0.76 * np.array(FLOOR) + 0.24 * np.array(colour)
        ground[areas.all(axis=0)] = 0.76 * np.array(FLOOR) + 0.24 * np.array(BOTH)
        ground[history.walls] = WALL
        part = ground[self._top : self._bottom, self._left : self._right]
        return np.ascontiguousarray(part.astype(np.uint8))

    def _middle(self, row: float, col: float) -> tuple[float, float]:
        return (col - self._left + 0.5) * self._scale, (row - self._top + 0.5) * self._scale

    def _draw_thing(self, draw: ImageDraw, thing: Thing, state: int) -> None:
        x, y = self._middle(thing.row, thing.col)
        half = self._scale * 0.45
        box = (x - half, y - half, x + half, y + half)
        if thing.kind == "junction":
            owner = int(thing.owner[state])
            colour = {0: CLIPS, 1: COGS}.get(owner, NOBODY)
            corners = {0: 12, 1: 6}.get(owner, 24)
            draw.polygon(_star(x, y, half * 1.1, corners, owner == 0), colour, INK)
            if owner not in (0, 1):
                inner = half * 0.5
                draw.ellipse((x - inner, y - inner, x + inner, y + inner), INK)
        elif thing.item:
            colour = ELEMENTS.get(thing.item, PAPER)
            left = 2 * half * min(1.0, thing.amount[state] / thing.most)
            rests = thing.ready_at[state] > state
            edge = WALL if left == 0 else colour
            draw.rectangle(box, INK, edge, max(1, self._scale // 12))
            fill = _mix(colour, INK) if rests else colour
            draw.rectangle((x - half, y + half - left, x + half, y + half), fill)
        elif thing.kind == "charger":
            rests = thing.ready_at[state] > state
            draw.ellipse(box, _mix(ENERGY, INK) if rests else ENERGY, INK)
        else:
            draw.rectangle(box, (29, 61, 84), COGS, max(1, self._scale // 12))
            if thing.kind in ("hub", "assembler"):
                draw.ellipse((x - half / 2, y - half / 2, x + half / 2, y + half / 2), COGS)
            elif thing.kind == "chest":
                draw.polygon(_heart(x, y, half * 0.6), HEART)
            else:
                _draw_sign(draw, thing.kind.removesuffix("_station"), x, y, half * 0.6, PAPER)

    def _draw_agent(self, draw: ImageDraw, agent: Agent, state: int) -> None:
        x, y = self._middle(int(agent.row[state]), int(agent.col[state]))
        half = max(self._scale * 0.5, 5.0 * _OVERSIZE)
        vibe = self._history.document["vibe_names"][int(agent.vibe[state])]
        shown = VIBES.get(vibe) or VIBES.get(vibe.removesuffix("_a").removesuffix("_b"), PAPER)
        for reach, colour in ((1.15, PAPER), (1.0, INK), (0.88, shown)):
            r = half * reach
            draw.ellipse((x - r, y - r, x + r, y + r), colour)
        gear = "" if self._history.hearts else agent.gear(state)
        if gear:
            _draw_sign(draw, gear, x, y, half * 0.55, INK)
        for index in range(min(5, int(agent.amounts["heart"][state]))):
            place = x - half + index * half * 0.5
            draw.polygon(_heart(place, y - half * 1.4, half * 0.26), HEART)


def _mix(one: Colour, other: Colour) -> Colour:
    """Return the colour half way between two."""
    return (one[0] + other[0]) // 2, (one[1] + other[1]) // 2, (one[2] + other[2]) // 2


def _star(
    x: float, y: float, reach: float, corners: int, is_spiky: bool
) -> list[tuple[float, float]]:
    points = []
    for corner in range(corners):
        r = reach * (0.55 if is_spiky and corner % 2 else 1.0)
        angle = 2 * math.pi * corner / corners
        points.append((x + r * math.cos(angle), y + r * math.sin(angle)))
    return points


def _heart(x: float, y: float, size: float) -> list[tuple[float, float]]:
    points = []
    for i in range(24):
        t = 2 * math.pi * i / 24
        dx = 16 * math.sin(t) ** 3
        dy = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x + size * dx / 16, y - size * dy / 16))
    return points


def _draw_sign(draw: ImageDraw, gear: str, x: float, y: float, size: float, colour: Colour) -> None:
    """Draw the sign of a piece of gear: diamond, square, triangle or cross."""
    if gear == "aligner":
        draw.polygon(_star(x, y, size, 4, False), colour)
    elif gear == "miner":
        draw.rectangle((x - size * 0.8, y - size * 0.8, x + size * 0.8, y + size * 0.8), colour)
    elif gear == "scout":
        draw.polygon(
            [(x, y - size), (x + size, y + size * 0.8), (x - size, y + size * 0.8)], colour
        )
    else:
        width = max(1, round(size * 0.5))
        draw.line((x - size, y - size, x + size, y + size), colour, width)
        draw.line((x - size, y + size, x + size, y - size), colour, width)
