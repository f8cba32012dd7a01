"""Takes a backend; asserts that criteria that ask it for gradients score as their papers say.

The oracles are written here: differences of losses of the reference, for every backend, and for
torch a plain network with autograd. All in float64, where they differ by the order of sums alone.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ltspec.decisions import masks as masking
from ltspec.decisions.amounts import rounds
from ltspec.decisions.criteria import Subject, snip, synflow
from ltspec.engine.backend import BatchNorm, Conv, Flatten, Linear, MaxPool, Relu, Split

CONVOLVES = (
    Conv(4, (3, 3), (1, 1), (1, 1, 1, 1), bias=True),
    BatchNorm(),
    Relu(),
    MaxPool((2, 2), (2, 2)),
    Conv(5, (2, 2)),
    BatchNorm(),
    Relu(),
    Flatten(),
    Linear(5),
)
BATCHES = (np.array([3, 1, 41, 7, 20]), np.array([5, 6, 40]))


def network(kit):
    return kit.case(graph=kit.chain((2, 6, 7), *CONVOLVES), kept=0.6)


def subject(case, backend, mode="eval", due=BATCHES):
    """The case's network under its masks."""
    return Subject(
        shapes={p.name: p.shape for p in case.graph.prunable},
        weights=masking.apply(case.state.weights, case.masks),
        graph=case.graph,
        buffers=case.state.buffers,
        mode=mode,
        gradients=backend.gradients,
        batches=lambda: ((case.split, indices) for indices in due),
    )


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_snip_is_what_the_loss_loses_with_a_factor_on_each_weight(kit, reference, backend64, mode):
    """|dL/dc| at c = 1, by differences; L is the mean over all examples of both batches."""
    case = network(kit)
    found = snip.score(subject(case, backend64, mode))
    weights = {name: w.astype(np.float64) for name, w in case.state.weights.items()}

    def loss(name, entry, factor):
        changed = {**weights, name: weights[name].copy()}
        changed[name].reshape(-1)[entry] *= factor
        of_batches = [case.gradients(reference, each, mode, changed)[0] for each in BATCHES]
        return np.average(of_batches, weights=[len(each) for each in BATCHES])

    compared = 0
    for name, scores in found.items():
        for entry in np.flatnonzero(case.masks[name])[::7]:
            h = 1e-5
            slope = (loss(name, entry, 1 + h) - loss(name, entry, 1 - h)) / (2 * h)
            assert scores.reshape(-1)[entry] == pytest.approx(abs(slope), abs=1e-8), name
            compared += abs(slope) > 1e-4
    assert compared > 10
    assert all(not scores[~case.masks[name]].any() for name, scores in found.items())


def flow_by_hand(case, weights):
    """R of a chain of ``CONVOLVES``, by loops over the formulas."""
    sizes = {n: np.abs(a.astype(np.float64)) for n, a in {**weights, **case.state.buffers}.items()}

    def convolved(x, node, pad):
        w = sizes[f"{node}.weight"]
        x = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
        down, across = (x.shape[i + 1] - w.shape[i + 2] + 1 for i in (0, 1))
        y = np.empty((len(w), down, across))
        for i in range(down):
            for j in range(across):
                y[:, i, j] = np.tensordot(w, x[:, i : i + w.shape[2], j : j + w.shape[3]], 3)
        return y + sizes.get(f"{node}.bias", np.zeros(len(w)))[:, None, None]

    def normed(x, node):
        scale, shift, mean, variance = (
            sizes[f"{node}.{part}"][:, None, None]
            for part in ("scale", "shift", "running_mean", "running_var")
        )
        return np.maximum(scale * (x - mean) / np.sqrt(variance + 1e-5) + shift, 0)

    x = normed(convolved(np.ones((2, 6, 7)), "n0", 1), "n1")
    x = x[:, :6, :6].reshape(4, 3, 2, 3, 2).max(axis=(2, 4))
    x = normed(convolved(x, "n4", 0), "n5")
    return float((sizes["n8.weight"] @ x.reshape(-1) + sizes["n8.bias"]).sum())


def test_synflow_is_what_the_sum_of_the_outputs_loses(kit, backend64):
    case = network(kit)
    one = subject(case, backend64)
    total, _ = synflow.flow(one)
    assert total == pytest.approx(flow_by_hand(case, one.weights), rel=1e-12)
    found = synflow.score(one)
    for name, scores in found.items():
        for entry in np.flatnonzero(case.masks[name])[::5]:
            sums = []
            for factor in (1 + 1e-5, 1 - 1e-5):
                changed = {**one.weights, name: one.weights[name].astype(np.float64)}
                changed[name].reshape(-1)[entry] *= factor
                sums.append(flow_by_hand(case, changed))
            slope = (sums[0] - sums[1]) / 2e-5
            assert scores.reshape(-1)[entry] == pytest.approx(abs(slope), rel=1e-6, abs=1e-7)
        assert not scores[~case.masks[name]].any()


