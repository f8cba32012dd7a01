"""MNIST is found where people keep it, downloaded where it is not, and never taken on trust."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ltspec.data import download, mnist
from ltspec.data.download import Remote
from ltspec.data.facts import FACTS
from ltspec.data.idx_set import shapes
from ltspec.data.reader import load
from ltspec.errors import DataError

SMALL = replace(FACTS["mnist"], train=6, test=4, shape=(1, 2, 3))
"""A tiny MNIST, so that files in the true format can be made here."""


def ignore(text: str) -> None:
    pass


@pytest.fixture
def contents() -> dict[str, bytes]:
    """What is in the four files of the tiny MNIST, by name."""
    numbers = np.random.Generator(np.random.PCG64(0))
    made = {}
    for stem, shape in zip(mnist.MNIST.content, shapes(SMALL), strict=True):
        top = 256 if len(shape) == 3 else 10
        header = np.array([8 * 256 + len(shape), *shape], ">u4").tobytes()
        made[stem] = header + numbers.integers(0, top, shape).astype(np.uint8).tobytes()
    return made


@pytest.fixture
def packed(contents: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The tiny files as published, and the reader made to believe that they are."""
    packed = {f"{stem}.gz": gzip.compress(data, mtime=0) for stem, data in contents.items()}
    tiny = replace(
        mnist.MNIST,
        content={stem: hashlib.sha256(data).hexdigest() for stem, data in contents.items()},
        files=tuple(
            Remote(name, len(data), hashlib.md5(data).hexdigest(), hashlib.sha256(data).hexdigest())
            for name, data in packed.items()
        ),
    )
    monkeypatch.setattr(mnist, "MNIST", tiny)
    return packed


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


@pytest.mark.needs_mnist
def test_the_true_files(real: Path) -> None:
    data = load("mnist", real)
    assert data.warnings == ()
    assert data.train.images.shape == (60_000, 1, 28, 28)
    assert data.test.images.shape == (10_000, 1, 28, 28)
    assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert np.bincount(data.test.labels).tolist() == [
        980,
        1135,
        1032,
        1010,
        982,
        892,
        958,
        1028,
        974,
        1009,
    ]
    # Results in stores were made from these bytes. If this changes, raise the version in facts.py.
    assert data.fingerprint == "de6dad79bcdcbd5b3700c84f850b06343ab110a6aa536583a8081f3669ab6702"
    pixels = data.train.images / 255
    assert data.facts.mean == (round(pixels.mean(), 4),)
    assert data.facts.std == (round(pixels.std(), 4),)
    assert not data.train.images.flags.writeable


@pytest.mark.needs_mnist
def test_the_published_hashes_are_those_of_the_true_files(real: Path) -> None:
    for file, remote in zip(mnist.MNIST.find(real) or (), mnist.MNIST.files, strict=True):
        data = file.read_bytes()
        if file.suffix == ".gz":
            assert len(data) == remote.size
            assert hashlib.md5(data).hexdigest() == remote.md5
            assert hashlib.sha256(data).hexdigest() == remote.sha256
            data = gzip.decompress(data)
        assert (
            hashlib.sha256(data).hexdigest() == mnist.MNIST.content[remote.name.removesuffix(".gz")]
        )


@pytest.mark.parametrize("place", ["mnist", "MNIST/raw", "."])
@pytest.mark.parametrize("zipped", [True, False])
def test_it_is_found_where_people_keep_it(
    place: str, zipped: bool, tmp_path: Path, packed: dict[str, bytes], contents: dict[str, bytes]
) -> None:
    put(tmp_path / place, packed if zipped else contents)
    data = mnist.read(SMALL, tmp_path, ignore, mirrors=())
    assert data.warnings == ()
    assert data.train.images.tobytes() == contents["train-images-idx3-ubyte"][16:]
    assert data.train.labels.tobytes() == contents["train-labels-idx1-ubyte"][8:]
    assert data.test.images.tobytes() == contents["t10k-images-idx3-ubyte"][16:]
    assert data.test.labels.tobytes() == contents["t10k-labels-idx1-ubyte"][8:]
    assert data.test.images.shape == (4, 1, 2, 3)


def test_a_file_by_hand_with_other_content_is_a_warning(
    tmp_path: Path, packed: dict[str, bytes], contents: dict[str, bytes]
) -> None:
    data = contents["train-images-idx3-ubyte"]
    wrong = data[:-1] + bytes([data[-1] ^ 1])
    put(tmp_path, {**packed, "train-images-idx3-ubyte.gz": gzip.compress(wrong)})
    (warning,) = mnist.read(SMALL, tmp_path, ignore, mirrors=()).warnings
    assert str(tmp_path / "train-images-idx3-ubyte.gz") in warning
    assert hashlib.sha256(wrong).hexdigest() in warning


