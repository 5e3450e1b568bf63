"""What games share: compiled kernels (`jit.py`), random numbers, windows of cells, writing in blocks."""
