"""The base class of every configuration, and the number types that users type in several ways."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo


class Config(BaseModel):
    """A typed configuration: unknown keys are errors, field docstrings feed `--help` and the docs.

    Configurations are frozen. To change one, merge plain dicts and validate once into a new object
    (`coglab.config.layers.merge`, `coglab.config.build`): `model_copy(update=...)` would not validate.
    Field docstrings are read from the source when help is asked for (`describe.documentation`); pydantic's
    `use_attribute_docstrings` would read them at every start, which takes longer than everything else here.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
    )

    @classmethod
    def fields_by_key(cls) -> dict[str, FieldInfo]:
        """List the fields by the key that users type: the attribute's name, or its alias if it has one."""
        return {field.alias or name: field for name, field in cls.model_fields.items()}

    def entries(self) -> list[tuple[str, Any]]:
        """List keys, as users type them, and values."""
        return [
            (field.alias or name, getattr(self, name))
            for name, field in type(self).model_fields.items()
        ]

    @model_validator(mode="before")
    @classmethod
    def _complete_kinds(cls, data: Any) -> Any:
        """Let `fast` stand for `{kind: fast}`, and a map without `kind` mean the default's kind."""
        if not isinstance(data, dict):
            return data
        completed = {}
        for name, field in cls.fields_by_key().items():
            if field.discriminator != "kind" or name not in data:
                continue
            value = data[name]
            if isinstance(value, str):
                completed[name] = {"kind": value}
            elif isinstance(value, dict) and "kind" not in value and hasattr(field.default, "kind"):
                completed[name] = {"kind": field.default.kind, **value}
        return {**data, **completed} if completed else data


_WHOLE = re.compile(r"[+-]?\d+(_\d+)*")
_REAL = re.compile(r"[+-]?(\d+(_\d+)*\.?(\d+(_\d+)*)?|\.\d+(_\d+)*)([eE][+-]?\d+)?")
MAX_COUNT = 10**15
"""Largest count: a thousand times the longest run anyone plans, and far below where int64 overflows."""


def _read_count(value: Any) -> Any:
    """Accept `5_000_000_000`, `5e9` and `2.5e6` where a whole number is meant."""
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= 30:  # longer ones are left to pydantic, which says that they are no counts
            if _WHOLE.fullmatch(text):
                return int(text)
            if re.search("[eE]", text) and _REAL.fullmatch(text):
                number = Decimal(text.replace("_", ""))
                if number.adjusted() <= 15 and number == number.to_integral_value():
                    return int(number)
    return value


def _read_number(value: Any) -> Any:
    """Accept `1_000.5` and `.5` as well as Python's own spellings of a number."""
    if isinstance(value, str) and _REAL.fullmatch(value.strip()):
        return value.strip().replace("_", "")
    return value


Count = Annotated[int, BeforeValidator(_read_count), Field(le=MAX_COUNT)]
"""A whole number that may be typed as `5_000_000_000` or `5e9`."""

Number = Annotated[float, BeforeValidator(_read_number)]
"""A real number that may be typed as `.5`, `3e-4` or `1_000.5`."""
