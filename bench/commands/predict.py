"""The command `predict`: names the classes of images with an exported folder."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from bench.commands.codes import DONE, INCOMPLETE
from bench.images.files import image_files
from bench.predict import load_adapted, predict
from bench.spec import UserError


def main(asked: Namespace) -> int:
    """Names the classes of the images that the words name."""
    file = Path(asked.checkpoint[-1]) if asked.checkpoint else None
    return show(asked.words, file, asked.device, asked.top, asked.json)


def show(words: Sequence[str], checkpoint: Path | None, device: str, top: int, as_json: bool) -> int:
    """Prints the classes of images batch by batch; 1 when some could not be read, else 0."""
    if top < 1:
        raise UserError(f"--top {top} names no class; give 1 or more")
    if not words:
        raise UserError("predict what with what? write `predict DIR IMAGES`, DIR being what `export` wrote")
    paths = image_files([Path(word) for word in words[1:]])
    loaded = load_adapted(Path(words[0]), checkpoint, device)
    image_width = max(len(str(path)) for path in paths)
    class_width = max(len("class"), *map(len, loaded.classes))
    if not as_json:
        print(f"{'image':<{image_width}}  {'class':<{class_width}}  probability  next")
    broken = 0
    for predictions in predict(loaded, paths, top):
        for one in predictions:
            broken += bool(one.error)
            if one.error and not as_json:
                print(f"run_bench.py: {one.error}", file=sys.stderr)
            else:
                print(one.line() if as_json else one.row(image_width, class_width))
        sys.stdout.flush()
    return INCOMPLETE if broken else DONE
