"""How policies are evaluated. Imports neither torch nor numba."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from coglab.config import Config

FIRST_EVALUATION_SEED = 1_000_000
"""Map seeds from here on are held out: training never uses them."""


class EvaluationConfig(Config):
    """Episodes played to measure a policy."""

    maps: int = Field(64, ge=1, le=100_000)
    """Held-out maps, one episode each. Map seeds start at 1,000,000."""

    modes: tuple[Literal["sample", "greedy"], ...] = ("sample", "greedy")
    """How actions are chosen from a learned policy's probabilities."""

    seed: int = Field(0, ge=0)
    """Seed of action sampling and of the games' event order."""


class EvaluatorConfig(Config):
    """Evaluation during and after training."""

    at_end: bool = True
    """Compare the student with its teacher and with random play when training ends."""

    maps: int = Field(64, ge=1)
    """Held-out maps of the comparison at the end."""
