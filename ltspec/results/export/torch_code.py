"""Takes an Outline; gives the texts that the template of a PyTorch module is filled with."""

from __future__ import annotations

from typing import Any

from ltspec.networks.code.outline import BlockClass, Call, Layer, Line, Outline, Stage
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
    """What the template says of each class of blocks."""
    return [
        {
            "name": each.name,
            "arguments": [*_signature(each), *_project(each)],
            "layers": [f"self.{layer.name} = {made}" for layer, made in _made(each.layers)],
            "shortcut": _shortcut(each),
            "lines": _statements(each.lines),
            "result": each.result,
        }
        for each in outline.classes
    ]


def network(outline: Outline, input_shape: Shape) -> dict[str, Any]:
    """What the template says of the network itself."""
    made: list[dict[str, Any]] = []
    for attribute in outline.attributes:
        if isinstance(attribute, Stage):
            made.append({"name": attribute.name, "calls": _calls(attribute.calls), "text": ""})
        elif text := constructor(attribute):
            made.append({"name": attribute.name, "calls": [], "text": text})
    return {
        "attributes": made,
        "lines": _statements(outline.lines, input_shape),
        "result": outline.result,
    }


def _made(layers: tuple[Layer, ...]) -> list[tuple[Layer, str]]:
    return [(layer, text) for layer in layers if (text := constructor(layer))]


def _signature(made: BlockClass) -> list[str]:
    return [
        each.name if each.default is None else f"{each.name}={each.default}"
        for each in made.arguments
    ]


def _project(made: BlockClass) -> list[str]:
    return ["project=False"] if made.shortcut and made.shortcut.optional else []


def _shortcut(made: BlockClass) -> dict[str, Any]:
    if made.shortcut is None:
        return {}
    return {
        "layers": [constructor(layer) for layer in made.shortcut.layers],
        "optional": made.shortcut.optional,
    }


def _calls(calls: tuple[Call, ...]) -> list[str]:
    """Blocks of a stage as code; three and more equal ones in a row are counted."""
    texts: list[str] = []
    runs: list[tuple[str, int]] = []
    for text in map(call, calls):
        last, times = runs[-1] if runs else ("", 0)
        if text == last:
            runs[-1] = (text, times + 1)
        else:
            runs.append((text, 1))
    for text, times in runs:
        texts.extend([f"*({text} for _ in range({times}))"] if times > 2 else [text] * times)
    return texts


def call(made: Call) -> str:
    """``BasicBlock(16, 32, stride=2, project=True)``."""
    values = [
        str(value) if argument.default is None else f"{argument.name}={value}"
        for argument, value in made.values
        if value != argument.default
    ]
    return f"{made.type_name}({', '.join([*values, *(['project=True'] if made.project else [])])})"


def constructor(layer: Layer) -> str:
    """The module that holds a layer's weights; empty for one without any."""
    match layer.op:
        case Linear(bias=bias):
            return f"nn.Linear({layer.inputs}, {layer.out}{'' if bias else ', bias=False'})"
        case BatchNorm(epsilon=epsilon, momentum=momentum):
            return (
                f"nn.BatchNorm2d({layer.inputs}, eps={float(epsilon)!r}, "
                f"momentum={float(momentum)!r})"
            )
        case Conv() as op:
            texts = [layer.inputs, layer.out, f"kernel_size={_pair(op.kernel)}"]
            stride = layer.stride or str(op.stride)
            if stride != "1":
                texts.append(f"stride={stride}")
            if any(op.padding) and _even(op.padding):
                texts.append(f"padding={_pair((op.padding[0], op.padding[2]))}")
            if op.groups > 1:
                texts.append(f"groups={_groups(layer)}")
            if not op.bias:
                texts.append("bias=False")
            return f"nn.Conv2d({', '.join(texts)})"
        case _:
            return ""


def _groups(layer: Layer) -> str:
    assert isinstance(layer.op, Conv)
    return layer.inputs if layer.op.groups == layer.reads[0] else str(layer.op.groups)


def _pair(pair: Pair) -> str:
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


def _even(padding: Padding) -> bool:
    return (padding[0], padding[2]) == (padding[1], padding[3])


def _statements(lines: tuple[Line, ...], entry: Shape | None = None) -> list[str]:
    """Statements of ``forward``; with ``entry``, its shape, comments say where shapes change."""
    said: list[tuple[str, str, Shape]] = []  # target, expression, shape
    for line in lines:
        gives = line.does.gives if isinstance(line.does, Layer | Stage) else ()
        relu = isinstance(line.does, Layer) and isinstance(line.does.op, Relu)
        if relu and line.goes_on and said and not said[-1][1].startswith("F.relu("):
            _, text, _ = said.pop()
            said.append((line.target, f"F.relu({text})", gives))
        else:
            said.append((line.target, _expression(line), gives))
    texts: list[str] = []
    shape = entry
    for target, text, gives in said:
        changed = entry is not None and gives != shape
        texts.append(f"{target} = {text}" + (f"  # {_shape(gives)}" if changed else ""))
        shape = gives
    return texts


def _shape(shape: Shape) -> str:
    return " x ".join(map(str, shape))


def _expression(line: Line) -> str:
    x = line.sources[0]
    if isinstance(line.does, Stage):
        return f"self.{line.does.name}({x})"
    if not isinstance(line.does, Layer):
        return f"self.shortcut({x})"
    layer = line.does
    match layer.op:
        case Conv(padding=padding):
            return f"self.{layer.name}({x if _even(padding) else _padded(x, padding)})"
        case Linear() | BatchNorm():
            return f"self.{layer.name}({x})"
        case Relu():
            return f"F.relu({x})"
        case Flatten():
            return f"torch.flatten({x}, 1)"
        case GlobalAvgPool():
            return f"{x}.mean((2, 3))"
        case Add():
            return f"{x} + {line.sources[1]}"
        case MaxPool() as op:
            return _pool("F.max_pool2d", x, op, ', value=float("-inf")')
        case AvgPool() as op:
            return _pool("F.avg_pool2d", x, op, "")


def _pool(function: str, x: str, op: MaxPool | AvgPool, value: str) -> str:
    """A pool can be told of padding that is even, and no more than half of its window."""
    top, _, left, _ = op.padding
    texts = [_pair(op.kernel)]
    if op.stride != op.kernel:
        texts.append(f"stride={_pair(op.stride)}")
    if any(op.padding):
        if _even(op.padding) and 2 * top <= op.kernel[0] and 2 * left <= op.kernel[1]:
            texts.append(f"padding={_pair((top, left))}")
        else:
            x = _padded(x, op.padding, value)
    return f"{function}({x}, {', '.join(texts)})"


def _padded(x: str, padding: Padding, value: str = "") -> str:
    top, bottom, left, right = padding
    return f"F.pad({x}, ({left}, {right}, {top}, {bottom}){value})"
