"""Cell `Sp`: a map of the surroundings that observations write and the network reads.

S rows, T steps, K tokens, C channels of the map, D width. The map is a torus of `CELLS` x `CELLS` coarse cells of `CELL`
x `CELL` places each, fixed to the ground. The agent knows where it stands from the tokens that give its offset from its
first place, so what a token says can be written where it belongs, and found again from anywhere.

Which of the cells was written when is a matter of positions alone, not of weights. So training needs no recurrence over
maps: for every cell that is read, the loop below only finds the *step of its last writing*, and one look-up fetches what
was written then. A rollout is the same with T = 1.

Sources: Parisotto, Salakhutdinov 2018, "Neural map"; Gupta et al. 2017 (coarse egocentric maps). Here the address is not
learned but read from the observation, and writing replaces instead of mixing.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coglab.config.errors import UserError
from coglab.models.ops.initialization import linear, multiply_adds
from coglab.models.registry import cell
from coglab.models.spec import BuildSpec

CELL = 4
"""Places per side of a coarse cell. Nearer things are seen exactly in the window anyway."""

CELLS = 16
"""Coarse cells per side: 64 places, more than an arena has. On larger maps, places 64 apart share a cell."""

CHANNELS = 8
"""Channels of a coarse cell."""

PLACE_WIDTH = 16
"""Channels in which the tokens of one place are added up before they are written."""

LEVELS = 64
"""Values of a token that have an embedding of their own; larger ones share the last."""

OFFSETS = ("lp:south", "lp:north", "lp:east", "lp:west")
"""Features that give the agent's offset from its first place: rows down, rows up, columns right, columns left."""

EMPTY = 255
"""Location byte of padding."""

START, NEVER = -1, -2
"""Steps of last writing: before the first step of the row; never in this episode."""


