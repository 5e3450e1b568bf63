"""The parts of the networks, one file per component; every file is found by name (see `models/registry.py`)."""