def test_a_label_that_is_no_digit(
    tmp_path: Path, packed: dict[str, bytes], contents: dict[str, bytes]
) -> None:
    labels = contents["t10k-labels-idx1-ubyte"][:-1] + b"\x0a"
    put(tmp_path, {**packed, "t10k-labels-idx1-ubyte": labels})
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte has a label 10") as caught:
        mnist.read(SMALL, tmp_path, ignore, mirrors=())
    assert caught.value.code == "LT306"


def test_images_and_labels_of_another_size(tmp_path: Path, packed: dict[str, bytes]) -> None:
    put(tmp_path, {**packed, "t10k-labels-idx1-ubyte.gz": packed["train-labels-idx1-ubyte.gz"]})
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz says that it holds 6, not 4"):
        mnist.read(SMALL, tmp_path, ignore, mirrors=())


def test_no_data_directory() -> None:
    with pytest.raises(DataError, match="needs a data directory") as caught:
        load("mnist", None)
    assert caught.value.code == "LT305"
    assert "LTSPEC_DATA" in caught.value.hint


Serve = Callable[..., tuple[str, list[str]]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a mirror: the address, and the names that it was asked for.

    For each file its bytes, or a status. Content-Length is the true one. With ``ranges`` it goes
    on where it is asked to; with ``stop_after`` it breaks off after so many bytes.
    """
    servers = []

    def start(
        files: dict[str, bytes | int], ranges: bool = False, stop_after: int | None = None
    ) -> tuple[str, list[str]]:
        asked: list[str] = []

        class Mirror(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[1]
                asked.append(name)
                answer = files.get(name, 404)
                if isinstance(answer, int):
                    self.send_error(answer)
                    return
                begin = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                begin = begin if ranges else 0
                if begin >= len(answer):
                    self.send_error(416)
                    return
                self.send_response(206 if ranges else 200)
                self.send_header("Content-Length", str(len(answer) - begin))
                self.end_headers()
                self.wfile.write(answer[begin:][:stop_after])

            def log_message(self, *arguments: object) -> None:
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/mnist/", asked

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def down() -> str:
    """A mirror where nobody answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def test_it_is_downloaded_from_the_first_mirror_that_is_right(
    tmp_path: Path, packed: dict[str, bytes], serve: Serve, down: str
) -> None:
    images = "train-images-idx3-ubyte.gz"
    flipped = packed[images][:-1] + b"\xff"
    mirrors = [
        down,
        serve({images: 503})[0],
        serve({images: flipped})[0],
        serve({images: packed[images][:-5]})[0],
        serve({images: packed[images] + b"x"})[0],
    ]
    right, asked = serve(dict(packed))
    reports: list[str] = []
    data = mnist.read(SMALL, tmp_path / "new", reports.append, [*mirrors, right])
    assert len(data.train) == 6
    assert data.warnings == ()
    assert asked == list(packed)
    folder = tmp_path / "new" / "mnist"
    assert {
        file.name: file.read_bytes() for file in folder.glob("*") if not file.name.startswith(".")
    } == packed
    assert not list(folder.glob(".*.part"))
    size = len(packed[images])
    said = [report.split(": ", 1)[1] for report in reports if not report.startswith("downloading")]
    assert said[:5] == [
        "cannot be reached (ConnectionError)",
        "answers 503 Service Unavailable",
        "sends other bytes than the published ones",
        f"sends {size - 5:,} of {size:,} bytes",
        f"sends more than {size:,} bytes",
    ]
    # The second time nothing is asked for.
    mnist.read(SMALL, tmp_path / "new", ignore, [right])
    assert asked == list(packed)


def test_only_what_is_missing_is_downloaded(
    tmp_path: Path, packed: dict[str, bytes], contents: dict[str, bytes], serve: Serve
) -> None:
    put(tmp_path / "mnist", {"train-images-idx3-ubyte": contents["train-images-idx3-ubyte"]})
    right, asked = serve(dict(packed))
    assert mnist.read(SMALL, tmp_path, ignore, [right]).warnings == ()
    assert asked == list(packed)[1:]


def test_when_no_mirror_is_right_it_says_what_to_put_where(
    tmp_path: Path, packed: dict[str, bytes], serve: Serve, down: str
) -> None:
    wrong = serve(dict.fromkeys(packed, b"<html>pay here</html>"))[0]
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        mnist.read(SMALL, tmp_path, ignore, [down, wrong])
    assert caught.value.code == "LT305"
    assert wrong in caught.value.message
    assert down in caught.value.message
    assert all(f"{file.name} (MD5 {file.md5})" in caught.value.hint for file in mnist.MNIST.files)
    assert "docs/data.md" in caught.value.hint
    assert str(tmp_path / "mnist") in caught.value.hint
    assert [
        file.name for file in (tmp_path / "mnist").glob("*") if file.name != ".download.lock"
    ] == []


IMAGES = "train-images-idx3-ubyte.gz"


@pytest.mark.parametrize("ranges", [True, False])
def test_a_killed_download_goes_on(
    ranges: bool, tmp_path: Path, packed: dict[str, bytes], serve: Serve
) -> None:
    put(tmp_path / "mnist", {f".{IMAGES}.part": packed[IMAGES][:20]})
    right, _ = serve(dict(packed), ranges=ranges)
    reports: list[str] = []
    mnist.read(SMALL, tmp_path, reports.append, [right])
    assert reports[0].startswith("going on with")
    assert (tmp_path / "mnist" / IMAGES).read_bytes() == packed[IMAGES]
    assert not list((tmp_path / "mnist").glob(".*.part"))


@pytest.mark.parametrize("left", [b"<html>", b"x" * 10_000])
def test_what_is_left_of_a_wrong_download_does_no_harm(
    left: bytes, tmp_path: Path, packed: dict[str, bytes], serve: Serve
) -> None:
    put(tmp_path / "mnist", {f".{IMAGES}.part": left})
    mnist.read(SMALL, tmp_path, ignore, [serve(dict(packed), ranges=True)[0]])
    assert (tmp_path / "mnist" / IMAGES).read_bytes() == packed[IMAGES]


def test_a_download_that_breaks_off_goes_on_at_the_next_mirror(
    tmp_path: Path, packed: dict[str, bytes], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "CHUNK", 8)
    broken, _ = serve(dict(packed), stop_after=20)
    with pytest.raises(DataError, match="cannot be reached"):
        mnist.read(SMALL, tmp_path, ignore, [broken])
    assert (tmp_path / "mnist" / f".{IMAGES}.part").read_bytes() == packed[IMAGES][:16]
    assert mnist.MNIST.find(tmp_path) is None
    whole, _ = serve(dict(packed), ranges=True)
    assert mnist.read(SMALL, tmp_path, ignore, [whole]).warnings == ()


def test_a_directory_that_cannot_be_written(tmp_path: Path, packed: dict[str, bytes]) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        mnist.read(SMALL, tmp_path / "file", ignore, ["http://127.0.0.1:9/"])
    assert caught.value.code == "LT305"
    assert str(tmp_path / "file" / "mnist") in caught.value.message
    assert caught.value.hint.startswith("move away the file that has the name of a folder, or")


def test_what_other_places_lack_is_said(
    tmp_path: Path, packed: dict[str, bytes], down: str
) -> None:
    put(tmp_path / "MNIST" / "raw", packed)
    (tmp_path / "MNIST" / "raw" / IMAGES).unlink()
    reports: list[str] = []
    with pytest.raises(DataError, match=f"raw lacks {IMAGES}; mnist could not be") as caught:
        mnist.read(SMALL, tmp_path, reports.append, [down])
    assert reports[0] == f"{tmp_path / 'MNIST' / 'raw'} lacks {IMAGES}"
    assert caught.value.hint.startswith("put what is missing where the rest is; or put ")


def test_a_full_disk_is_not_blamed_on_the_mirror(
    tmp_path: Path, packed: dict[str, bytes], serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    checked = download._Checked
    monkeypatch.setattr(download, "_Checked", lambda stream, limit: checked(Full(), limit))
    right, asked = serve(dict(packed))
    with pytest.raises(DataError, match="No space left on device") as caught:
        mnist.read(SMALL, tmp_path, ignore, [right, right])
    assert caught.value.code == "LT305"
    size = f"{len(packed[IMAGES]) / 1e6:.1f} MB"
    assert f"{IMAGES} ({size}) cannot be written into {tmp_path / 'mnist'}" in caught.value.message
    assert caught.value.hint.startswith("make room there, or choose another directory with --data")
    assert "put " not in caught.value.hint
    assert len(asked) == 1
    assert not list((tmp_path / "mnist").glob(".*.part"))


def test_two_at_once_download_once(tmp_path: Path, packed: dict[str, bytes], serve: Serve) -> None:
    right, asked = serve(dict(packed))
    code = (
        "import sys; from pathlib import Path; from ltspec.data.download import Remote, fetch\n"
        "files = [Remote(n, int(s), m, h) for n, s, m, h in (a.split(',') for a in sys.argv[3:])]\n"
        "fetch(files, Path(sys.argv[1]), [sys.argv[2]], lambda text: None)"
    )
    files = [f"{file.name},{file.size},{file.md5},{file.sha256}" for file in mnist.MNIST.files]
    children = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), right, *files])
        for _ in range(3)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    assert sorted(asked) == sorted(packed)


@pytest.mark.needs_mnist
def test_a_true_download(tmp_path: Path, real: Path, serve: Serve) -> None:
    """The real table, sizes and hashes, through a mirror of our own."""
    found = mnist.MNIST.find(real) or ()
    if any(file.suffix != ".gz" for file in found):
        pytest.skip("the true files are there, but not as published")
    right, _ = serve({file.name: file.read_bytes() for file in found})
    data = mnist.read(FACTS["mnist"], tmp_path, ignore, [right])
    assert data.warnings == ()
    shutil.rmtree(tmp_path / "mnist")
