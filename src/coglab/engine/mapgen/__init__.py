"""Drawing maps, as far as it is the same in every game: what a site is made of differs, how it is painted does not.

`site.py` is the table of contents. It paints one scene after the other on an empty square, in this order: `plains`,
`biomes`, `dungeons` (placed by `zones`), `ragged_edge`, `buildings`, `compound`, `connect`. Equal seeds give equal
maps, on every machine, and the same maps as the published games. `pool.py` keeps maps for many games.
"""
