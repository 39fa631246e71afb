"""The benchmarks are programs beside each other, not a package: their folders go on the path as when they run."""

import sys
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path[:0] = [str(HERE), str(HERE / "peers")]
