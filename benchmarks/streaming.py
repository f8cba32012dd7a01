"""Takes nothing; gives the memory of training on a folder of JPEGs against one half as large.

Two folders of made JPEGs (benchmarks/reading.py makes them) are trained on by a whole `ltspec run`
each: one epoch, one-shot pruning, one epoch more, resized crops and mirrors. The peak resident size
is that of the run's own process, read from the process itself at its end; images are decoded in
processes beside it.

    python benchmarks/streaming.py [--images 50000] [--backend numpy]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from reading import make

SPEC = """
ltspec: 1
name: streaming
model: {{family: lenet, widths: [16]}}
data: {{name: folder, path: {path}, size: 32, augment: resized-crop-flip}}
train: {{duration: 1ep, batch_size: 250, optimizer: {{name: sgd, lr: 0.05, momentum: 0.9}}}}
prune: {{schedule: {{name: one-shot, density: 0.5}}}}
"""
PROGRAM = """
import resource, sys, time
from ltspec.cli.main import cli
began = time.perf_counter()
cli.main(sys.argv[1:], standalone_mode=False)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print("measured", peak, time.perf_counter() - began)
"""


def train(count: int, backend: str) -> dict[str, float]:
    """Peak in megabytes and seconds of a run on so many images."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "images", count, 64)
        spec = Path(folder) / "streaming.yaml"
        spec.write_text(SPEC.format(path=Path(folder) / "images"), encoding="utf-8")
        call = ["run", str(spec), "--backend", backend, "--device", "cpu", "--quiet"]
        said = subprocess.run(
            [sys.executable, "-c", PROGRAM, *call], check=True, capture_output=True, text=True
        ).stdout
    _, peak, seconds = said.splitlines()[-1].split()
    return {
        "images": count,
        "peak_mb": round(int(peak) / 1024, 1),
        "seconds": round(float(seconds), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--backend", default="numpy")
    options = parser.parse_args()
    counts = (options.images // 2, options.images)
    print(json.dumps([train(count, options.backend) for count in counts], indent=1))


if __name__ == "__main__":
    main()
