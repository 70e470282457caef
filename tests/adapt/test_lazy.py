"""Heavy modules by name: absent until one of their names is used, and then the modules themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.adapt import lazy
from tests.conftest import REPOSITORY


def test_a_module_is_imported_when_one_of_its_names_is_used() -> None:
    code = (
        "import sys; from bench.adapt.lazy import torch; print('torch' in sys.modules)\n"
        "print(torch.ones(2).sum().item(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "2.0", "True"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of libraries that peft imports
@pytest.mark.parametrize("name", lazy.__all__)
def test_every_name_stands_for_a_module(name: str) -> None:
    module = getattr(lazy, name)
    assert Path(module.__file__ or "").is_file()
    with pytest.raises(AttributeError, match="no attribute 'no_such_thing'"):
        _ = module.no_such_thing
