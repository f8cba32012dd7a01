"""Takes a data folder and an empty folder; gives the lottery that a skilled person would script.

LeNet-300-100 on MNIST in plain PyTorch: four trainings of 1,000 steps at batch 128, 20% of what
remains pruned by magnitude after each of the first three, weights rewound to their initial values,
each network evaluated once and each ticket saved. Nothing of ltspec.

    python benchmarks/handwritten_lottery.py DATA TARGET [THREADS]
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

TRAININGS, STEPS, BATCH, FRACTION = 4, 1000, 128, 0.2


def read(file: Path, offset: int) -> torch.Tensor:
    """The bytes of a gzipped IDX file behind its head."""
    with gzip.open(file) as opened:
        return torch.from_numpy(np.frombuffer(opened.read(), np.uint8, offset=offset).copy())


def main() -> None:
    data, target = Path(sys.argv[1]), Path(sys.argv[2])
    if len(sys.argv) > 3:
        torch.set_num_threads(int(sys.argv[3]))
    images = read(data / "train-images-idx3-ubyte.gz", 16).view(60_000, 784)
    labels = read(data / "train-labels-idx1-ubyte.gz", 8).long()
    test_images = read(data / "t10k-images-idx3-ubyte.gz", 16).view(10_000, 784)
    test_labels = read(data / "t10k-labels-idx1-ubyte.gz", 8).long()
    torch.manual_seed(1)
    net = nn.Sequential(
        nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )
    weights = [net[0].weight, net[2].weight, net[4].weight]
    for weight in weights:
        nn.init.xavier_normal_(weight)
    start = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    masks = [torch.ones_like(weight) for weight in weights]
    for level in range(TRAININGS):
        net.load_state_dict(start)
        with torch.no_grad():
            torch._foreach_mul_(weights, masks)
        torch.save((net.state_dict(), masks), target / f"ticket{level}.pt")
        optimizer = torch.optim.Adam(net.parameters(), lr=1.2e-3, fused=True)
        batches = iter(())
        for _ in range(STEPS):
            batch = next(batches, None)
            if batch is None:
                batches = iter(torch.randperm(60_000).split(BATCH))
                batch = next(batches)
            x = (images[batch].float() / 255 - 0.1307) / 0.3081
            loss = cross_entropy(net(x), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            torch._foreach_mul_([weight.grad for weight in weights], masks)
            optimizer.step()
        with torch.no_grad():
            answers = net((test_images.float() / 255 - 0.1307) / 0.3081).argmax(1)
            accuracy = (answers == test_labels).float().mean().item()
            print(f"level {level}: {accuracy:.2%}")
            sizes = torch.cat(
                [(w.abs() * m).flatten() for w, m in zip(weights, masks, strict=True)]
            )
            kept = round((1 - FRACTION) * sum(int(mask.sum()) for mask in masks))
            threshold = sizes.kthvalue(len(sizes) - kept).values
            masks = [
                (weight.abs() > threshold).float() * mask
                for weight, mask in zip(weights, masks, strict=True)
            ]


if __name__ == "__main__":
    main()
