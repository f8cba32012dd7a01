"""Images come from processes as they would from one, in order, and no process outlives its use."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from image_folders import write_images
from PIL import Image

from ltspec.data.folder import folder_facts
from ltspec.data.readers import Due, Readers
from ltspec.data.streamed import StreamedSplit, read_folder
from ltspec.errors import DataError

PROCESSES = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 small JPEGs of two classes."""
    return write_images(tmp_path_factory.mktemp("images"), 30, 2, suffix="jpg")


@pytest.fixture
def split(folder: Path) -> StreamedSplit:
    return read_folder(folder_facts(folder, 16, None).name, folder, 16, None).train


@pytest.fixture(scope="module")
def readers() -> Iterator[Readers]:
    with Readers(PROCESSES) as readers:
        yield readers


def due(count: int) -> list[Due]:
    numbers = np.random.Generator(np.random.PCG64(1))
    return [
        (numbers.permutation(60)[: 20 + i], numbers.random((20 + i, 4), np.float32))
        for i in range(count)
    ]


def test_pieces_are_what_one_process_decodes(split: StreamedSplit, readers: Readers) -> None:
    wanted = due(5)
    pieces = list(readers.pieces(split, wanted))
    assert len(pieces) == 5
    for piece, (indices, boxes) in zip(pieces, wanted, strict=True):
        assert np.array_equal(piece, split.decode(indices, boxes))
    (middle,) = readers.pieces(split, [(np.arange(60), None)])
    assert np.array_equal(middle, split.decode(np.arange(60)))
    (none,) = readers.pieces(split, [(np.arange(0), None)])
    assert none.shape == (0, 3, 16, 16)
    assert list(readers.pieces(split, [])) == []


def test_no_more_is_asked_for_than_one_piece_ahead(split: StreamedSplit, readers: Readers) -> None:
    asked = 0

    def endless() -> Iterator[Due]:
        nonlocal asked
        while True:
            asked += 1
            yield np.arange(10), None

    pieces = readers.pieces(split, endless())
    for given in range(1, 6):
        next(pieces)
        assert asked == given + 1
    pieces.close()  # type: ignore[attr-defined]
    assert len(list(readers.pieces(split, due(1)))) == 1


def test_an_unreadable_image_is_named_and_the_rest_goes_on(
    split: StreamedSplit, folder: Path, readers: Readers
) -> None:
    image = folder / "train" / "b" / "07.jpg"
    whole = image.read_bytes()
    image.write_bytes(whole[:-100])
    try:
        with pytest.raises(DataError, match=r"07.jpg cannot be decoded") as caught:
            list(readers.pieces(split, [(np.arange(60), None)] * 3))
        assert caught.value.code == "LT306"
        image.unlink()
        with pytest.raises(DataError, match=r"07.jpg cannot be read: No such file"):
            list(readers.pieces(split, [(np.arange(60), None)]))
    finally:
        image.write_bytes(whole)
    assert len(list(readers.pieces(split, due(2)))) == 2


def test_a_process_that_dies_is_told_with_its_file(split: StreamedSplit, folder: Path) -> None:
    fifo = folder / "train" / "a" / "03.jpg"
    whole = fifo.read_bytes()
    fifo.unlink()
    os.mkfifo(fifo)  # where a process waits until it is killed
    try:
        with Readers(PROCESSES) as readers:
            list(readers.pieces(split, [(np.array([40, 41]), None)]))
            assert readers._pool is not None
            started = readers.pieces(split, [(np.arange(1, 10), None)])

            def kill() -> None:
                while not any("03.jpg" in name for name in readers._at()):
                    time.sleep(0.01)
                for process in readers._pool._processes:  # type: ignore[union-attr]
                    os.kill(process, signal.SIGKILL)

            thread = threading.Thread(target=kill)
            thread.start()
            with pytest.raises(DataError, match=r"died; they were at .*03.jpg") as caught:
                next(started)
            thread.join()
            assert caught.value.code == "LT306"
            # The next pieces are read by new processes.
            assert len(list(readers.pieces(split, [(np.array([40, 41]), None)]))) == 1
    finally:
        fifo.unlink()
        fifo.write_bytes(whole)


ENDLESS = """\
import itertools, sys
from pathlib import Path
import numpy as np
from ltspec.data.folder import folder_facts
from ltspec.data.readers import Readers
from ltspec.data.streamed import read_folder

def main():
    folder = Path(sys.argv[1])
    split = read_folder(folder_facts(folder, 16, None).name, folder, 16, None).train
    with Readers(2) as readers:
        due = ((np.arange(60), None) for _ in itertools.count())
        for number, piece in enumerate(readers.pieces(split, due)):
            if number == 0:
                print(*readers._pool._processes, flush=True)

if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


def gone(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state == "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_run(how: signal.Signals, folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    run = subprocess.Popen(
        [sys.executable, script, folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert run.stdout is not None
    processes = [int(number) for number in run.stdout.readline().split()]
    assert processes
    if how == signal.SIGINT:
        os.killpg(run.pid, how)  # as a terminal does: to all of them
    else:
        run.kill()
    out, err = run.communicate(timeout=60)
    if how == signal.SIGINT:
        assert out == "stopped\n"
        assert err == ""
    deadline = time.monotonic() + 30
    while not all(gone(process) for process in processes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.needs_images
def test_real_images(real: Path, readers: Readers) -> None:
    folder = real / "cifar10-jpeg-imagefolder"
    data = read_folder(folder_facts(folder, 32, 32).name, folder, 32, 32)
    assert (len(data.train), len(data.test), data.facts.classes) == (400, 100, 10)
    (train,) = readers.pieces(data.train, [(np.arange(400), None)])
    for index in (0, 123, 399):
        file = folder / data.train.files[index]
        with Image.open(file) as image:
            assert np.array_equal(train[index], np.asarray(image).transpose(2, 0, 1))
