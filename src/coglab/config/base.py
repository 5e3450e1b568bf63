"""The base class of every configuration, and the number types that users type in several ways."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Config(BaseModel):
    """A typed configuration: unknown keys are errors, field docstrings feed `--help` and the docs.

    Configurations are frozen. To change one, merge plain dicts and validate once into a new object.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        validate_default=True,
        allow_inf_nan=False,
    )


def _read_count(value: Any) -> Any:
    """Accept `5_000_000_000`, `5e9` and `2.5e6` where a whole number is meant."""
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(r"[+-]?\d[\d_]*", text):
            return int(text)
        if re.fullmatch(r"[+-]?(\d[\d_]*\.?\d*|\.\d+)[eE][+-]?\d+", text):
            number = float(text)
            if number.is_integer():
                return int(number)
    return value


def _read_number(value: Any) -> Any:
    """Accept `1_000.5` and `.5` as well as Python's own spellings of a number."""
    if isinstance(value, str):
        return value.strip().replace("_", "")
    return value


Count = Annotated[int, BeforeValidator(_read_count)]
"""A whole number that may be typed as `5_000_000_000` or `5e9`."""

Number = Annotated[float, BeforeValidator(_read_number)]
"""A real number that may be typed as `.5`, `3e-4` or `1_000.5`."""
