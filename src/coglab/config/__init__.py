"""Configuration: the base class, the `key=value` reader, error texts, and help made from the models."""

from coglab.config.base import Config, Count, Number

__all__ = ["Config", "Count", "Number"]
