"""Recurrent cells of the cortex, one file per cell; every file is found by its letter (see `models/registry.py`)."""
