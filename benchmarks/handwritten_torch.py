"""Takes a workload; gives the loop that a skilled person would write for it in PyTorch.

Images as bytes on the device, cut and mirrored there, losses kept there, one fused update, masks on
the gradients in one call; convolutions channels-last, bf16 by autocast. It uses nothing of ltspec
but the workload's arrays.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext

import torch
from torch import Tensor
from torch.nn import functional
from workload import Workload

from ltspec.engine.backend import Adam


def prepare(
    work: Workload, device: str, precision: str = "float32"
) -> Callable[[], Callable[[], object]]:
    """Data goes to the device now; each call then gives a fresh training that is ready to run, in a
    process that is as free as it can be, whatever was asked of it in between."""
    warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
    network = NETWORKS[work.network]
    batch = batches(work, device) if work.augment is None else augmented(work, device)
    masks = {
        name: placed(torch.from_numpy(mask).float().to(device)) for name, mask in work.masks.items()
    }
    rates, rule = work.tape.rates.tolist(), work.rule

    def fresh() -> Callable[[], object]:
        settle(precision)
        weights = {
            name: placed(torch.tensor(array, device=device)).requires_grad_()
            for name, array in work.state.weights.items()
        }
        running = [torch.tensor(array, device=device) for array in work.state.buffers.values()]
        optimizer: torch.optim.Optimizer
        if isinstance(rule, Adam):
            optimizer = torch.optim.Adam(
                weights.values(), betas=(rule.beta1, rule.beta2), eps=rule.epsilon, fused=True
            )
        else:
            optimizer = torch.optim.SGD(
                weights.values(),
                lr=0.1,
                momentum=rule.momentum,
                weight_decay=rule.weight_decay,
                fused=True,
            )
        losses = torch.empty(work.tape.steps, device=device)
        mixed = torch.autocast(device, torch.bfloat16) if precision == "bf16" else nullcontext()

        def train() -> object:
            for i in range(work.tape.steps):
                x, y = batch(i)
                with mixed:
                    logits = network(iter(weights.values()), iter(running), x)
                loss = functional.cross_entropy(logits.float(), y)
                optimizer.zero_grad()
                loss.backward()
                torch._foreach_mul_([weights[name].grad for name in masks], list(masks.values()))
                optimizer.param_groups[0]["lr"] = rates[i]
                optimizer.step()
                losses[i] = loss.detach()
            return losses.cpu()

        return train

    return fresh


def settle(precision: str) -> None:
    """Set what torch knows only for a whole process."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True  # every batch has one size
    if torch.are_deterministic_algorithms_enabled():
        torch.use_deterministic_algorithms(False)


def placed(tensor: Tensor) -> Tensor:
    """Weights of convolutions channels-last."""
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.dim() == 4 else tensor


def batches(work: Workload, device: str) -> Callable[[int], tuple[Tensor, Tensor]]:
    """The normalised batch of a step, as it is in the data set."""
    images, labels = on_device(work, device)
    scale, shift = (torch.from_numpy(a).to(device) for a in (work.split.scale, work.split.shift))
    scale, shift = scale[:, None, None], shift[:, None, None]

    def batch(i: int) -> tuple[Tensor, Tensor]:
        index = torch.from_numpy(work.tape.batch(i)).to(device)
        x = torch.addcmul(shift, images.index_select(0, index).float(), scale)
        return placed(x), labels.index_select(0, index)

    return batch


