"""coglab: train agents for the gridworlds CogsGuard and machina_1."""

__version__ = "0.1.0"
