"""The transaction log of W&B, `*.wandb`: whole records out of a file that may still be written, cut or damaged.

A file begins with 7 bytes (`:W&B`, magic 0xBEE1, version 0), then come blocks of 32 KiB in the LevelDB log format:
pieces of records, each with a header of 7 bytes (CRC-32 of type and data, length, type). A piece never crosses a block.
Reading stops quietly at the first incomplete piece; after a wrong checksum it goes on in the next block.

Source: LevelDB, doc/log_format.md; W&B's use of it as measured on files of 0.17 to 0.31 (docs/07-analysis.md).
"""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

MAGIC = b":W&B\xe1\xbe"
BLOCK = 32_768
HEADER = 7
WHOLE, FIRST, MIDDLE, LAST = 1, 2, 3, 4
CHUNK = 128 * BLOCK
"""Bytes read at once."""

MAX_RECORD = 256 * 2**20
"""A record longer than this is taken for damage."""

_PIECE = struct.Struct("<IHB")


_ABOUT_THE_RECORD = frozenset({1, 16, 19, 200})
"""Fields of a record beside its payload: number, control, uuid, info."""

_NUMBER = 0x08
"""Tag of a record's number."""


class LogError(Exception):
    """The file is no log that can be read; the text says why."""


class Record(NamedTuple):
    """One whole record: its number in W&B's schema (2 history, 17 run, ...), its bytes, and where it begins in them."""

    kind: int
    data: bytes | memoryview
    start: int


