"""Which test images were classified correctly, as text in a record: one bit an image, compressed.

5,400 images take 916 bytes at an accuracy of 50 %, 560 at 90 % and 168 at 99 %.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np
from numpy.typing import NDArray

Right = NDArray[np.bool_]  # (images,), in the order of the test set


def pack(right: Right) -> str:
    """The bits as a zlib stream in Base64."""
    return base64.b64encode(zlib.compress(np.packbits(right).tobytes(), 9)).decode("ascii")


def unpack(text: object, count: int) -> Right | None:
    """The bits (count,) that were packed; None where the text is damaged or has another number of images."""
    if not isinstance(text, str):
        return None
    size = -(-count // 8)
    stream = zlib.decompressobj()
    try:
        packed = stream.decompress(base64.b64decode(text, validate=True), size + 1)  # no more, whatever it says
    except (ValueError, zlib.error):
        return None
    if len(packed) != size or not stream.eof or stream.unused_data:
        return None
    return np.unpackbits(np.frombuffer(packed, np.uint8), count=count).astype(bool)
