"""Takes a tool and folders; writes the logits that each folder's network has into it.

A process of its own, for torch is not to meet TensorFlow. In each folder lie ``images.npy``
(example, channel, row, column) and what ``ltspec ticket export`` wrote, or ``ticket.safetensors``:

- ``torch`` and ``keras`` run the exported code, with no ltspec to be imported;
- ``independent`` loads exported weights into the plain ResNets of ``independent_resnets.py``;
- ``our-torch`` and ``our-tensorflow`` run the ticket on ltspec's own backend.
"""

from __future__ import annotations

import importlib
import runpy
import sys
from pathlib import Path
from typing import Any

import numpy as np


def exported(folder: Path) -> Any:
    """What ``load.py`` of the folder defines; its ``model`` is that of no other folder."""
    sys.modules.pop("model", None)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        return runpy.run_path(str(folder / "load.py"))
    finally:
        sys.path.remove(str(folder))


def checked(found: Any) -> Any:
    """The network of an export, whose masks its own script has checked."""
    model, masks = found["load"]()
    shares = found["density"](model, masks)
    for name, mask in masks.items():
        assert mask.dtype in (np.bool_, getattr(sys.modules.get("torch"), "bool", None))
        assert abs(shares[name] - float(np.asarray(mask).mean())) < 1e-6
    return model


def of_torch(folder: Path, images: np.ndarray) -> np.ndarray:
    import torch

    model = checked(exported(folder)).eval()
    with torch.no_grad():
        return model(torch.tensor(images)).numpy()


def of_keras(folder: Path, images: np.ndarray) -> np.ndarray:
    model = checked(exported(folder))
    return np.asarray(model(images.transpose(0, 2, 3, 1), training=False))


def of_independent(folder: Path, images: np.ndarray) -> np.ndarray:
    import torch
    from independent_resnets import ResNet
    from safetensors.torch import load_file

    state = load_file(folder / "model.safetensors")
    model = ResNet(50 if "layer1.0.conv3.weight" in state else 18)
    model.load_state_dict(state)  # strict: all of its names, and no other
    with torch.no_grad():
        return model.eval()(torch.tensor(images)).numpy()


def of_our_torch(folder: Path, images: np.ndarray) -> np.ndarray:
    import torch
    from ltspec_torch.lower import lower

    from ltspec.tickets.ticket import read_ticket

    ticket = read_ticket(folder / "ticket.safetensors")
    graph = ticket.graph
    weights = [torch.tensor(ticket.weights[each.name]) for each in graph.parameters]
    buffers = [torch.tensor(ticket.buffers[each.name]) for each in graph.buffers]
    with torch.no_grad():
        return lower(graph)(weights, buffers, torch.tensor(images), False).numpy()


def of_our_tensorflow(folder: Path, images: np.ndarray) -> np.ndarray:
    import tensorflow as tf
    from ltspec_tensorflow.lower import lower

    from ltspec.networks.graph import Conv
    from ltspec.tickets.ticket import read_ticket

    ticket = read_ticket(folder / "ticket.safetensors")
    graph = ticket.graph
    convolutions = {f"{node.name}.weight" for node in graph.nodes if isinstance(node.op, Conv)}
    weights = [
        tf.constant(array.transpose(2, 3, 1, 0) if name in convolutions else array)
        for name, array in ((each.name, ticket.weights[each.name]) for each in graph.parameters)
    ]
    buffers = [tf.constant(ticket.buffers[each.name]) for each in graph.buffers]
    x = tf.constant(images.transpose(0, 2, 3, 1))
    return lower(graph, "float32")(weights, buffers, x, "eval")[0].numpy()


WAYS = {
    "torch": of_torch,
    "keras": of_keras,
    "independent": of_independent,
    "our-torch": of_our_torch,
    "our-tensorflow": of_our_tensorflow,
}


if __name__ == "__main__":
    way, *folders = sys.argv[1:]
    if way in ("torch", "keras"):
        sys.modules["ltspec"] = None  # type: ignore[assignment]  # importing it fails from here on
    for folder in map(Path, folders):
        images = np.load(folder / "images.npy")
        np.save(folder / f"{way}.npy", WAYS[way](folder, images))
