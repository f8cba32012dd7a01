"""A folder of images is known by its names alone, and what is wrong with it is said by name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from specs import tiny

from ltspec.data import folder as listing
from ltspec.data import streamed
from ltspec.data.facts import FACTS
from ltspec.data.folder import (
    facts_of,
    find_imagenet,
    folder_facts,
    identity,
    imagenet_facts,
    scan,
    usual_shorter_side,
)
from ltspec.data.streamed import read_folder
from ltspec.errors import DataError, SpecError


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three classes, with 3, 2 and 1 images for training and one each for testing."""
    root = tmp_path / "images"
    for split, counts in (("train", (3, 2, 1)), ("test", (1, 1, 1))):
        for number, (class_, count) in enumerate(zip(("ant", "Bee", "cat"), counts, strict=True)):
            place = root / split / class_
            place.mkdir(parents=True)
            for i in range(count):
                suffix = ("jpg", "JPEG", "png")[i % 3]
                Image.new("RGB", (20, 10 + i), (40 * number, 9, 9)).save(place / f"{i}.{suffix}")
    return root


def test_what_a_plan_needs_to_know(images: Path) -> None:
    facts = folder_facts(images, 16, None)
    assert (facts.train, facts.test, facts.classes, facts.shape) == (6, 3, 3, (3, 16, 16))
    assert facts.name.startswith("folder-")
    assert facts.mean == FACTS["imagenet"].mean
    found = scan(images)
    assert found.classes == ("Bee", "ant", "cat")  # by code points, on every machine
    assert found.paths("train")[:3] == ["train/Bee/0.jpg", "train/Bee/1.JPEG", "train/ant/0.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="links of POSIX")
def test_a_link_to_nowhere_is_said_by_name_before_there_is_a_plan(images: Path) -> None:
    (images / "train" / "ant" / "9.jpg").symlink_to("nowhere.jpg")
    with pytest.raises(SpecError) as caught:
        tiny(f"data={{name: folder, path: {images}, size: 16}}", "train.batch_size=4")
    (found,) = caught.value.diagnostics
    assert found.code == "LT220"
    assert "ant/9.jpg cannot be read" in found.message
    assert found.hint.endswith("or remove it, if it is a link that leads nowhere")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_pipe_is_no_image(images: Path) -> None:
    os.mkfifo(images / "train" / "ant" / "9.jpg")
    with pytest.raises(DataError, match=r"ant/9.jpg is no file") as caught:
        folder_facts(images, 16, None)
    assert caught.value.code == "LT306"
    assert caught.value.hint.startswith("remove it, or put an image in its place")


def test_an_image_that_vanishes_after_listing(
    images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = folder_facts(images, 16, None)
    listed = scan(images)
    monkeypatch.setattr(streamed, "scan", lambda folder: listed)
    monkeypatch.setattr(streamed, "facts_of", lambda *given: facts)
    (images / "test" / "cat" / "0.jpg").unlink()
    with pytest.raises(DataError, match=r"cat/0.jpg cannot be read") as caught:
        read_folder(facts.name, images, 16, None)
    assert caught.value.hint.startswith("put it there again")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "no/such/place"])
def test_a_folder_that_cannot_be(name: str) -> None:
    with pytest.raises(DataError, match="there is no folder") as caught:
        scan(Path(name))
    assert caught.value.code == "LT305"


