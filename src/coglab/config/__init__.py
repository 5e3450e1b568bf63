"""Configuration: the base class, the `key=value` reader, error texts, and help made from the models."""

from coglab.config.base import Config, Count, Number
from coglab.config.errors import UserError, did_you_mean, nearest
from coglab.config.validate import build

__all__ = ["Config", "Count", "Number", "UserError", "build", "did_you_mean", "nearest"]
