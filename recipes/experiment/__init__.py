"""Recipes: typed functions that return a Tool. `./tools/run.py --list` shows them."""
