"""What the records of a W&B log say: a reader of the protobuf wire format for the dozen fields that are needed.

Numbers of fields cannot change without making old files unreadable for W&B itself, so they are the stable part of the
format. Unknown fields are skipped. Nothing here imports wandb or protobuf.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from coglab.engine.jit import helper, kernel
from coglab.tracking.ledger_format import as_float

HISTORY, SUMMARY, CONFIG, METRIC, RUN, EXIT, PREEMPTING, ALERT, ENVIRONMENT = (
    2,
    3,
    5,
    12,
    17,
    18,
    23,
    10,
    26,
)
FACTS = frozenset({CONFIG, METRIC, RUN, EXIT, PREEMPTING, ALERT})
VALUE_JSON = 16

Data = bytes | memoryview


class WireError(ValueError):
    """The bytes are no message."""


def fields(data: Data, start: int = 0) -> Iterator[tuple[int, int, Any]]:
    """Take a message apart.

    Args:
        data: the bytes.
        start: where to begin.

    Yields:
        Field number, wire type, and value: an int for 0, 1 and 5, a slice of `data` for 2.

    Raises:
        WireError: the bytes end early or hold an unknown wire type.
    """
    at, size = start, len(data)
    while at < size:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, wire, value
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            if at + width > size:
                raise WireError("cut")
            yield number, wire, int.from_bytes(data[at : at + width], "little")
            at += width
        elif wire == 2:
            length, at = _varint(data, at)
            if at + length > size:
                raise WireError("cut")
            yield number, wire, data[at : at + length]
            at += length
        else:
            raise WireError(f"wire type {wire}")


def _varint(data: Data, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise WireError("cut")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise WireError("a varint of more than ten bytes")


def _text(data: Any) -> str:
    return bytes(data).decode("utf-8", "replace") if not isinstance(data, int) else ""


@dataclass
class LogFacts:
    """What a log says beside its rows.

    Attributes:
        config: nested as W&B keeps it; keys removed later are gone.
        summary: flat name -> number.
        metrics: metric or glob -> the metric that it is drawn over.
        undecodable: records that could not be read.
    """

    run: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    changed: dict[str, Any] = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, str] = field(default_factory=dict)
    exit_code: int | None = None
    preempting: bool = False
    alerts: int = 0
    undecodable: int = 0

    def take(self, kind: int, data: Data, start: int) -> None:
        """Add one record; what cannot be decoded is counted."""
        try:
            for number, wire, value in fields(data, start):
                if number == kind and wire == 2:
                    self._take(kind, value)
        except (WireError, RecursionError):
            self.undecodable += 1

    def _take(self, kind: int, message: Data) -> None:
        if kind == RUN:
            self._take_run(message)
        elif kind == CONFIG:
            before = json.dumps(self.config, default=str) if self.config else ""
            _update(self.config, message)
            if before and json.dumps(self.config, default=str) != before:
                self.changed["config"] = True
        elif kind == SUMMARY:
            _update_numbers(self.summary, message)
        elif kind == METRIC:
            names = {number: _text(value) for number, wire, value in fields(message) if wire == 2}
            name = names.get(1) or names.get(2)
            if name and names.get(4):
                self.metrics[name] = names[4]
        elif kind == EXIT:
            values = {number: value for number, wire, value in fields(message) if wire == 0}
            self.exit_code = int(np.int32(np.uint32(values.get(1, 0) & 0xFFFFFFFF)))
        elif kind == PREEMPTING:
            self.preempting = True
        elif kind == ALERT:
            self.alerts += 1

    def _take_run(self, message: Data) -> None:
        names = {
            1: "id",
            2: "entity",
            3: "project",
            6: "group",
            7: "job_type",
            8: "name",
            9: "notes",
        }
        for number, wire, value in fields(message):
            if number == 4 and wire == 2:
                _update(self.config, value)
            elif number == 10 and wire == 2:
                self.run.setdefault("tags", []).append(_text(value))
            elif number == 14 and wire == 0:
                self.run["starting_step"] = value
            elif number == 17 and wire == 2:
                stamp = {n: v for n, w, v in fields(value) if w == 0}
                self.run["start"] = stamp.get(1, 0) + stamp.get(2, 0) / 1e9
            elif number in names and wire == 2 and len(value):
                self.run[names[number]] = _text(value)


def item(data: Data) -> tuple[list[str], Any, bool]:
    """Read one item of a history, configuration or summary.

    Returns:
        Its path, its value, and whether the value could be read. Typed values (a coming form of the format) are read
        where there is no JSON text.
    """
    path: list[str] = []
    value: Any = None
    is_read = False
    for number, wire, content in fields(data):
        if number == 1 and wire == 2 and len(content):
            path = [_text(content)]
        elif number == 2 and wire == 2:
            path.append(_text(content))
        elif number == VALUE_JSON and wire == 2:
            try:
                value, is_read = json.loads(bytes(content)), True
            except (ValueError, RecursionError):
                is_read = False
        elif not is_read and 3 <= number <= 8:
            value, is_read = _typed(number, wire, content)
    return path, value, is_read


def _typed(number: int, wire: int, content: Any) -> tuple[Any, bool]:
    """A typed value: 3 none, 4 boolean, 5 integer, 6 number, 7 text, 8 JSON."""
    if number == 3:
        return None, True
    if number == 4 and wire == 0:
        return bool(content), True
    if number == 5 and wire == 0:
        return content - 2**64 if content >= 2**63 else content, True
    if number == 6 and wire == 1:
        return float(np.uint64(content).view(np.float64)), True
    if number == 7 and wire == 2:
        return _text(content), True
    if number == 8 and wire == 2:
        try:
            return json.loads(bytes(content)), True
        except (ValueError, RecursionError):
            return None, False
    return None, False


def _update(tree: dict[str, Any], message: Data) -> None:
    """Lay the updates of a message over a nested configuration and take out what it removes."""
    for number, wire, value in fields(message):
        if wire != 2 or number not in (1, 2):
            continue
        path, content, is_read = item(value)
        if not path:
            continue
        place = tree
        for key in path[:-1]:
            inner = place.get(key)
            if not isinstance(inner, dict):
                inner = place[key] = {}
            place = inner
        if number == 2:
            place.pop(path[-1], None)
        elif is_read:
            place[path[-1]] = content


def _update_numbers(flat: dict[str, float], message: Data) -> None:
    for number, wire, value in fields(message):
        if number == 1 and wire == 2:
            path, content, is_read = item(value)
            if is_read and isinstance(content, int | float) and not isinstance(content, bool):
                flat[".".join(path)] = as_float(content)


def as_number(text: bytes) -> float | None:
    """A JSON number, or one of the words that stand for non-finite ones; None if it is something else."""
    try:
        return float(text)
    except ValueError:
        word = text.strip(b'"')
        if word in (b"NaN", b"Infinity", b"-Infinity"):
            return float(word)
        return {b"true": 1.0, b"false": 0.0}.get(text)


def history_values(data: Data, start: int) -> dict[str, float]:
    """Every number of one history record, by dotted name; the slow way, for any form of the format."""
    values: dict[str, float] = {}
    for number, wire, message in fields(data, start):
        if number != HISTORY or wire != 2:
            continue
        for inner, inner_wire, content in fields(message):
            if inner == 1 and inner_wire == 2:
                path, value, is_read = item(content)
                if is_read:
                    _flatten(values, ".".join(path), value)
    return values


def _flatten(values: dict[str, float], name: str, value: Any) -> None:
    if isinstance(value, dict):
        if "_type" not in value:  # histograms and media are no numbers
            for key, inner in value.items():
                _flatten(values, f"{name}.{key}", inner)
    elif isinstance(value, bool | int | float):
        values[name] = as_float(value)
    elif value in ("NaN", "Infinity", "-Infinity"):
        values[name] = math.nan if value == "NaN" else float(value)


@helper
def _read_varint(data: Any, at: int, end: int) -> tuple[int, int]:
    """A varint and the offset behind it; -1 as offset if it is cut or too long."""
    value = 0
    shift = 0
    while at < end and shift < 70:
        byte = int(data[at])
        at += 1
        if shift < 63:  # the tenth byte of a negative number; no length or tag has one
            value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    return 0, -1


@kernel(what="the reader of W&B logs", seconds=5)
def find_values(data: Any, start: int, names: Any, name_start: Any, out: Any) -> int:
    """Find the JSON texts of a few metrics in one history record, without decoding the others.

    Args:
        data: `[B]` uint8, the record.
        start: where its payload field begins.
        names: `[C]` uint8, the wanted names one after the other, nested ones joined by dots.
        name_start: `[W + 1]` int64, where each name begins.
        out: `[W, 2]` int64; written: begin and end of each text in `data`, -1 where the row has none.

    Returns:
        0; 1 if the record holds a form that only `history_values` reads; 2 if it is no message.
    """
    num_wanted = name_start.shape[0] - 1
    for w in range(num_wanted):
        out[w, 0] = -1
        out[w, 1] = -1
    size = data.shape[0]
    tag, at = _read_varint(data, start, size)
    if at < 0 or tag != 18:  # field 2 (history), a message
        return 2
    length, at = _read_varint(data, at, size)
    if at < 0 or length < 0 or length > size - at:
        return 2
    end = at + length
    needs_slow = 0
    while at < end:
        tag, at = _read_varint(data, at, end)
        if at < 0:
            return 2
        wire = tag & 7
        if wire == 0:
            _, at = _read_varint(data, at, end)
            if at < 0:
                return 2
            continue
        if wire == 1 or wire == 5:
            at += 8 if wire == 1 else 4
            if at > end:
                return 2
            continue
        if wire != 2:
            return 2
        length, at = _read_varint(data, at, end)
        if at < 0 or length < 0 or length > end - at:
            return 2
        if tag != 10:  # field 1: an item
            at += length
            continue
        stop = at + length
        key_begin, key_end, key_parts = -1, -1, 0
        text_begin, text_end, has_typed = -1, -1, False
        while at < stop:
            tag, at = _read_varint(data, at, stop)
            if at < 0:
                return 2
            wire = tag & 7
            number = tag >> 3
            if wire == 2:
                length, at = _read_varint(data, at, stop)
                if at < 0 or length < 0 or length > stop - at:
                    return 2
                if number == 1 or number == 2:
                    if length > 0:
                        key_begin, key_end = at, at + length
                        key_parts += 1
                elif number == 16:
                    text_begin, text_end = at, at + length
                elif number >= 3 and number <= 8:
                    has_typed = True
                at += length
            elif wire == 0:
                _, at = _read_varint(data, at, stop)
                if at < 0:
                    return 2
                has_typed = has_typed or (number >= 3 and number <= 8)
            elif wire == 1 or wire == 5:
                at += 8 if wire == 1 else 4
                if at > stop:
                    return 2
                has_typed = has_typed or (number >= 3 and number <= 8)
            else:
                return 2
        if text_begin < 0:
            if has_typed:
                needs_slow = 1
            continue
        if key_parts != 1 or (
            text_end > text_begin and data[text_begin] == 123
        ):  # nested: several keys, or a JSON object
            needs_slow = max(needs_slow, _may_hold(data, key_begin, key_end, names, name_start))
            continue
        length = key_end - key_begin
        for w in range(num_wanted):
            begin = name_start[w]
            if name_start[w + 1] - begin == length:
                same = True
                for i in range(length):
                    if data[key_begin + i] != names[begin + i]:
                        same = False
                        break
                if same:
                    out[w, 0] = text_begin
                    out[w, 1] = text_end
    return needs_slow


@helper
def _may_hold(data: Any, begin: int, end: int, names: Any, name_start: Any) -> int:
    """Whether a nested item may hold a wanted metric: the last part of its key is in none of them if not."""
    length = end - begin
    for w in range(name_start.shape[0] - 1):
        for offset in range(name_start[w], name_start[w + 1] - length + 1):
            same = True
            for i in range(length):
                if data[begin + i] != names[offset + i]:
                    same = False
                    break
            if same:
                return 1
    return 0
