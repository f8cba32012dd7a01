"""Backends are found by entry point; what is missing is said in time, with what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
from specs import open_session, plan_of

from ltspec.engine import adapters
from ltspec.engine.backend import Settings
from ltspec.engine.execution import demands, lower
from ltspec.engine.watch import Silence
from ltspec.errors import BackendError, RunError


class Fake:
    """An adapter of a framework that is not installed, or that lacks something."""

    name = "fake"
    extra = "ltspec[fake]"
    precisions = ("float32",)
    gaps: dict[str, str]

    def __init__(self, **gaps: str) -> None:
        self.gaps = {name.replace("_", ":"): reason for name, reason in gaps.items()}

    def versions(self) -> dict[str, str]:
        raise ImportError("No module named 'fake'")

    def devices(self) -> Sequence[str]:
        raise ImportError("No module named 'fake'")


def register(monkeypatch: pytest.MonkeyPatch, *values: str, name: str = "fake") -> None:
    entries = tuple(EntryPoint(name, value, adapters.GROUP) for value in values)
    monkeypatch.setattr(adapters, "installed", lambda: {name: entries})


def test_a_framework_that_is_not_installed_comes_with_the_command() -> None:
    with pytest.raises(BackendError) as caught:
        adapters.choose_device(Fake(), "auto")  # type: ignore[arg-type]
    assert caught.value.code == "LT302"
    assert caught.value.hint == 'pip install "ltspec[fake]"'


@pytest.mark.parametrize(
    "values", [("no_such_module:adapter",), ("json:adapter",), ("json:dumps", "json:loads")]
)
def test_a_broken_registration_is_named(
    monkeypatch: pytest.MonkeyPatch, values: tuple[str, ...]
) -> None:
    register(monkeypatch, *values)
    with pytest.raises(BackendError) as caught:
        adapters.find("fake")
    assert caught.value.code == "LT310"
    assert values[0] in caught.value.message + caught.value.hint


def test_a_name_that_cannot_be_a_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch, "json:dumps", name="My_Backend")
    with pytest.raises(BackendError) as caught:
        adapters.find("My_Backend")
    assert caught.value.code == "LT310"


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(BackendError) as caught:
        adapters.find("pytorch")
    assert caught.value.code == "LT301"
    assert "did you mean torch?" in caught.value.hint
    assert "numpy, tensorflow, torch" in caught.value.hint


@pytest.mark.parametrize(
    ("gap", "settings"),
    [
        ("op:linear", Settings("cpu", "float32")),
        ("optimizer:sgd", Settings("cpu", "float32")),
        ("device:gpu", Settings("cuda", "float32")),
        ("setting:threads", Settings("cpu", "float32", 2)),
        ("precision:float64", Settings("cpu", "float64")),
    ],
)
def test_a_gap_is_refused_before_any_compute(gap: str, settings: Settings) -> None:
    fake: Any = Fake()
    fake.gaps = {gap: "because of the moon", "optimizer:adam": "not asked for"}
    with pytest.raises(BackendError) as caught:
        adapters.refuse_gaps(fake, plan_of(), settings)
    assert caught.value.code == "LT304"
    assert f"{gap}: because of the moon" in caught.value.message
    assert "not asked for" not in caught.value.message


def test_a_gap_is_said_once() -> None:
    fake: Any = Fake()
    fake.gaps = {"precision:bf16": "because of the moon"}
    with pytest.raises(BackendError) as caught:
        adapters.refuse_gaps(fake, plan_of(), Settings("cpu", "bf16"))
    assert caught.value.message.count("bf16") == 1
    with pytest.raises(BackendError, match="precision:float64: has float32"):
        adapters.refuse_gaps(fake, plan_of(), Settings("cpu", "float64"))


class Old:
    """A backend of the time before some arguments of its verbs."""

    def train(self, graph: object, data: object) -> None: ...
    def evaluate(self, graph: object, data: object) -> None: ...
    def gradients(self, graph: object, data: object) -> None: ...


@pytest.mark.parametrize(
    ("change", "feature", "argument"),
    [
        ("measure=[{kind: function}]", "evaluate:each", "each"),
        ("prune.criterion={name: grasp, examples_per_class: 2}", "gradients:along", "along"),
        ("prune.repel={strength: 1.0}", "loss:repulsion", "repulsion"),
    ],
)
def test_a_backend_that_is_older_than_a_feature_is_refused_at_once(
    change: str, feature: str, argument: str
) -> None:
    fake: Any = Fake()
    fake.gaps = {}
    fake.open = lambda settings: Old()
    here = Settings("cpu", "float32")
    assert isinstance(adapters.opened(fake, plan_of(), here), Old)
    with pytest.raises(BackendError) as caught:
        adapters.opened(fake, plan_of(change), here)
    assert caught.value.code == "LT304"
    assert f"{feature}: its `" in caught.value.message
    assert f"has no argument `{argument}`" in caught.value.message
    fake.gaps = {feature: "because of the moon"}
    with pytest.raises(BackendError, match=f"{feature}: because of the moon"):
        adapters.refuse_gaps(fake, plan_of(change), here)


class Aged(Fake):
    """Of a machine with a GPU that lacks something, as its CPU does."""

    precisions = ("float32", "tf32")  # type: ignore[assignment]

    def device_gaps(self, device: str) -> dict[str, str]:
        return {"precision:tf32": f"{device} is too old", "precision:bf16": "not asked for"}


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_the_device_lacks_is_refused_before_any_compute(device: str) -> None:
    aged: Any = Aged()
    with pytest.raises(BackendError) as caught:
        adapters.refuse_gaps(aged, plan_of(), Settings(device, "tf32"))
    assert caught.value.code == "LT304"
    assert f"precision:tf32 on {device}: {device} is too old" in caught.value.message
    assert "not asked for" not in caught.value.message
    adapters.refuse_gaps(aged, plan_of(), Settings(device, "float32"))


def test_a_plan_for_a_gpu_elsewhere_asks_none_here() -> None:
    aged: Any = Aged()
    adapters.refuse_gaps(aged, plan_of(), Settings("cuda", "tf32"), here=False)
    with pytest.raises(BackendError):
        adapters.refuse_gaps(aged, plan_of(), Settings("cpu", "tf32"), here=False)


def test_what_is_asked_for_and_offered_is_not_refused() -> None:
    fake: Any = Fake(optimizer_adam="not asked for")
    adapters.refuse_gaps(fake, plan_of(), Settings("cpu", "float32"))


@pytest.mark.parametrize("name", ["numpy", "torch", "tensorflow"])
def test_of_streamed_images_only_what_is_decoded_counts_as_memory(name: str) -> None:
    """ImageNet is 193 GB of pixels, of which three pieces are in memory."""
    plan = plan_of(
        "model={family: imagenet-resnet, depth: 50}",
        "data={name: imagenet}",
        "train.batch_size=256",
    )
    adapter, settings = adapters.find(name), Settings("cpu", "float32")
    lowering = next(iter(lower(plan, adapter, settings).lowerings.values()))
    image, chunk = 3 * 224 * 224, lowering.chunk_steps * 256
    assert lowering.chunk_steps == 1
    need = next(need for _, need, _ in demands(plan))
    assert need.examples == 1_281_167
    without = adapter.lower(replace(need, examples=0), settings).memory_bytes
    assert 3 * chunk * image <= lowering.memory_bytes - without <= 3 * chunk * (image + 8)


def test_a_small_streamed_set_is_not_counted_twice(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for class_ in ("a", "b"):
            (tmp_path / split / class_).mkdir(parents=True)
            for number in range(4):
                (tmp_path / split / class_ / f"{number}.png").write_bytes(b"")
    plan = plan_of(f"data={{name: folder, path: {tmp_path}, size: 16}}", "train.batch_size=4")
    numpy, settings = adapters.find("numpy"), Settings("cpu", "float32")
    (lowering,) = set(lower(plan, numpy, settings).lowerings.values())
    need = next(need for _, need, _ in demands(plan))
    assert need.examples == 8
    assert lowering.memory_bytes == numpy.lower(need, settings).memory_bytes


def test_memory_that_runs_out_ends_the_run_with_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ltspec_numpy.play import NumpyBackend

    def train(self: object, *arguments: object) -> None:
        raise MemoryError("25 petabytes")

    monkeypatch.setattr(NumpyBackend, "train", train)
    session = open_session(plan_of(), tmp_path / "s", print)
    with pytest.raises(RunError) as caught:
        session.run(Silence(), 30)
    assert caught.value.code == "LT406"
