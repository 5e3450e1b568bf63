"""Every game's settings as one type: `kind` says which."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from coglab.games.cogsguard.config import CogsGuardConfig
from coglab.games.machina1.config import Machina1Config

GameConfig = Annotated[CogsGuardConfig | Machina1Config, Field(discriminator="kind")]
"""The settings of one of the games."""
