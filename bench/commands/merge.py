"""`export --merge`: a finished cell as a checkpoint of a plain network of timm's, with the method folded into it.

DIR/model.safetensors     the weights, for `timm.create_model(..., checkpoint_path=...)`
DIR/model.json            backbone, preprocessing, classes, method, accuracy and costs, as in an export
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from safetensors.torch import save_file

from bench.export import export, file_digest
from bench.predict import merged_network, read_note
from bench.records.cells import CellResult
from bench.records.store import Store
from bench.spec import UserError

MODEL, PAGE = "model.safetensors", "model.json"
MADE_BY = "Head2Head: `run_bench.py export --merge`; timm.create_model(timm, checkpoint_path=delta, **args) loads it"


def export_merged(result: CellResult, store: Store, to: Path, checkpoint: Path | None) -> list[Path]:
    """Writes the checkpoint and its page into the folder `to`, and returns both files.

    Raises UserError for a method that does not fold, and where `export` and `load_adapted` do.
    """
    with TemporaryDirectory() as home:
        export(result, store, Path(home) / "delta")
        note = read_note(Path(home) / "delta")
        network = merged_network(Path(home) / "delta", checkpoint)
    try:
        to.mkdir(parents=True, exist_ok=True)
        if any(to.iterdir()):
            raise UserError(f"{to} is not empty; name a new folder with --to")
        save_file({name: value.contiguous() for name, value in network.state_dict().items()}, to / MODEL)
        page = replace(note, made_by=MADE_BY, delta=MODEL, sha256=file_digest(to / MODEL))
        (to / PAGE).write_text(json.dumps(asdict(page), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write to {to} ({error.strerror}); make room, or name another folder") from error
    return [to / MODEL, to / PAGE]
