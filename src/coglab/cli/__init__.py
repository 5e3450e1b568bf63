"""The command line: finds the recipe, lays the user's values over it, prints errors, runs the tool."""

from coglab.cli.main import main

__all__ = ["main"]
