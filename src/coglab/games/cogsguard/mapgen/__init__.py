"""Maps of CogsGuard: drawn from a seed, read from text, kept in a pool.

`site.py` says what a drawn map is made of; `engine/mapgen` paints it. Equal seeds give equal maps, on every machine,
and the same maps as the published game. `text_map.py` reads maps from files, `pool.py` keeps maps for many games.
"""

from coglab.games.cogsguard.mapgen.generate import generate_map
from coglab.games.cogsguard.mapgen.pool import MapPool
from coglab.games.cogsguard.mapgen.text_map import load_text_map

__all__ = ["MapPool", "generate_map", "load_text_map"]
