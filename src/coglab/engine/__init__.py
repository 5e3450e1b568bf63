"""What games share.

`kernel_sim.py` is a simulator around its kernels, `batch_sim.py` its contract, `episodes.py` how episodes begin and end,
`turns.py` and `moves.py` how agents act, `maps.py` maps as bits, `tokens.py`, `window.py` and `blocks.py` what agents see,
`rng.py` random numbers, `jit.py` compiled kernels.
"""
