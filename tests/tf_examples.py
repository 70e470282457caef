"""Writes tf.Example records and TFRecord files, for tests of what reads them."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence


def example(features: Mapping[str, bytes | int | Sequence[float] | Sequence[int]]) -> bytes:
    """A serialized tf.Example."""
    entries = b"".join(chunk(1, chunk(1, name.encode()) + chunk(2, feature(value))) for name, value in features.items())
    return chunk(1, entries)


def feature(value: bytes | int | Sequence[float] | Sequence[int]) -> bytes:
    """The Feature message of a value: bytes, integers or floats."""
    if isinstance(value, bytes):
        return chunk(1, chunk(1, value))
    values = [value] if isinstance(value, int) else list(value)
    if values and all(isinstance(each, int) for each in values):
        return chunk(3, chunk(1, b"".join(varint(int(each) % (1 << 64)) for each in values)))
    return chunk(2, chunk(1, struct.pack(f"<{len(values)}f", *values)))


def chunk(number: int, blob: bytes) -> bytes:
    """A field of protobuf that holds bytes."""
    return varint(number << 3 | 2) + varint(len(blob)) + blob


def varint(value: int) -> bytes:
    """An integer, seven bits a byte."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def tfrecord(blobs: Sequence[bytes]) -> bytes:
    """A TFRecord file; the checksums are left at zero, as they are not looked at."""
    return b"".join(struct.pack("<Q4x", len(blob)) + blob + bytes(4) for blob in blobs)
