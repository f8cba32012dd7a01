"""Takes a workload; gives the loop that a skilled person would write for it in PyTorch.

torch.nn, torch.optim with fused updates, gradient masks in one call, images as bytes on the
device, losses kept there. It uses nothing of ltspec but the workload's arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import nn
from workload import Workload

from ltspec.engine.backend import Adam


def prepare(work: Workload, device: str) -> Callable[[], Callable[[], object]]:
    """Data goes to the device now; each call then gives a fresh training that is ready to run."""
    warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
    images = torch.from_numpy(work.split.images).to(device)
    labels = torch.from_numpy(work.split.labels).long().to(device)
    scale, shift = (torch.from_numpy(a).to(device) for a in (work.split.scale, work.split.shift))
    scale, shift = scale[:, None, None], shift[:, None, None]
    masks = [torch.from_numpy(mask).float().to(device) for mask in work.masks.values()]

    def fresh() -> Callable[[], object]:
        net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(784, 300),
            nn.ReLU(),
            nn.Linear(300, 100),
            nn.ReLU(),
            nn.Linear(100, 10),
        ).to(device)
        named = zip(net.parameters(), work.state.weights.items(), strict=True)
        for parameter, (_, array) in named:
            parameter.data = torch.tensor(array, device=device)
        masked = [net[1].weight, net[3].weight, net[5].weight]
        criterion = nn.CrossEntropyLoss()
        rule = work.rule
        optimizer: torch.optim.Optimizer
        if isinstance(rule, Adam):
            optimizer = torch.optim.Adam(
                net.parameters(), betas=(rule.beta1, rule.beta2), eps=rule.epsilon, fused=True
            )
        else:
            optimizer = torch.optim.SGD(
                net.parameters(), lr=0.1, momentum=rule.momentum, fused=True
            )
        rates = work.tape.rates.tolist()
        losses = torch.empty(work.tape.steps, device=device)

        def train() -> object:
            for i, indices in enumerate(work.tape.batches()):
                index = torch.from_numpy(indices).to(device)
                x = torch.addcmul(shift, images.index_select(0, index).float(), scale)
                loss = criterion(net(x), labels.index_select(0, index))
                optimizer.zero_grad()
                loss.backward()
                torch._foreach_mul_([weight.grad for weight in masked], masks)
                optimizer.param_groups[0]["lr"] = rates[i]
                optimizer.step()
                losses[i] = loss.detach()
            return losses.cpu()

        return train

    return fresh
