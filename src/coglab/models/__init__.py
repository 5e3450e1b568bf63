"""Networks made of named components. Read `network.py` first; `fast.py` and `vit.py` are the architectures."""
