"""As much of JSON Schema as `schema.json` uses."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

SCHEMA = json.loads(files("coglab.analysis").joinpath("schema.json").read_text())
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def check(value: Any, schema: dict[str, Any] = SCHEMA, path: str = "$") -> None:
    if "enum" in schema:
        assert value in schema["enum"], (path, value)
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert not kinds or any(_is(value, kind) for kind in kinds), (path, value, kinds)
    if isinstance(value, dict):
        missing = set(schema.get("required", ())) - set(value)
        assert not missing, (path, missing)
        inner = schema.get("properties", {})
        for key, content in value.items():
            below = inner.get(key, schema.get("additionalProperties"))
            if below is not None:
                check(content, below, f"{path}.{key}")
    if isinstance(value, list) and "items" in schema:
        for index, content in enumerate(value):
            check(content, schema["items"], f"{path}[{index}]")


def _is(value: Any, kind: str) -> bool:
    if kind in ("number", "integer"):
        return not isinstance(value, bool) and isinstance(
            value, int if kind == "integer" else (int, float)
        )
    return isinstance(value, _TYPES[kind])
