"""Maps of machina_1: drawn from a seed, counted, kept in a pool.

`site.py` says what a drawn map is made of; `engine/mapgen` paints it. Equal seeds give equal maps, on every machine,
and the same maps as the published game. `ceiling.py` says how many hearts a map has material for,
`pool.py` keeps maps for many games.
"""

from coglab.games.machina1.mapgen.pool import MapPool
from coglab.games.machina1.mapgen.site import generate_map

__all__ = ["MapPool", "generate_map"]
