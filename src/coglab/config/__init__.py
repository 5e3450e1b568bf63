"""Configuration: the base class, the `key=value` reader, error texts, and help made from the models."""

from coglab.config.base import Config, Count, Number
from coglab.config.errors import UserError
from coglab.config.validate import build

__all__ = ["Config", "Count", "Number", "UserError", "build"]
