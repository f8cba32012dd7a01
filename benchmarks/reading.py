"""Takes nothing; gives how fast a folder of JPEGs is read, and in how much memory.

Two folders of made JPEGs are gone through once, in pieces and with random boxes as in training:
each in a process of its own, whose peak of resident memory is that of the run; the peak of each
process that reads for it stands beside it (on Linux, which alone says it). Then decoding alone: as
many processes, each calling the decoder on its share of the same files, with nothing handed over.

    python benchmarks/reading.py [--images 50000] [--side 64] [--size 32] [--processes 2]
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from PIL import Image

from ltspec.data import images
from ltspec.data.folder import folder_facts
from ltspec.data.readers import Readers, cores
from ltspec.data.streamed import StreamedSplit, read_folder

PIECE = 2048
"""Images a piece: 16 steps at batch 128."""
REPEATS = 3


def make(folder: Path, count: int, side: int) -> None:
    """``count`` training images of ten classes and ten for testing: smooth noise, as photographs
    are, so that a JPEG takes about as many bytes a pixel."""
    numbers = np.random.Generator(np.random.PCG64(0))
    coarse = numbers.integers(0, 256, (256, side // 4, side // 4, 3)).astype(np.uint8)
    smooth = [Image.fromarray(noise).resize((side, side)) for noise in coarse]
    for split, each in (("train", count // 10), ("test", 1)):
        for class_ in range(10):
            place = folder / split / str(class_)
            place.mkdir(parents=True)
            for number in range(each):
                smooth[(class_ * each + number) % 256].save(place / f"{number:05}.jpg", quality=90)


def opened(folder: Path, size: int) -> StreamedSplit:
    """The training split."""
    return read_folder(folder_facts(folder, size, None).name, folder, size, None).train


def boxes(count: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Boxes as of a tape."""
    numbers = np.random.Generator(np.random.PCG64(1))
    return numbers.random((count, 4), np.float32)


def go_through(folder: Path, size: int, processes: int) -> None:
    """One epoch in random order; prints what it took."""
    split = opened(folder, size)
    order = np.random.Generator(np.random.PCG64(2)).permutation(len(split))
    draws = boxes(len(split))
    due = [
        (order[begin : begin + PIECE], draws[begin : begin + PIECE])
        for begin in range(0, len(split), PIECE)
    ]
    with Readers(processes) as readers:
        list(readers.pieces(split, [(order[:16], None)] * processes))  # the processes start
        began, total = time.perf_counter(), 0
        for piece in readers.pieces(split, due):
            total += int(piece[:, 0, 0, 0].sum())
        seconds = time.perf_counter() - began
        of_readers = [peak_mb(child.pid) for child in multiprocessing.active_children()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"images": len(split), "seconds": seconds, "peak_mb": peak, "sum": total}
    print(json.dumps({**found, "readers_peak_mb": [mb for mb in of_readers if mb is not None]}))


def peak_mb(process: int | None) -> float | None:
    """Peak of the resident memory of another process that still runs."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def alone(
    job: tuple[list[str], int, int, np.ndarray[tuple[int, int], np.dtype[np.float32]]],
) -> int:
    """Decode a share of the files; nothing is kept."""
    paths, size, shorter_side, draws = job
    decoded = (
        images.decode(path, size, shorter_side, each)
        for path, each in zip(paths, draws, strict=True)
    )
    return sum(int(image[0, 0, 0]) for image in decoded)


def decode_alone(split: StreamedSplit, processes: int) -> float:
    """Images a second without handing them over."""
    draws = boxes(len(split))
    shares = [
        (
            [split.path(i) for i in range(k, len(split), processes)],
            split.size,
            split.shorter_side,
            draws[k::processes],
        )
        for k in range(processes)
    ]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.map(alone, [(paths[:16], *rest[:2], rest[2][:16]) for paths, *rest in shares])
        began = time.perf_counter()
        pool.map(alone, shares, chunksize=1)
        return len(split) / (time.perf_counter() - began)


def child(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """:func:`go_through` in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--size", str(options.size)]
    command += ["--processes", str(options.processes)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=64, help="of a made image, in pixels")
    parser.add_argument("--size", type=int, default=32, help="that a network gets, in pixels")
    parser.add_argument("--processes", type=int, default=cores())
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        go_through(options.folder, options.size, options.processes)
        return
    with tempfile.TemporaryDirectory() as temporary:
        large, small = Path(temporary, "large"), Path(temporary, "small")
        make(large, options.images, options.side)
        make(small, options.images // 10, options.side)
        split = opened(small, options.size)
        ratios, speeds, peaks = [], [], []
        for _ in range(REPEATS):  # in turn, since single figures move
            there, here = child(small, options), decode_alone(split, options.processes)
            ratios.append(there["images"] / there["seconds"] / here)
            speeds.append(here)
            peaks.append(there["peak_mb"])
        whole = child(large, options)
    print(
        json.dumps(
            {
                "cores": os.cpu_count(),
                "processes": options.processes,
                "python": sys.version.split()[0],
                "pillow": PIL.__version__,
                "images": options.images,
                "side": options.side,
                "size": options.size,
                "decoding_alone_images_per_s": round(statistics.median(speeds)),
                "reading_to_decoding_alone": round(statistics.median(ratios), 2),
                "large_images_per_s": round(whole["images"] / whole["seconds"]),
                "peak_mb_small": round(statistics.median(peaks), 1),
                "peak_mb_large": round(whole["peak_mb"], 1),
                "readers_peak_mb_large": [round(mb, 1) for mb in whole["readers_peak_mb"]],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