def augmented(work: Workload, device: str) -> Callable[[int], tuple[Tensor, Tensor]]:
    """The normalised batch of a step, cut out of padded images and mirrored; channels-last."""
    tape = work.tape
    assert work.augment is not None
    assert tape.flips is not None
    assert tape.shifts is not None
    images, labels = on_device(work, device)
    height, width = images.shape[2:]
    margin = work.augment.crop
    images = functional.pad(images, (margin,) * 4).permute(0, 2, 3, 1).contiguous()
    scale, shift = (torch.from_numpy(a).to(device) for a in (work.split.scale, work.split.shift))
    down, across = torch.arange(height, device=device), torch.arange(width, device=device)
    flips, shifts = torch.from_numpy(tape.flips), torch.from_numpy(tape.shifts).long() + margin
    bounds = tape.bounds.tolist()

    def batch(i: int) -> tuple[Tensor, Tensor]:
        some = slice(bounds[i], bounds[i + 1])
        index = torch.from_numpy(tape.examples[some]).to(device)
        flip, move = flips[some].to(device), shifts[some].to(device)
        rows = move[:, :1] + down
        columns = move[:, 1:] + torch.where(flip[:, None], across.flip(0), across)
        cut = images[index[:, None, None], rows[:, :, None], columns[:, None, :]]
        x = torch.addcmul(shift, cut.float(), scale).permute(0, 3, 1, 2)
        return x, labels.index_select(0, index)

    return batch


def on_device(work: Workload, device: str) -> tuple[Tensor, Tensor]:
    """All images as bytes, all labels as cross-entropy wants them."""
    images = torch.from_numpy(work.split.images).to(device)
    return images, torch.from_numpy(work.split.labels).long().to(device)


def lenet(weights: Iterator[Tensor], running: Iterator[Tensor], x: Tensor) -> Tensor:
    x = x.flatten(1)
    x = functional.relu(functional.linear(x, next(weights), next(weights)))
    x = functional.relu(functional.linear(x, next(weights), next(weights)))
    return functional.linear(x, next(weights), next(weights))


def resnet20(weights: Iterator[Tensor], running: Iterator[Tensor], x: Tensor) -> Tensor:
    def convolved(x: Tensor, stride: int = 1, padding: int = 1) -> Tensor:
        x = functional.conv2d(x, next(weights), None, stride, padding)
        return normalised(weights, running, x)

    x = functional.relu(convolved(x), inplace=True)
    for stage in range(3):
        for block in range(3):
            narrows = stage > 0 and block == 0
            y = functional.relu(convolved(x, 2 if narrows else 1), inplace=True)
            y = convolved(y)
            x = functional.relu(y + (convolved(x, 2, 0) if narrows else x), inplace=True)
    return functional.linear(x.mean((2, 3)), next(weights), next(weights))


def resnet50(weights: Iterator[Tensor], running: Iterator[Tensor], x: Tensor) -> Tensor:
    def convolved(x: Tensor, stride: int = 1, padding: int = 0) -> Tensor:
        x = functional.conv2d(x, next(weights), None, stride, padding)
        return normalised(weights, running, x)

    x = functional.relu(convolved(x, 2, 3), inplace=True)
    x = functional.max_pool2d(x, 3, 2, 1)
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            stride = 2 if stage > 0 and block == 0 else 1
            y = functional.relu(convolved(x), inplace=True)
            y = functional.relu(convolved(y, stride, 1), inplace=True)
            y = convolved(y)
            x = functional.relu(y + (x if block else convolved(x, stride)), inplace=True)
    return functional.linear(x.mean((2, 3)), next(weights), next(weights))


def vgg16(weights: Iterator[Tensor], running: Iterator[Tensor], x: Tensor) -> Tensor:
    for stage, convolutions in enumerate((2, 2, 3, 3, 3)):
        if stage:
            x = functional.max_pool2d(x, 2)
        for _ in range(convolutions):
            x = functional.conv2d(x, next(weights), next(weights), 1, 1)
            x = functional.relu(normalised(weights, running, x), inplace=True)
    return functional.linear(x.mean((2, 3)), next(weights), next(weights))


def normalised(weights: Iterator[Tensor], running: Iterator[Tensor], x: Tensor) -> Tensor:
    scale, shift, mean, variance = next(weights), next(weights), next(running), next(running)
    return functional.batch_norm(x, mean, variance, scale, shift, True, 0.1, 1e-5)


NETWORKS = {"lenet": lenet, "resnet20": resnet20, "vgg16": vgg16, "resnet50": resnet50}
