"""tf.Example records and the TFRecord files that hold them, parsed without TensorFlow.

Formats: tensorflow/core/example/{example,feature}.proto in protobuf's wire encoding, and for the files
https://www.tensorflow.org/tutorials/load_data/tfrecord: length (8 bytes), checksum (4), data, checksum (4).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bench.spec import UserError

Feature = list[bytes] | np.ndarray  # bytes, or float32 (n,), or int64 (n,)
Example = Mapping[str, Feature]
VARINT, EIGHT, CHUNK, FOUR = 0, 1, 2, 5  # protobuf's wire types
BYTES, FLOATS, INTS = 1, 2, 3  # which list a Feature holds


class Record(NamedTuple):
    """Where a record's data lies in its file, in bytes."""

    place: int
    size: int


def parse(blob: bytes | memoryview) -> dict[str, Feature]:
    """A serialized tf.Example as a mapping from names to features. Raises ValueError for bytes that are not one."""
    example: dict[str, Feature] = {}
    for _, features in fields(memoryview(blob)):
        for _, entry in fields(features):
            name, value = b"", memoryview(b"")
            for number, part in fields(entry):
                name, value = (bytes(part), value) if number == 1 else (name, part)
            example[name.decode()] = feature(value)
    return example


def feature(blob: memoryview) -> Feature:
    """The list that a Feature message holds: bytes, floats or integers."""
    for kind, values in fields(blob):
        if kind == BYTES:
            return [bytes(value) for _, value in fields(values)]
        packed = b"".join(bytes(value) for _, value in fields(values))
        return np.frombuffer(packed, "<f4") if kind == FLOATS else integers(packed)
    return []


def fields(blob: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Number and bytes of each field of a message, in order. A single integer comes as the bytes of its varint.

    Raises ValueError for bytes that are not a message.
    """
    at = 0
    while at < len(blob):
        tag, at = varint(blob, at)
        kind = tag & 7
        if kind == VARINT:
            end = varint(blob, at)[1]
        elif kind == CHUNK:
            length, at = varint(blob, at)
            end = at + length
        elif kind in (EIGHT, FOUR):
            end = at + (8 if kind == EIGHT else 4)
        else:
            raise ValueError(f"wire type {kind} is none of protobuf's")
        if end > len(blob):
            raise ValueError("a field is longer than its message")
        yield tag >> 3, blob[at:end]
        at = end


def varint(blob: memoryview | bytes, at: int) -> tuple[int, int]:
    """An integer at seven bits per byte, lowest first, and where it ends. Raises ValueError if it is cut off."""
    value = shift = 0
    while at < len(blob) and shift < 70:
        byte = blob[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("an integer does not end")


def integers(packed: bytes) -> np.ndarray:
    """All varints of some bytes, int64 (n,). Negative ones are written as their 64-bit two's complement."""
    values, at = [], 0
    while at < len(packed):
        value, at = varint(packed, at)
        values.append(value - (1 << 64) if value >> 63 else value)
    return np.array(values, dtype=np.int64)


def records(path: Path) -> Iterator[tuple[Record, bytes]]:
    """The records of a TFRecord file and where they lie. Raises UserError if the file is cut off."""
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        while left:
            head = file.read(12)
            size = struct.unpack("<Q4x", head)[0] if len(head) == 12 else left
            left -= 16 + size
            if left < 0:
                raise UserError(f"{path} is cut off; it may be half downloaded or unpacked: get it again")
            record = Record(file.tell(), size)
            yield record, file.read(size)
            file.seek(4, os.SEEK_CUR)
