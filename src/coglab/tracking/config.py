"""Where metrics go. Imports neither torch nor numba."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from coglab.config import Config


class WandbConfig(Config):
    """The Weights & Biases sink."""

    mode: Literal["auto", "online", "offline", "disabled"] = "auto"
    """`auto`: online with credentials, offline without, off where wandb is not installed."""

    entity: str | None = None
    """Account or team. Left out: the account's default."""

    project: str = "coglab"
    """Project."""

    tags: tuple[str, ...] = ()
    """Tags of the run."""

    group: str | None = None
    """Group of the run."""

    notes: str | None = None
    """Free text."""


def _mode_alone(value: object) -> object:
    """Let `wandb=offline` mean `wandb={mode: offline}`, and `off` mean `disabled`."""
    if not isinstance(value, str):
        return value
    return {"mode": "disabled" if value == "off" else value}


Wandb = Annotated[WandbConfig, BeforeValidator(_mode_alone)]
"""The sink's settings, or its mode alone."""


class DisplayConfig(Config):
    """What the terminal shows while a run goes on."""

    mode: Literal["auto", "rich", "plain", "off"] = "auto"
    """`auto`: a live display on a terminal, one plain line every `interval_s` otherwise."""

    interval_s: float = Field(5.0, gt=0)
    """Seconds between plain lines."""
