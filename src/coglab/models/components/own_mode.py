"""The agent's mode: the few circumstances that decide which of the known routes it wants; one rule per game.

Route moves have rows joint with the mode, which saves the network from learning that product. What a mode means:
`games/<game>/reading.py`.
"""

from __future__ import annotations

import numpy as np

from coglab.engine.jit import helper
from coglab.games.reading import COGSGUARD_MODES


@helper
def own_mode(own: np.ndarray, rule: int, terms: np.ndarray, role_of_vibe: np.ndarray) -> int:
    """Compute the agent's mode.

    Args:
        own: `[257] int32` amounts of the agent's own cell by feature id; the last entry is 0.
        rule: `Modes.rule`.
        terms: `[..] int32` ids of `Modes.features`.
        role_of_vibe: `[256] uint8` role by vibe.

    Returns:
        0 .. `Modes.size` - 1.
    """
    if rule == COGSGUARD_MODES:
        return _cogsguard(own, terms, role_of_vibe)
    return _machina1(own, terms)


@helper
def _cogsguard(own: np.ndarray, terms: np.ndarray, role_of_vibe: np.ndarray) -> int:
    """(Role, has the role's gear, load). Terms: vibe, gear of four roles, heart, four elements."""
    role = int(role_of_vibe[own[terms[0]] & 255])
    geared = 0
    if role > 0 and own[terms[role]] > 0:
        geared = 1
    cargo = own[terms[6]] + own[terms[7]] + own[terms[8]] + own[terms[9]]
    hearts = own[terms[5]]
    load = 0
    if role == 1 or role == 2:
        if hearts >= 6:
            load = 2
        elif hearts > 0:
            load = 1
    else:
        full = 31 if own[terms[3]] > 0 else 3
        if cargo >= full:
            load = 2
        elif cargo > 0:
            load = 1
    return (role * 2 + geared) * 3 + load


@helper
def _machina1(own: np.ndarray, terms: np.ndarray) -> int:
    """(What is missing, energy). Terms: heart, energy, carbon, oxygen, germanium, silicon.

    Missing: 0 with a heart; 1 to 15 the pattern of elements still short of a heart for one agent (10, 10, 2, 30); with
    all of them 16 + the pattern short of two shares of the heart for four (14, 14, 4, 38).
    """
    charge = own[terms[1]]
    level = 0
    if charge >= 75:
        level = 3
    elif charge >= 50:
        level = 2
    elif charge >= 30:
        level = 1
    if own[terms[0]] > 0:
        return level
    carbon, oxygen = own[terms[2]], own[terms[3]]
    germanium, silicon = own[terms[4]], own[terms[5]]
    short = 0
    if carbon < 10:
        short |= 1
    if oxygen < 10:
        short |= 2
    if germanium < 2:
        short |= 4
    if silicon < 30:
        short |= 8
    if short == 0:
        short = 16
        if carbon < 14:
            short |= 1
        if oxygen < 14:
            short |= 2
        if germanium < 4:
            short |= 4
        if silicon < 38:
            short |= 8
    return short * 4 + level