@pytest.mark.parametrize("convolves", [False, True])
def test_what_flows_is_conserved(kit, backend64, convolves):
    """Without biases all flow goes through every layer, and what enters a unit leaves it ("Pruning
    neural networks without any data", Theorems 1 and 2)."""
    graph = kit.chain((2, 6, 7), *CONVOLVES) if convolves else kit.network(bias=False)
    case = kit.case(graph=graph, kept=0.6)
    still = {
        p.name: np.zeros(p.shape, np.float32)
        for p in graph.parameters
        if p.role in ("bias", "shift")
    }
    means = {b.name: np.zeros(b.shape, np.float32) for b in graph.buffers if not b.initial}
    one = subject(case, backend64)
    one = replace(one, weights={**one.weights, **still}, buffers={**one.buffers, **means})
    total, _ = synflow.flow(one)
    scores = synflow.score(one)
    assert total > 1
    for each in scores.values():
        assert each.sum() == pytest.approx(total, rel=1e-10)
    if not convolves:
        layers = list(scores.values())
        for before, after in pairwise(layers):
            np.testing.assert_allclose(before.sum(axis=1), after.sum(axis=0), rtol=1e-10)


def test_a_large_flow_is_exact(kit, backend64):
    """The flow of a deep network passes what float32 holds; the read-out must not saturate."""
    case = kit.case(graph=kit.network(bias=False), kept=1)
    one = subject(case, backend64)
    large = {name: w.astype(np.float64) * 1e20 for name, w in one.weights.items()}
    total, by_weight = synflow.flow(replace(one, weights=large))
    expected, small = synflow.flow(one)
    layers = len(one.shapes)
    assert total == pytest.approx(expected * 1e20**layers, rel=1e-12)
    for name in one.shapes:
        np.testing.assert_allclose(by_weight[name], small[name] * 1e20 ** (layers - 1), rtol=1e-12)


def test_rounds_of_synflow_leave_no_layer_empty(kit, backend64):
    """One round to 2% empties a layer that a hundred do not (Tanaka et al. 2020, Theorem 3)."""
    widths = (24, 4, 24)
    case = kit.case(graph=kit.network((1, 5, 5), widths, bias=False), kept=1)
    one = subject(case, backend64)
    size = sum(p.size for p in case.graph.prunable)
    keep = (round(0.02 * size),)
    left = {}
    for count in (1, 100):
        masks = {}
        for each in rounds((size,), keep, count):
            scored = synflow.score(replace(one, weights=masking.apply(one.weights, masks)))
            masks = masking.prune(scored, masks, each)
        left[count] = masking.count_kept(masks)
        assert sum(left[count].values()) == keep[0]
    assert min(left[1].values()) == 0 < min(left[100].values())


def test_torch_autograd_says_the_same(kit, backend_name, backend64):
    """SNIP in both modes and SynFlow against a plain network written here."""
    if backend_name != "torch":
        pytest.skip("about the torch backend alone")
    import torch
    from torch.nn import functional as f

    case = network(kit)
    one = subject(case, backend64, due=BATCHES[:1])
    arrays = {**one.weights, **one.buffers}

    def double(array):
        return torch.from_numpy(np.asarray(array, np.float64))

    def logits(x, t, train):
        for conv, norm, padding in (("n0", "n1", 1), ("n4", "n5", 0)):
            x = f.conv2d(x, t[f"{conv}.weight"], t.get(f"{conv}.bias"), padding=padding)
            running = [None, None] if train else [t[f"{norm}.running_{k}"] for k in ("mean", "var")]
            x = f.batch_norm(x, *running, t[f"{norm}.scale"], t[f"{norm}.shift"], train, eps=1e-5)
            x = f.relu(x)
            x = f.max_pool2d(x, 2) if conv == "n0" else x
        return f.linear(x.flatten(1), t["n8.weight"], t["n8.bias"])

    split: Split = case.split
    images = double(split.images[BATCHES[0]])
    images = images * double(split.scale)[:, None, None] + double(split.shift)[:, None, None]
    labels = torch.from_numpy(split.labels[BATCHES[0]].astype(np.int64))
    for mode in ("eval", "train"):
        tensors = {name: double(array) for name, array in arrays.items()}
        factors = {n: torch.ones_like(tensors[n], requires_grad=True) for n in one.shapes}
        scaled = {**tensors, **{n: tensors[n] * factor for n, factor in factors.items()}}
        f.cross_entropy(logits(images, scaled, mode == "train"), labels).backward()
        found = snip.score(replace(one, mode=mode))
        for name, factor in factors.items():
            np.testing.assert_allclose(found[name], factor.grad.abs().numpy(), atol=1e-12)

    sizes = {name: double(array).abs() for name, array in arrays.items()}
    for name in one.shapes:
        sizes[name].requires_grad_()
    total = logits(torch.ones(1, 2, 6, 7, dtype=torch.float64), sizes, False).sum()
    total.backward()
    assert synflow.flow(one)[0] == pytest.approx(total.item(), rel=1e-12)
    for name, scores in synflow.score(one).items():
        expected = (sizes[name].grad * sizes[name]).detach().numpy()
        np.testing.assert_allclose(scores, expected, rtol=1e-11, atol=1e-12)
        assert scores.max() > 0.01
