"""How networks read each game: which numbers become which rows. One file per game; `vocabulary.py` does the work."""

from __future__ import annotations

from coglab.models.readings import cogsguard, machina1
from coglab.models.readings.reading import Reading

READINGS: dict[str, Reading] = {
    "cogsguard": cogsguard.READING,
    "machina1": machina1.READING,
}
"""By name of the game, `GameInterface.name`."""
