"""Takes the reference; asserts that it agrees with an implementation that is not ours.

A plain torch.nn and torch.optim loop when the backend is torch; plain TensorFlow operations with
a GradientTape when it is tensorflow. Neither uses anything of ltspec but the tape.
"""

from __future__ import annotations

import numpy as np
import pytest

from ltspec.decisions.recipe import Adam

TOLERANCE = 1e-10
"""float64 on both sides, see test_updates."""


def _inputs(case):
    """Normalised images in float64, labels as integers."""
    split = case.split
    scale, shift = (a.astype(np.float64)[:, None, None] for a in (split.scale, split.shift))
    return split.images * scale + shift, case.split.labels.astype(np.int64)


def _torch_network(name):
    """By hand, as a user of torch writes it: modules in the order of our parameters."""
    from torch import nn

    layers = {
        "perceptron": [
            nn.Flatten(),
            nn.Linear(50, 12),
            nn.ReLU(),
            nn.Linear(12, 9),
            nn.ReLU(),
            nn.Linear(9, 6),
        ],
        "vgg": [
            nn.Conv2d(2, 5, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(5, 4, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(4 * 3 * 4, 7),
            nn.ReLU(),
            nn.Linear(7, 5),
        ],
        "mobile": [
            nn.Conv2d(3, 4, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1, groups=4, bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.Conv2d(4, 6, 1, bias=False),
            nn.BatchNorm2d(6, eps=1e-3, momentum=0.3),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(6 * 2 * 2, 5),
        ],
        "uneven": [
            nn.ZeroPad2d((2, 0, 0, 1)),
            nn.Conv2d(2, 4, (3, 2), stride=(2, 1), bias=False),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.ConstantPad2d((0, 1, 1, 0), -float("inf")),
            nn.MaxPool2d((3, 2), stride=2),
            nn.ZeroPad2d((0, 0, 1, 0)),
            nn.Conv2d(4, 6, 2, stride=(1, 2), groups=2),
            nn.ZeroPad2d((1, 0, 0, 1)),
            nn.AvgPool2d(2, stride=(2, 1)),
            nn.Flatten(),
            nn.LazyLinear(5),
        ],
    }
    return nn.Sequential(*layers[name]).double()


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        *(("perceptron", rule) for rule in ("sgd", "nesterov", "plain", "adam")),
        *((name, "sgd") for name in ("vgg", "mobile", "uneven")),
    ],
)
def test_torch_nn_and_optim(kit, reference, backend_name, name, rule):
    if backend_name != "torch":
        pytest.skip("runs with --backend torch: two frameworks do not share a process")
    import torch

    case = kit.case(rule, kit.GRAPHS.get(name))
    images, labels = (torch.from_numpy(array) for array in _inputs(case))
    net = _torch_network(name)
    net.eval()(images[:1])  # the lazy layer takes its shape
    net.train()
    names = list(case.state.weights)
    parameters = dict(zip(names, net.parameters(), strict=True))
    for name, parameter in parameters.items():
        parameter.data = torch.tensor(case.state.weights[name], dtype=torch.float64)
    running = [buffer for key, buffer in net.named_buffers() if "running" in key]
    for buffer, start in zip(running, case.state.buffers.values(), strict=True):
        buffer.copy_(torch.from_numpy(start))
    r = case.rule
    groups = [
        {
            "params": [p for n, p in parameters.items() if n.endswith("weight")],
            "weight_decay": r.weight_decay,
        },
        {
            "params": [p for n, p in parameters.items() if not n.endswith("weight")],
            "weight_decay": r.weight_decay if r.decay == "all" else 0.0,
        },
    ]
    optimizer: torch.optim.Optimizer
    if isinstance(r, Adam):
        optimizer = torch.optim.Adam(groups, betas=(r.beta1, r.beta2), eps=r.epsilon, foreach=False)
    else:
        optimizer = torch.optim.SGD(
            groups, lr=0.1, momentum=r.momentum, nesterov=r.nesterov, foreach=False
        )
    masks = {name: torch.from_numpy(mask).double() for name, mask in case.masks.items()}
    tape, losses = case.tape(0, 20), []
    for batch, rate in zip(tape.batches(), tape.rates.tolist(), strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        index = torch.from_numpy(batch.astype(np.int64))
        optimizer.zero_grad()
        loss = torch.nn.CrossEntropyLoss()(net(images[index]), labels[index])
        loss.backward()
        for name, mask in masks.items():
            parameters[name].grad *= mask
        optimizer.step()
        losses.append(loss.item())
    state, expected_losses = case.play(reference)
    theirs = {name: parameter.detach().numpy() for name, parameter in parameters.items()}
    assert kit.worst(state.weights, theirs) < TOLERANCE
    np.testing.assert_allclose(expected_losses, losses, atol=1e-6)
    for buffer, ours in zip(running, state.buffers.values(), strict=True):
        np.testing.assert_allclose(ours, buffer.numpy(), atol=TOLERANCE)


@pytest.mark.parametrize("rule", ["sgd", "plain", "adam"])
def test_tensorflow_operations(kit, reference, backend_name, rule):
    if backend_name != "tensorflow":
        pytest.skip("runs with --backend tensorflow: two frameworks do not share a process")
    import tensorflow as tf

    case = kit.case(rule)
    images, labels = _inputs(case)
    w = {name: tf.Variable(a.astype(np.float64)) for name, a in case.state.weights.items()}
    first = {name: np.zeros(v.shape) for name, v in w.items()}
    second = {name: np.zeros(v.shape) for name, v in w.items()}
    tape, r = case.tape(0, 20), case.rule
    for t, (batch, rate) in enumerate(zip(tape.batches(), tape.rates, strict=True), start=1):
        rate = float(rate)
        with tf.GradientTape() as record:
            x = tf.reshape(images[batch], (len(batch), -1))
            for layer in ("fc1", "fc2"):
                x = tf.nn.relu(x @ tf.transpose(w[f"{layer}.weight"]) + w[f"{layer}.bias"])
            logits = x @ tf.transpose(w["head.weight"]) + w["head.bias"]
            picked = tf.one_hot(labels[batch], 6, dtype=tf.float64)
            loss = -tf.reduce_sum(picked * tf.nn.log_softmax(logits)) / len(batch)
        for name, gradient in record.gradient(loss, w).items():
            g = gradient.numpy()
            if r.decay == "all" or name.endswith("weight"):
                g = g + r.weight_decay * w[name].numpy()
            g = g * case.masks.get(name, 1)
            if isinstance(r, Adam):
                first[name] = r.beta1 * first[name] + (1 - r.beta1) * g
                second[name] = r.beta2 * second[name] + (1 - r.beta2) * g**2
                corrected = np.sqrt(second[name] / (1 - r.beta2**t)) + r.epsilon
                w[name].assign_sub(rate * first[name] / (1 - r.beta1**t) / corrected)
            else:
                first[name] = r.momentum * first[name] + g
                w[name].assign_sub(rate * first[name])
    state, _ = case.play(reference)
    assert kit.worst(state.weights, {name: v.numpy() for name, v in w.items()}) < TOLERANCE
