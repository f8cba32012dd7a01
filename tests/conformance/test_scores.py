"""Takes a backend; asserts that criteria that ask it for gradients score as their papers say.

The oracles are written here: differences of losses and gradients of the reference, for every
backend, and for torch and TensorFlow a plain network with autograd. All in float64, where they
differ by the order of sums alone.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from ltspec.decisions import masks as masking
from ltspec.decisions.amounts import rounds
from ltspec.decisions.criteria import Subject, grasp, snip, synflow
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
        masks=case.masks,
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


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_grasp_is_what_the_norm_of_the_gradient_loses(kit, reference, backend64, mode, temperature):
    """w (H g) is minus the slope of g g / 2 while w goes to zero, by differences; g is of the
    weights that are left, of both batches, with the outputs divided by the temperature."""
    case = network(kit)
    one = replace(subject(case, backend64, mode), temperature=temperature)
    found = grasp.score(one)
    plain = {name: w.astype(np.float64) for name, w in one.weights.items()}
    for part in ("weight", "bias"):  # to divide the outputs is to divide the last layer
        plain[f"n8.{part}"] /= temperature
    total = sum(len(each) for each in BATCHES)

    def half_norm(name, entry, factor):
        changed = {**plain, name: plain[name].copy()}
        changed[name].reshape(-1)[entry] *= factor
        sums = {n: np.zeros(mask.shape) for n, mask in case.masks.items()}
        for each in BATCHES:
            _, gradients = case.gradients(reference, each, mode, changed)
            for n in sums:
                by_undivided = temperature if n == "n8.weight" else 1
                sums[n] += len(each) * gradients[n] * case.masks[n] / by_undivided
        return sum(((g / total) ** 2).sum() for g in sums.values()) / 2

    compared = 0
    assert list(found) == list(case.masks)
    for name, scores in found.items():
        for entry in np.flatnonzero(case.masks[name])[::7]:
            h = 1e-5
            slope = (half_norm(name, entry, 1 + h) - half_norm(name, entry, 1 - h)) / (2 * h)
            assert scores.reshape(-1)[entry] == pytest.approx(slope, abs=1e-7), name
            compared += abs(slope) > 1e-4
    assert compared > 10
    assert all(not scores[~case.masks[name]].any() for name, scores in found.items())


def test_grasp_of_exempt_tensors(kit, backend64):
    """They are part of the gradient, and get no score."""
    case = network(kit)
    one = subject(case, backend64)
    whole = grasp.score(one)
    some = grasp.score(replace(one, shapes={"n4.weight": one.shapes["n4.weight"]}))
    assert list(some) == ["n4.weight"]
    assert np.array_equal(some["n4.weight"], whole["n4.weight"])


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
    """SNIP and GraSP in both modes and SynFlow against a plain network written here."""
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
        leaves = {n: tensors[n].clone().requires_grad_() for n in one.shapes}
        cooled = logits(images, {**tensors, **leaves}, mode == "train") / 5
        loss = f.cross_entropy(cooled, labels)
        flow = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
        left = [torch.from_numpy(case.masks[n]) for n in leaves]
        product = sum((g * (g.detach() * m)).sum() for g, m in zip(flow, left, strict=True))
        curvature = torch.autograd.grad(product, list(leaves.values()))
        found = grasp.score(replace(one, mode=mode, temperature=5.0))
        for (name, leaf), second in zip(leaves.items(), curvature, strict=True):
            expected = (leaf * second).detach().numpy()
            np.testing.assert_allclose(found[name], expected, atol=1e-13)
            assert np.abs(expected).max() > 1e-4

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


def test_tensorflow_autograd_says_the_same(kit, backend_name, backend64):
    """SNIP and GraSP in both modes and SynFlow against a plain network written here."""
    if backend_name != "tensorflow":
        pytest.skip("about the tensorflow backend alone")
    import tensorflow as tf

    case = network(kit)
    one = subject(case, backend64, due=BATCHES[:1])
    arrays = {n: np.asarray(a, np.float64) for n, a in {**one.weights, **one.buffers}.items()}
    convolutions = [n for n in arrays if arrays[n].ndim == 4]
    names = list(one.shapes)

    def turned(name, array):
        """A convolution's weight as (row, column, in, out), and back by the inverse."""
        return np.transpose(array, (2, 3, 1, 0)) if name in convolutions else array

    def back(name, array):
        array = np.asarray(array)
        return np.transpose(array, (3, 2, 0, 1)) if name in convolutions else array

    def logits(x, t, train):
        for conv, norm, padding in (("n0", "n1", "SAME"), ("n4", "n5", "VALID")):
            x = tf.nn.conv2d(x, t[f"{conv}.weight"], 1, padding)
            x = x + t[f"{conv}.bias"] if f"{conv}.bias" in t else x
            mean, variance = t[f"{norm}.running_mean"], t[f"{norm}.running_var"]
            if train:
                # tf.nn.moments holds the mean in the variance still: no second derivative.
                mean = tf.reduce_mean(x, (0, 1, 2))
                variance = tf.reduce_mean((x - mean) ** 2, (0, 1, 2))
            x = (x - mean) / tf.sqrt(variance + 1e-5) * t[f"{norm}.scale"] + t[f"{norm}.shift"]
            x = tf.nn.relu(x)
            x = tf.nn.max_pool2d(x, 2, 2, "VALID") if conv == "n0" else x
        x = tf.reshape(tf.transpose(x, (0, 3, 1, 2)), (x.shape[0], -1))
        return tf.linalg.matvec(t["n8.weight"], x) + t["n8.bias"]

    split: Split = case.split
    images = split.images[BATCHES[0]] * split.scale.astype(np.float64)[:, None, None]
    images = tf.constant((images + split.shift[:, None, None]).transpose(0, 2, 3, 1))
    labels = split.labels[BATCHES[0]].astype(np.int64)
    tensors = {name: tf.constant(turned(name, array)) for name, array in arrays.items()}
    leaves = [tensors[name] for name in names]
    left = [turned(name, case.masks[name].astype(np.float64)) for name in names]
    for mode in ("eval", "train"):
        with tf.GradientTape(persistent=True) as outer:
            outer.watch(leaves)
            with tf.GradientTape(persistent=True) as inner:
                inner.watch(leaves)
                answers = logits(images, tensors, mode == "train")
                losses = [
                    tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, z))
                    for z in (answers, answers / 5)
                ]
            gradients = inner.gradient(losses[0], leaves)
            flow = inner.gradient(losses[1], leaves)
            pairs = zip(flow, left, strict=True)
            product = tf.add_n([tf.reduce_sum(g * tf.stop_gradient(g) * m) for g, m in pairs])
        curvature = outer.gradient(product, leaves)
        sizes = snip.score(replace(one, mode=mode))
        found = grasp.score(replace(one, mode=mode, temperature=5.0))
        for name, leaf, g, second in zip(names, leaves, gradients, curvature, strict=True):
            np.testing.assert_allclose(sizes[name], back(name, abs(g * leaf)), atol=1e-12)
            np.testing.assert_allclose(found[name], back(name, leaf * second), atol=1e-13)
            assert np.abs(found[name]).max() > 1e-4

    absolute = {name: tf.abs(tensor) for name, tensor in tensors.items()}
    leaves = [absolute[name] for name in names]
    with tf.GradientTape() as tape:
        tape.watch(leaves)
        total = tf.reduce_sum(logits(tf.ones((1, 6, 7, 2), tf.float64), absolute, False))
    assert synflow.flow(one)[0] == pytest.approx(float(total), rel=1e-12)
    scores = synflow.score(one)
    for name, leaf, g in zip(names, leaves, tape.gradient(total, leaves), strict=True):
        np.testing.assert_allclose(scores[name], back(name, g * leaf), rtol=1e-11, atol=1e-12)