@cell("Sp")
class Spatial(nn.Module):
    """Writes what is seen into a map and reads all of the map, seen from where the agent stands.

    The tokens of a place are embedded, added up and go through a small layer, so that the cell can learn what to keep
    (an owner's colour on a junction) and what not (another agent that walks on). A coarse cell is replaced when all of it
    is in view, or something in it is; it then holds the sum over its places, and a learned mark that it was seen.

    Args:
        in_width: channels of the input.
        width: D, channels of the output.
        spec: for the game's features.

    Raises:
        UserError: the architecture has no token inputs, or the game does not tell agents where they stand.
    """

    reads_inputs = True

    def __init__(self, in_width: int, width: int, spec: BuildSpec) -> None:
        super().__init__()
        if spec.config.kind != "vit":
            raise UserError(
                f"the cell `Sp` writes tokens into its map, and `{spec.config.kind}` reads no tokens; "
                'use `policy_architecture={kind: vit, cortex: {pattern: "[G,Sp]"}}`.'
            )
        self.offset_ids = [spec.game.feature_id(name) for name in OFFSETS]
        if min(self.offset_ids) < 0:
            raise UserError(
                f"the cell `Sp` needs {', '.join(OFFSETS)} in observations; the game {spec.game.name} has them not."
            )
        self.width = width
        self.window = spec.game.window
        self.reach = self.window // 2
        # Coarse cells per side that a window can touch.
        self.span = (self.window + CELL - 2) // CELL + 1
        self.state_size = CELLS * CELLS * CHANNELS
        self.embedding = nn.Parameter(torch.randn(256 * LEVELS, PLACE_WIDTH) * 0.5)
        self.place = linear(PLACE_WIDTH, CHANNELS)
        self.seen = nn.Parameter(torch.randn(CHANNELS) * 0.1)
        self.read = linear(self.state_size, width, gain=1.0)
        self.present = linear(in_width + CELL * CELL, width, gain=1.0)

    def forward(
        self, x_STI: Tensor, state: Tensor, resets: Tensor, inputs: dict[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """Run whole rows.

        Args:
            x_STI: `[S, T, I]` features.
            state: `[S, state_size]` the map before the first step.
            resets: `[S, T] bool`, true where the map is emptied before the step.
            inputs: the network's; `tokens [S, T, K, 3] uint8` is read.

        Returns:
            `[S, T, D]` outputs and `[S, state_size]` the map after the last step.
        """
        tokens = inputs["tokens"]
        rows, steps = resets.shape
        if (
            tokens.device.type == "cpu"
        ):  # as in `vit`: padding is cut off where that costs no transfer
            longest = int((tokens[..., 0] != EMPTY).sum(-1).max()) if tokens.numel() else 0
            tokens = tokens[:, :, : max(1, longest)]
        row_ST, column_ST = self._position(tokens)
        cells_STP, is_written_STP, written_STPC = self._written(tokens, row_ST, column_ST)
        at_STV, after_SV = _last_writing(
            cells_STP, is_written_STP, _view(row_ST, column_ST), resets
        )
        # One list per row: nothing, the map before the first step, then everything written in order.
        content = torch.cat(
            [
                written_STPC.new_zeros(rows, 1, CHANNELS),
                state.float().view(rows, CELLS * CELLS, CHANNELS),
                written_STPC.flatten(1, 2),
            ],
            dim=1,
        )
        offset = torch.arange(rows, device=state.device) * content.shape[1]
        content = content.flatten(0, 1)
        seen = content.index_select(0, (at_STV + offset[:, None, None]).flatten())
        after = content.index_select(0, (after_SV + offset[:, None]).flatten())
        inside = (row_ST % CELL) * CELL + column_ST % CELL
        here = nn.functional.one_hot(inside, CELL * CELL).to(x_STI.dtype)
        read = self.read(seen.view(rows, steps, -1).to(x_STI.dtype))
        out = nn.functional.silu(read + self.present(torch.cat([x_STI, here], dim=-1)))
        return out, after.view(rows, -1)

    def _position(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """`[S, T]` row and column of the agent, counted from where its episode began."""
        location, feature, value = tokens.unbind(-1)
        is_own = location == self.reach * 16 + self.reach
        south, north, east, west = (
            (value * (is_own & (feature == number))).sum(-1) for number in self.offset_ids
        )
        return south - north, east - west

    def _written(
        self, tokens: Tensor, row_ST: Tensor, column_ST: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What a step writes: `[S, T, P]` cells, whether each is written, and `[S, T, P, C]` what."""
        rows, steps = row_ST.shape
        location, feature, value = tokens.long().unbind(-1)
        down, right = location // 16, location % 16
        is_kept = (location != EMPTY) & (location != self.reach * 16 + self.reach)
        is_kept &= (down < self.window) & (right < self.window)
        places = self.window**2
        step = torch.arange(rows * steps, device=tokens.device).view(rows, steps, 1)
        # Padding is added to a place behind the last one.
        place = torch.where(
            is_kept, step * places + down * self.window + right, rows * steps * places
        )
        token = feature * LEVELS + value.clamp(max=LEVELS - 1)
        embedded = nn.functional.embedding(token.flatten(), self.embedding)
        summed = embedded.new_zeros(rows * steps * places + 1, PLACE_WIDTH)
        summed = summed.index_add(0, place.flatten(), embedded)
        holds = torch.zeros(len(summed), dtype=torch.bool, device=tokens.device)
        holds[place.flatten()] = True
        said = nn.functional.silu(self.place(summed[:-1])).float() * holds[:-1, None]

        # From places of the window to the coarse cells that it touches.
        span = self.span
        near = torch.arange(self.window, device=tokens.device) - self.reach
        first_row = (row_ST - self.reach).div(CELL, rounding_mode="floor")
        first_column = (column_ST - self.reach).div(CELL, rounding_mode="floor")
        slot_row = (row_ST.unsqueeze(-1) + near).div(CELL, rounding_mode="floor") - first_row[
            ..., None
        ]
        slot_column = (column_ST.unsqueeze(-1) + near).div(
            CELL, rounding_mode="floor"
        ) - first_column[..., None]
        slot = slot_row.unsqueeze(-1) * span + slot_column.unsqueeze(-2)
        slot = (step.unsqueeze(-1) * span**2 + slot).flatten()
        written = said.new_zeros(rows * steps * span**2, CHANNELS).index_add(0, slot, said)
        written = written.view(rows, steps, span**2, CHANNELS) + self.seen
        ones = torch.ones_like(slot, dtype=torch.int32)
        zeros = ones.new_zeros(rows * steps * span**2)
        is_whole = zeros.index_add(0, slot, ones) == CELL * CELL
        has_something = zeros.index_add(0, slot, holds[:-1].int()) > 0
        along = torch.arange(span, device=tokens.device)
        cell_row = (first_row.unsqueeze(-1) + along) % CELLS
        cell_column = (first_column.unsqueeze(-1) + along) % CELLS
        cells = cell_row.unsqueeze(-1) * CELLS + cell_column.unsqueeze(-2)
        shape = (rows, steps, span**2)
        return cells.view(shape), (is_whole | has_something).view(shape), written

    def multiply_adds(self) -> int:
        """Multiply-adds per step: the layers, the one for places once for each place of the window."""
        return multiply_adds(self) + (self.window**2 - 1) * self.place.weight.numel()


def _view(row_ST: Tensor, column_ST: Tensor) -> Tensor:
    """`[S, T, V]` all cells of the map, row by row, with the agent's own in the middle."""
    reach = torch.arange(CELLS, device=row_ST.device) - CELLS // 2
    row = (row_ST.div(CELL, rounding_mode="floor").unsqueeze(-1) + reach) % CELLS
    column = (column_ST.div(CELL, rounding_mode="floor").unsqueeze(-1) + reach) % CELLS
    return (row.unsqueeze(-1) * CELLS + column.unsqueeze(-2)).flatten(-2)


@torch.no_grad()
def _last_writing(
    cells_STP: Tensor, is_written_STP: Tensor, view_STV: Tensor, resets: Tensor
) -> tuple[Tensor, Tensor]:
    """Find where the content of every cell of the map lies in the list that `Spatial.forward` makes of a row.

    Args:
        cells_STP: `[S, T, P]` cells that a step may write, distinct within a step.
        is_written_STP: whether it does.
        view_STV: `[S, T, V]` cells in the order in which they are read.
        resets: `[S, T]`.

    Returns:
        `[S, T, V]` places in the list after each step's writing, in that order; `[S, V]` after the last step, in the
        map's own order.
    """
    rows, steps, slots = cells_STP.shape
    last = torch.full((rows, CELLS * CELLS), START, device=cells_STP.device)
    number = torch.arange(slots, device=cells_STP.device)
    found = torch.empty_like(view_STV)
    for t in range(steps):
        last.masked_fill_(resets[:, t, None], NEVER)
        cells = cells_STP[:, t]
        last.scatter_(
            1, cells, torch.where(is_written_STP[:, t], number + t * slots, last.gather(1, cells))
        )
        torch.gather(last, 1, view_STV[:, t], out=found[:, t])
    own = torch.arange(CELLS * CELLS, device=cells_STP.device)

    def place(step: Tensor, of_cell: Tensor) -> Tensor:
        from_start = torch.where(step == START, 1 + of_cell, 1 + CELLS * CELLS + step)
        return torch.where(step == NEVER, 0, from_start)

    return place(found, view_STV), place(last, own.expand(rows, -1))