def test_planning_needs_no_numpy_and_no_decoder(images: Path) -> None:
    (images / "train" / "ant" / "0.jpg").write_bytes(b"no image")
    code = (
        "import sys; from pathlib import Path; from ltspec.data.folder import folder_facts; "
        "print(folder_facts(Path(sys.argv[1]), 16, None).train); "
        "print([name for name in ('numpy', 'PIL') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(images)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "6\n[]\n"


def test_the_same_images_elsewhere_are_the_same_data(images: Path, tmp_path: Path) -> None:
    before = identity(scan(images))
    shutil.copytree(images, tmp_path / "copy")
    assert identity(scan(tmp_path / "copy")) == before
    image = images / "train" / "ant" / "0.jpg"
    image.write_bytes(image.read_bytes() + b"\0")
    assert identity(scan(images)) != before
    assert identity(scan(tmp_path / "copy")) == before
    (tmp_path / "copy" / "train" / "ant" / "0.jpg").rename(tmp_path / "copy/train/ant/00.jpg")
    assert identity(scan(tmp_path / "copy")) != before


def test_what_is_cut_out_is_part_of_the_name(images: Path) -> None:
    usual = facts_of(scan(images), 224, None)
    assert facts_of(scan(images), 224, 256).name == usual.name
    assert facts_of(scan(images), 224, 224).name == f"{usual.name}-224"
    assert imagenet_facts(224, None) == FACTS["imagenet"]
    assert imagenet_facts(64, None).shape == (3, 64, 64)
    assert imagenet_facts(64, 64).name == "imagenet-64"
    assert [usual_shorter_side(size) for size in (224, 32, 64, 299)] == [256, 37, 73, 342]


def test_labels_and_files_go_together(images: Path) -> None:
    data = read_folder(folder_facts(images, 16, None).name, images, 16, None)
    assert data.train.labels.tolist() == [0, 0, 1, 1, 1, 2]
    assert data.train.labels.dtype == np.uint8
    assert data.train.files[5] == "train/cat/0.jpg"
    assert (len(data.train), len(data.test)) == (6, 3)
    assert data.warnings == ()
    piece = data.train.piece(np.array([5, 0]), data.train.decode(np.array([5, 0])))
    assert piece.images.shape == (2, 3, 16, 16)
    assert piece.labels.tolist() == [2, 0]
    assert np.array_equal(piece.scale, data.train.scale)


def test_many_classes_need_wider_labels(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for number in range(257):
            place = tmp_path / split / f"{number:03}"
            place.mkdir(parents=True)
            (place / "x.png").write_bytes(b"")
    data = read_folder(folder_facts(tmp_path, 16, None).name, tmp_path, 16, None)
    assert data.test.labels.dtype == np.int32
    assert data.test.labels[-1] == 256


def test_other_files_are_left_out_and_said(images: Path) -> None:
    before = folder_facts(images, 16, None)
    (images / "train" / "ant" / "notes.txt").write_text("x")
    (images / "test" / "README").write_text("x")
    (images / "test" / "ant" / ".DS_Store").write_text("x")
    (warning,) = read_folder(before.name, images, before.shape[1], None).warnings
    assert warning == f"{images}: 2 files that are no images, as train/ant/notes.txt"


def refused(images: Path, says: str, code: str = "LT306") -> DataError:
    with pytest.raises(DataError, match=says) as caught:
        scan(images)
    assert caught.value.code == code
    assert str(images) in caught.value.message
    assert caught.value.hint
    return caught.value


def test_a_missing_folder(tmp_path: Path, images: Path) -> None:
    refused(tmp_path / "none", "there is no folder", "LT305")
    refused(images / "train", "has no folder test or val", "LT305")
    shutil.rmtree(images / "train")
    refused(images, "has no folder train", "LT305")


def test_a_missing_class_folder(images: Path) -> None:
    shutil.rmtree(images / "test" / "Bee")
    refused(images, "test has no class folder Bee")
    shutil.rmtree(images / "train" / "Bee")
    shutil.rmtree(images / "train" / "cat")
    refused(images, "train has no class folder cat")


def test_an_empty_class_folder(images: Path) -> None:
    (images / "test" / "cat" / "0.jpg").rename(images / "test" / "cat" / "0.tiff")
    error = refused(images, "the class folder .*cat has no image")
    assert ".jpeg" in error.hint


def test_one_class_is_no_task(images: Path) -> None:
    for split in ("train", "test"):
        for class_ in ("ant", "Bee"):
            shutil.rmtree(images / split / class_)
    refused(images, "has 1 class folders, and needs two")


def test_a_folder_that_has_changed_since_the_plan(images: Path) -> None:
    facts = folder_facts(images, 16, None)
    shutil.copy(images / "train/ant/0.jpg", images / "train/ant/9.jpg")
    with pytest.raises(DataError, match="not as it was when the plan was made") as caught:
        read_folder(facts.name, images, facts.shape[1], None)
    assert caught.value.code == "LT307"


def test_other_bytes_of_the_same_size_have_another_fingerprint(images: Path) -> None:
    facts = folder_facts(images, 16, None)
    before = read_folder(facts.name, images, facts.shape[1], None)
    image = images / "test" / "cat" / "0.jpg"
    image.write_bytes(image.read_bytes()[:-1] + b"\0")
    after = read_folder(facts.name, images, facts.shape[1], None)
    assert after.facts.name == before.facts.name
    assert after.fingerprint != before.fingerprint


def test_imagenet_is_put_there_by_hand(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data in (None, tmp_path):
        with pytest.raises(DataError) as caught:
            find_imagenet(data)
        assert caught.value.code == "LT305"
        assert "image-net.org" in caught.value.hint
    (images / "test").rename(images / "val")
    (tmp_path / "imagenet").symlink_to(images)
    with pytest.raises(DataError, match="has 3 classes, and ImageNet has 1,000") as caught:
        find_imagenet(tmp_path)
    assert "name: folder" in caught.value.hint
    small = replace(FACTS["imagenet"], train=6, test=3, classes=3)
    monkeypatch.setattr(listing, "FACTS", {"imagenet": small})
    assert find_imagenet(tmp_path).test_name == "val"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(images: Path) -> None:
    (images / "train" / "ant").chmod(0)
    try:
        refused(images, "cannot be read", "LT305")
    finally:
        (images / "train" / "ant").chmod(0o755)
