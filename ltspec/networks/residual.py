"""Takes a Draft; gives it stages of residual blocks, which all ResNets here are made of.

Source: He et al. 2016, "Deep Residual Learning": blocks of two convolutions (Fig. 5, left) and
bottlenecks of three (right), with projections where the shape changes (option B).
"""

from __future__ import annotations

from ltspec.networks.draft import Draft
from ltspec.networks.graph import Add, BatchNorm, Relu


def residual_stage(
    draft: Draft,
    stage: int,
    blocks: int,
    channels: int,
    width: int,
    *,
    stride: int = 1,
    bottleneck: bool = False,
) -> int:
    """Write ``blocks`` residual blocks, the first with ``stride``; each is a block of the graph.

    The stage reads ``channels`` channels. It gives ``width``, or four times as many from
    bottlenecks, whose stride is in the 3 x 3 convolution (the v1.5 form). Returns that number.
    """
    out = 4 * width if bottleneck else width
    for index in range(blocks):
        name = f"stage{stage}.block{index}"
        entry, step = draft.last, stride if index == 0 else 1
        convolutions = [(width, 3, step), (out, 3, 1)]  # channels, kernel, stride
        if bottleneck:
            convolutions = [(width, 1, 1), (width, 3, step), (out, 1, 1)]
        for number, (size, kernel, by) in enumerate(convolutions, start=1):
            if number > 1:
                draft.add(f"{name}.relu{number - 1}", Relu())
            draft.conv(f"{name}.conv{number}", size, kernel, by)
            draft.add(f"{name}.norm{number}", BatchNorm())
        trunk = draft.last
        if step > 1 or channels != out:
            draft.conv(f"{name}.shortcut.conv", out, 1, step, reads=entry)
            entry = draft.add(f"{name}.shortcut.norm", BatchNorm())
        draft.add(f"{name}.add", Add(), trunk, entry)
        draft.add(f"{name}.relu{len(convolutions)}", Relu())
        draft.end_block("block", stage, index)
        channels = out
    return channels
