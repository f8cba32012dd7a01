"""Images are cut and scaled as it is written, whatever form they are in, or refused by name."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ltspec.data.images import box, decode
from ltspec.decisions import rng
from ltspec.errors import DataError

UNIT = st.floats(0, 1, width=32)


@given(st.tuples(UNIT, UNIT, UNIT, UNIT), st.integers(1, 5000), st.integers(1, 5000))
def test_a_box_is_inside(draws: tuple[float, ...], width: int, height: int) -> None:
    left, top, wide, high = box(draws, width, height)
    assert 0 <= left <= left + wide <= width
    assert 0 <= top <= top + high <= height
    assert wide >= 1
    assert high >= 1


def test_boxes_are_those_of_the_paper() -> None:
    draws = rng.uniform(40_000, 1, "box", 0).reshape(-1, 4).astype(np.float32)
    boxes = np.array([box(each, 1200, 1000) for each in draws])
    _, _, wide, high = boxes.T
    # Sides that would be longer than the image are cut, which most boxes are not.
    whole = (wide < 1200) & (high < 1000)
    assert whole.mean() > 0.75
    area, ratio = wide * high / 1.2e6, wide / high
    assert 0.079 < area.min() < 0.09
    assert area[whole].max() > 0.9
    assert ratio[whole].min() == pytest.approx(3 / 4, rel=0.01)
    assert ratio[whole].max() == pytest.approx(4 / 3, rel=0.01)
    assert np.log(ratio[wide * high < 4e5]).mean() == pytest.approx(0, abs=0.01)
    # Each place alike.
    small = boxes[(wide < 600) & (high < 500)]
    middle = (
        (small[:, 0] / (1200 - small[:, 2])).mean(),
        (small[:, 1] / (1000 - small[:, 3])).mean(),
    )
    assert middle == pytest.approx((0.5, 0.5), abs=0.02)


BOXES = [(16, 0, 334, 375), (335, 0, 149, 178), (29, 0, 380, 375), (62, 17, 347, 358)]


def test_boxes_are_the_same_on_every_machine() -> None:
    # Results in stores were made with these. If they change, raise the version in folder.py.
    numbers = rng.uniform(16, 7, "box", 3).reshape(4, 4).astype(np.float32)
    assert [box(each, 500, 375) for each in numbers] == BOXES
    assert box((0, 0, 0, 0), 100, 100) == (0, 0, 24, 33)
    assert box((1, 0.5, 1, 1), 100, 100) == (0, 0, 100, 100)
    assert box((0, 1, 1, 1), 100, 100) == (67, 76, 33, 24)
    assert Counter(box((0, 0.5, x / 10, 0), 30, 30)[0] for x in range(11))[0] == 1


def save(image: Image.Image, file: Path, **how: object) -> Path:
    image.save(file, **how)  # type: ignore[arg-type]
    return file


def stripes(width: int, height: int) -> Image.Image:
    """An image whose red says the column and whose green says the row."""
    columns = np.broadcast_to(np.arange(width), (height, width))
    rows = np.broadcast_to(np.arange(height)[:, None], (height, width))
    return Image.fromarray(np.stack([columns, rows, 0 * rows], -1).astype(np.uint8))


def test_the_middle_is_taken(tmp_path: Path) -> None:
    file = save(stripes(100, 60), tmp_path / "x.png")
    whole = decode(file, 60, 60, None)
    assert whole.shape == (3, 60, 60)
    assert whole[0, 0].tolist() == list(range(20, 80))
    assert whole[1, :, 0].tolist() == list(range(60))
    inner = decode(file, 30, 60, None)  # of its own size: cut, not scaled
    assert inner[0, 0].tolist() == list(range(35, 65))
    assert inner[1, :, 0].tolist() == list(range(15, 45))
    half = decode(file, 30, 30, None)
    assert half[0, 7, 3] == pytest.approx(26.5, abs=1)


def test_the_box_is_taken(tmp_path: Path) -> None:
    file = save(stripes(100, 60), tmp_path / "x.png")
    draws = np.array([0.1, 0.3, 0.9, 0.2], np.float32)
    left, top, wide, high = box(draws, 100, 60)
    found = decode(file, 16, 16, draws)
    reference = stripes(100, 60).crop((left, top, left + wide, top + high))
    reference = reference.resize((16, 16), Image.Resampling.BILINEAR)
    assert np.abs(found.transpose(1, 2, 0).astype(int) - np.asarray(reference)).max() <= 1


GREY = Image.fromarray(np.full((8, 8), 200, np.uint8))


@pytest.mark.parametrize(
    ("image", "suffix", "colour"),
    [
        (GREY, "png", (200, 200, 200)),
        (GREY, "jpg", (200, 200, 200)),
        (Image.fromarray(np.full((8, 8), 200 * 256 + 99, np.uint16)), "png", (200, 200, 200)),
        (Image.new("1", (8, 8), 1), "png", (255, 255, 255)),
        (Image.new("RGB", (8, 8), (250, 20, 90)).quantize(), "png", (250, 20, 90)),
        (Image.new("RGBA", (8, 8), (250, 20, 90, 7)), "png", (250, 20, 90)),
        (Image.new("LA", (8, 8), (77, 3)), "png", (77, 77, 77)),
        (Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "jpg", (254, 0, 0)),
        (Image.new("RGB", (8, 8), (250, 20, 90)), "jpg", (250, 20, 90)),
        (Image.new("RGB", (5000, 2), (250, 20, 90)), "png", (250, 20, 90)),
    ],
)
def test_every_form_becomes_three_bytes(
    image: Image.Image, suffix: str, colour: tuple[int, int, int], tmp_path: Path
) -> None:
    file = save(image, tmp_path / f"x.{suffix}", **({"quality": 95} if suffix == "jpg" else {}))
    found = decode(file, 8, 8, None)
    assert found.dtype == np.uint8
    assert found.flags.c_contiguous
    assert np.abs(found[:, 4, 4].astype(int) - colour).max() <= 2


def jpeg() -> bytes:
    numbers = np.random.Generator(np.random.PCG64(0)).integers(0, 256, (64, 64, 3))
    packed = io.BytesIO()
    Image.fromarray(numbers.astype(np.uint8)).save(packed, "JPEG")
    return packed.getvalue()


def png() -> bytes:
    packed = io.BytesIO()
    Image.open(io.BytesIO(jpeg())).save(packed, "PNG")
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        lambda: b"",
        lambda: b"no image",
        lambda: jpeg()[:50],
        lambda: jpeg()[: len(jpeg()) // 2],
        lambda: jpeg()[:-200],
        lambda: png()[:-2000],
        lambda: png()[:40],
        lambda: png().replace(b"IDAT", b"JDAT"),
    ],
)
def test_a_damaged_image_is_named(content: Callable[[], bytes], tmp_path: Path) -> None:
    file = tmp_path / "x.jpg"
    file.write_bytes(content())
    with pytest.raises(DataError, match="cannot be decoded") as caught:
        decode(file, 8, 8, None)
    assert caught.value.code == "LT306"
    assert caught.value.message.startswith(str(file))
    assert caught.value.hint == "replace the image, or remove it"


def test_other_formats_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.png"
    Image.new("RGB", (8, 8)).save(file, "GIF")
    with pytest.raises(DataError, match=r"it is no JPEG or PNG"):
        decode(file, 8, 8, None)


def test_an_image_that_would_fill_the_memory(tmp_path: Path) -> None:
    file = save(Image.new("1", (20_000, 15_000)), tmp_path / "x.png")
    with pytest.raises(DataError, match=r"x.png (has 20000 x 15000 pixels|cannot be decoded)"):
        decode(file, 8, 8, None)


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file") as caught:
        decode(tmp_path / "x.jpg", 8, 8, None)
    assert caught.value.code == "LT305"
    assert caught.value.hint.startswith("put it there again")
