"""Takes a backend; asserts that a network of one's own is trained as the reference trains it.

The network comes by the whole way: a module in the working directory, named in a spec, whose
function is imported and called; then twelve steps over a drop of the learning rate, in float64.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from ltspec.language.model import Model
from ltspec.networks.families import build

FORKED = """
from ltspec.networks import AvgPool, Add, BatchNorm, Conv, Draft, GlobalAvgPool, Linear, Relu


def forked(input_shape, classes, channels):
    '''Two convolutions of different sizes on the same images, their sum, a grouped one.'''
    draft = Draft(input_shape)
    wide = draft.add("wide", Conv(channels, (5, 3), (1, 1), (2, 2, 1, 1)), "input")
    small = draft.add("small", Conv(channels, (1, 1), bias=True), "input")
    draft.add("sum", Add(), wide, small)
    draft.norm_relu("norm", "relu")
    draft.add("pool", AvgPool((2, 2), (2, 2)))
    draft.add("grouped", Conv(2 * channels, (3, 3), (2, 1), (1, 1, 1, 1), groups=channels))
    draft.add("late", Relu())
    draft.add("mean", GlobalAvgPool())
    draft.add("answer", Linear(classes))
    return draft.graph()
"""


def test_a_network_of_ones_own(
    kit, reference, backend64, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "forked_network.py").write_text(FORKED, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    section = {
        "family": "custom",
        "function": "forked_network:forked",
        "options": {"channels": 3},
    }
    graph = build(TypeAdapter(Model).validate_python(section), (2, 8, 8), 5)
    assert [node.name for node in graph.nodes][:3] == ["wide", "small", "sum"]
    case = kit.case("sgd", graph, count=24, batch_size=8, kept=0.7)
    assert len({float(rate) for rate in case.tape(0, 12).rates}) == 2
    ours, losses = case.play(backend64, 0, 12)
    expected, expected_losses = case.play(reference, 0, 12)
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-6)
    for name in ("weights", "buffers"):
        assert kit.worst(getattr(ours, name), getattr(expected, name)) < 1e-10
    assert kit.worst(ours.slots["velocity"], expected.slots["velocity"]) < 1e-10
    moved = kit.worst(expected.weights, case.state.weights)
    assert moved > 0.01, "the steps changed nothing"
    for name, mask in case.masks.items():
        assert not ours.weights[name][~mask].any()
    evaluation, by_hand = case.evaluate(backend64), case.evaluate(reference)
    assert evaluation.correct == by_hand.correct
