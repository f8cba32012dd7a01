"""Takes an Outline; gives the texts that the template of a Keras model is filled with.

Channels come last, the only layout that TensorFlow's kernels for a CPU know.
"""

from __future__ import annotations

import math
import re
from typing import Any

from ltspec.networks.code.names import is_depthwise
from ltspec.networks.code.outline import (
    Argument,
    BlockClass,
    Call,
    Layer,
    Line,
    Outline,
    Stage,
)
from ltspec.networks.graph import (
    Add,
    AvgPool,
    BatchNorm,
    Conv,
    Flatten,
    GlobalAvgPool,
    Linear,
    MaxPool,
    Padding,
    Pair,
    Relu,
    Shape,
)


def blocks(outline: Outline) -> list[dict[str, Any]]:
    """What the template says of each function that adds a block."""
    found = []
    for each in outline.classes:
        lines = _statements(each.lines, each)
        words = " ".join(lines)
        arguments = [argument for argument in each.arguments if _is_used(argument, words)]
        optional = each.shortcut is not None and each.shortcut.optional
        words_of_head = [
            "x",
            *(a.name if a.default is None else f"{a.name}={a.default}" for a in arguments),
            *(["project=False"] if optional else []),
            "*",
            "name",
        ]
        found.append(
            {
                "class_name": each.name,
                "head": f"def {_function(each.name)}({', '.join(words_of_head)}):",
                "lines": lines,
                "result": each.result,
            }
        )
    return found


def _is_used(argument: Argument, words: str) -> bool:
    return re.search(rf"\b{argument.name}\b", words) is not None


def _function(class_name: str) -> str:
    """``BasicBlock_2`` is ``basic_block_2``."""
    spaced = "".join(f"_{c.lower()}" if c.isupper() else c for c in class_name)
    return spaced.lstrip("_").replace("__", "_")


def network(outline: Outline, input_shape: Shape) -> dict[str, Any]:
    """What the template says of the network itself."""
    lines: list[str] = []
    used = {each["class_name"]: " ".join(each["lines"]) for each in blocks(outline)}
    shape = input_shape
    for line in outline.lines:
        if isinstance(line.does, Stage):
            x, target = line.sources[0], line.target
            for number, made in enumerate(line.does.calls):
                name = f'"{line.does.name}_block{number}"'
                text = ", ".join([x, *_values(made, used[made.type_name]), f"name={name}"])
                lines.append(f"{target} = {_function(made.type_name)}({text})")
                x = target
        else:
            lines.extend(_layer_lines(line, "{}"))
        gives = line.does.gives if isinstance(line.does, Layer | Stage) else shape
        if gives != shape:
            lines[-1] += f"  # {_shape(gives)}"
        shape = gives
    return {
        "lines": lines,
        "result": outline.result,
        "input_shape": f"({input_shape[1]}, {input_shape[2]}, {input_shape[0]})",
    }


def _values(made: Call, words: str) -> list[str]:
    values = [
        str(value) if argument.default is None else f"{argument.name}={value}"
        for argument, value in made.values
        if value != argument.default and _is_used(argument, words)
    ]
    return [*values, *(["project=True"] if made.project else [])]


def _shape(shape: Shape) -> str:
    """In the order of Keras, channels last."""
    return " x ".join(map(str, (*shape[1:], shape[0])))


def _statements(lines: tuple[Line, ...], made: BlockClass) -> list[str]:
    texts: list[str] = []
    for line in lines:
        if isinstance(line.does, Layer):
            texts.extend(_layer_lines(line, "{{name}}_{}"))
            continue
        assert made.shortcut is not None
        inner: list[str] = []
        x, target = line.sources[0], line.target
        for layer in made.shortcut.layers:
            named = Line(target, layer, (x,), True)
            inner.extend(_layer_lines(named, "{{name}}_shortcut_{}"))
            x = target
        if made.shortcut.optional:
            texts.append("if project:")
            texts.extend(f"    {text}" for text in inner)
            if target != line.sources[0]:
                texts.extend(["else:", f"    {target} = {line.sources[0]}"])
        else:
            texts.extend(inner)
    return texts


def _layer_lines(line: Line, naming: str) -> list[str]:
    """Statements for one layer. ``naming``: a format that makes its name in Keras."""
    layer, x, target = line.does, line.sources[0], line.target
    assert isinstance(layer, Layer)

    def name(suffix: str = "") -> str:
        text = naming.format(layer.name + suffix)
        return f'name=f"{text}"' if "{" in text else f'name="{text}"'

    before: list[str] = []
    if isinstance(layer.op, Conv | AvgPool) and any(layer.op.padding):
        padding = _padding(layer.op.padding)
        before.append(f"{target} = layers.ZeroPadding2D({padding}, {name('_pad')})({x})")
        x = target
    match layer.op:
        case Conv() as op:
            made = _convolution(op, layer)
        case Linear(bias=bias):
            made = f"layers.Dense({layer.out}{'' if bias else ', use_bias=False'}"
        case BatchNorm(epsilon=epsilon, momentum=momentum):
            made = (
                f"layers.BatchNormalization(momentum={1 - momentum:.12g}, "
                f"epsilon={float(epsilon)!r}"
            )
        case Relu():
            made = "layers.ReLU("
        case Flatten():
            if len(layer.reads) == 3 and layer.reads[0] > 1 and math.prod(layer.reads[1:]) > 1:
                order = f"layers.Permute((3, 1, 2), {name('_order')})({x})"
                before.append(f"{target} = {order}  # weights expect channel, row, column")
                x = target
            made = "layers.Flatten("
        case GlobalAvgPool():
            made = "layers.GlobalAveragePooling2D("
        case Add():
            made, x = "layers.Add(", f"[{x}, {line.sources[1]}]"
        case MaxPool() as op:
            if any(op.padding):
                top, bottom, left, right = op.padding
                around = f"((0, 0), ({top}, {bottom}), ({left}, {right}), (0, 0))"
                before.append(f'{target} = ops.pad({x}, {around}, constant_values=float("-inf"))')
                x = target
            made = f"layers.MaxPooling2D({_pair(op.kernel)}, strides={_pair(op.stride)}"
        case AvgPool() as op:
            made = f"layers.AveragePooling2D({_pair(op.kernel)}, strides={_pair(op.stride)}"
    comma = "" if made.endswith("(") else ", "
    return [*before, f"{target} = {made}{comma}{name()})({x})"]


def _convolution(op: Conv, layer: Layer) -> str:
    stride = layer.stride or str(op.stride)
    strides = "" if stride == "1" else f", strides={stride}"
    bias = "" if op.bias else ", use_bias=False"
    if is_depthwise(op, layer.reads[0]):
        times = op.out // layer.reads[0]
        multiplier = "" if times == 1 else f", depth_multiplier={times}"
        return f"layers.DepthwiseConv2D({_pair(op.kernel)}{strides}{multiplier}{bias}"
    groups = "" if op.groups == 1 else f", groups={op.groups}"
    return f"layers.Conv2D({layer.out}, {_pair(op.kernel)}{strides}{groups}{bias}"


def _padding(padding: Padding) -> str:
    top, bottom, left, right = padding
    if len(set(padding)) == 1:
        return str(top)
    return f"(({top}, {bottom}), ({left}, {right}))"


def _pair(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else str(pair)
