"""How the threads of OpenMP wait for each other: a moment awake, then asleep."""

from __future__ import annotations

import os
import sys

# As they come, threads wait awake for milliseconds after each product. Where another program wants the same cores, the
# threads then hold up those that they wait for, by a factor of twenty. GCC's runtime, which comes with torch on Linux,
# counts turns of a loop; LLVM's and Intel's, which come with it elsewhere, count milliseconds.
BRIEF = {"GOMP_SPINCOUNT": "1000", "KMP_BLOCKTIME": "1"}
CHOICES = {*BRIEF, "OMP_WAIT_POLICY", "KMP_LIBRARY"}  # with any of these the user has said how threads wait


def wait_briefly() -> None:
    """Sets how long threads wait awake, for this process and those that it starts.

    A runtime reads its environment once, when it is loaded. So nothing is done after torch is imported, nor where the
    user has chosen.
    """
    if "torch" not in sys.modules and CHOICES.isdisjoint(os.environ):
        os.environ.update(BRIEF)