class LogReader:
    """Reads the records of one file in chunks; neither a file that grows nor one that shrinks meanwhile disturbs it.

    Args:
        path: a `.wandb` file.

    Attributes:
        size: bytes when it was opened; what is written later is not read.
        lost_bytes: bytes skipped because of damage.
        lost_at: offset of the first damage, None without any.
        cut_at: offset of a record within which the file ends: it is being written, or its writer was killed.

    Raises:
        LogError: it is empty, no such file, or of a newer version.
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost_bytes = 0
        self.lost_at: int | None = None
        self.cut_at: int | None = None
        with open(path, "rb") as file:
            head = file.read(HEADER)
            self.size = file.seek(0, 2)
        if len(head) < HEADER:
            raise LogError("it is cut within the first 7 bytes")
        if head[:6] != MAGIC:
            raise LogError("it is no W&B transaction log (wrong magic)")
        if head[6] != 0:
            raise LogError(f"it has version {head[6]} of the format; version 0 can be read")
        if self.size == HEADER:
            raise LogError("empty run: the process was killed before it wrote anything")

    def records(
        self, only: frozenset[int] | None = None, tail: int | None = None
    ) -> Iterator[Record]:
        """Yield the records in order.

        Args:
            only: numbers of records to yield; the checksums of others are not verified. Left out, all.
            tail: read about this many bytes at the end only; the record that is cut there counts as lost.

        Yields:
            Records; their bytes are valid until the next one is asked for.
        """
        pieces: list[bytes] | None = None
        pieces_length = number = start = record_at = 0
        is_wanted = True
        unpack, crc32 = _PIECE.unpack_from, zlib.crc32
        first = 0 if tail is None else max(0, (self.size - tail) // BLOCK * BLOCK)
        for base, view in self._chunks(first):
            size = len(view)
            at = HEADER if base == 0 else 0
            while at < size:
                left = BLOCK - at % BLOCK
                if left < HEADER:
                    at += left
                    continue
                if at + HEADER > size:
                    self.cut_at = base + at
                    break
                crc, length, kind = unpack(view, at)
                if not WHOLE <= kind <= LAST or length > left - HEADER:
                    pieces = None
                    # Zeros are padding; a whole tail of them is what a power cut leaves.
                    if crc or length or kind or any(view[at : at + left]):
                        self._lose(base + at, min(left, size - at))
                    at += left
                    continue
                begin = at + HEADER
                end = begin + length
                if end > size:
                    self.cut_at = base + at
                    break
                body = view[begin:end]
                if kind in (WHOLE, FIRST):
                    number, start = _kind(body)
                    is_wanted = only is None or number in only
                    pieces, pieces_length, record_at = [], 0, base + at
                elif pieces is None:
                    self._lose(base + at, HEADER + length)  # an orphan: its beginning was lost
                    at = end
                    continue
                if is_wanted:
                    pieces_length += length
                    if crc32(view[begin - 1 : end]) != crc or pieces_length > MAX_RECORD:
                        pieces = None
                        self._lose(base + at, min(left, size - at))
                        at += left
                        continue
                at = end
                if kind == WHOLE:
                    pieces = None
                    if is_wanted:
                        yield Record(number, body, start)
                elif is_wanted:
                    assert pieces is not None
                    pieces.append(bytes(body))
                    if kind == LAST:
                        whole, pieces = b"".join(pieces), None
                        yield Record(number, whole, start)
                elif kind == LAST:
                    pieces = None
        if pieces is not None:  # its beginning is there, its end is not
            self.cut_at = record_at

    def _chunks(self, first: int) -> Iterator[tuple[int, memoryview]]:
        """Offset and bytes of one run of blocks after the other, in one buffer that is used again."""
        buffer = memoryview(bytearray(min(CHUNK, self.size)))
        with open(self.path, "rb", buffering=0) as file:
            base = file.seek(first)
            while base < self.size:
                wanted = buffer[: min(len(buffer), self.size - base)]
                got = 0
                while got < len(wanted):
                    count = file.readinto(wanted[got:])
                    if not count:
                        break  # it has become shorter
                    got += count
                yield base, wanted[:got].toreadonly()
                if got < len(wanted):
                    return
                base += got

    def _lose(self, at: int, length: int) -> None:
        """Count damage."""
        if self.lost_at is None:
            self.lost_at = at
        self.lost_bytes += length


def missing_records(path: Path) -> int | None:
    """How many records of a damaged log are lost, by the numbers that they carry; what a cut end held is not counted.

    Args:
        path: a log that can be read.

    Returns:
        The count; None if the records that are left are not numbered one after the other.
    """
    numbers = [_number(data) for _, data, _ in LogReader(path).records()]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or any(b <= a for a, b in itertools.pairwise(known)):
        return None
    return known[-1] - known[0] + 1 - len(known) if known else None


def _number(record: bytes | memoryview) -> int | None:
    """A record's number; None if it does not begin with one."""
    if len(record) < 2 or record[0] != _NUMBER:
        return None
    value, end = _varint(memoryview(record), 1)
    return value if end <= len(record) else None


def _kind(body: memoryview) -> tuple[int, int]:
    """The number of a record's payload field and where that field begins.

    Fields that say nothing of the run (the record's number, control, uuid, info) stand before or behind the payload as
    the writer likes; the client's compiled core puts control first.
    """
    at, size = 0, len(body)
    if size > 4 and body[0] == _NUMBER:
        # Nearly all records: their number in up to three bytes, then a payload field below 16, whose tag is one byte.
        behind = 2 if body[1] < 0x80 else 3 if body[2] < 0x80 else 4
        tag = body[behind]
        if 0x10 <= tag < 0x80 and body[behind - 1] < 0x80:
            return tag >> 3, behind
    while at < size:
        tag, position = _varint(body, at)
        number, wire = tag >> 3, tag & 7
        if number not in _ABOUT_THE_RECORD:
            return (number, at) if position <= size else (0, at)
        if wire == 0:
            _, at = _varint(body, position)
        elif wire == 2:
            length, position = _varint(body, position)
            at = position + length
        else:
            return 0, at
    return 0, size


def _varint(body: memoryview, at: int) -> tuple[int, int]:
    """A number of at most ten bytes and where it ends; an end behind the body if it is cut."""
    value = 0
    for index in range(10):
        if at + index >= len(body):
            return 0, len(body) + 1
        byte = body[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if not byte & 0x80:
            return value, at + index + 1
    return 0, len(body) + 1
