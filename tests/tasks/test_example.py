"""tf.Example records are parsed without TensorFlow."""

from __future__ import annotations

import pytest

from tasks.readers import example
from tests import tf_examples


def test_examples_are_parsed() -> None:
    blob = tf_examples.example(
        {"name": b"\x00x", "label": -3, "many": [1, 300, 1 << 40], "floats": [0.5, -2.25], "none": b""}
    )
    found = example.parse(blob)
    assert found["name"] == [b"\x00x"] and found["none"] == [b""]
    assert [found[name].tolist() for name in ("label", "many", "floats")] == [  # type: ignore[union-attr]
        [-3],
        [1, 300, 1 << 40],
        [0.5, -2.25],
    ]


@pytest.mark.parametrize("blob", [b"\x0a\xff", b"\x0a\x05abc", b"\xff" * 12, b"\x0b"])
def test_what_is_no_example_is_an_error(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"integer does not end|longer than its message|none of protobuf's"):
        example.parse(blob)
