"""Takes a ticket; gives a folder that another tool reads without ltspec: code of the model, its
weights and masks in that tool's own names, a script that loads them, and a page about them.

The folder is written under another name and renamed, so that it is there as a whole or not at all.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import jinja2
import numpy as np

from ltspec.decisions.state import Array
from ltspec.engine.disk import sync, write
from ltspec.engine.record import packed
from ltspec.errors import GraphError, RunError, UsageError
from ltspec.networks.code.names import (
    keras_names,
    keras_shapes,
    torch_counters,
    torch_names,
    torchvision_counters,
    torchvision_names,
)
from ltspec.networks.code.outline import outline
from ltspec.networks.families import drawn
from ltspec.networks.graph import BatchNorm, Flatten, Graph, MaxPool
from ltspec.results.export import keras_code, torch_code, torchvision
from ltspec.tickets.certificate import branch_name
from ltspec.tickets.ticket import Ticket
from ltspec.weights.layout import to_keras

Target = Literal["torch", "keras", "torchvision"]
Files = dict[str, bytes]
"""Content by file name."""

MASKS = "masks.safetensors"
LINE = 100
"""Characters that a line of code has at most, where names are not very long."""
_FAMILIES: Mapping[str, tuple[str, str]] = {
    "lenet": ("LeNet", ""),
    "lenet5": ("LeNet5", ""),
    "conv": ("Conv", "layers"),
    "cifar-vgg": ("VGG", "depth"),
    "cifar-resnet": ("ResNet", "depth"),
    "imagenet-resnet": ("ResNet", "depth"),
    "mobilenet-v1": ("MobileNetV1", ""),
}
"""What people call a network, and the key of its section that belongs to its name."""


def export_ticket(ticket: Ticket, to: Target, out: Path, *, force: bool = False) -> list[Path]:
    """Write the folder ``out``; returns the files in it.

    ``force``: write into a folder that has files already, and over those of the same names.
    Raises UsageError: LT420 where ``out`` is not an empty folder, LT421 where torchvision has no
    such network; RunError (LT422) where it cannot be written.
    """
    check_place(out, force)
    return place(files_of(ticket, to), out)


def check_place(out: Path, force: bool) -> None:
    """Raises UsageError (LT420) where ``out`` is not, or may not be, written to."""
    if out.is_symlink() and not out.exists():
        raise UsageError(f"{out} is a link to nowhere", code="LT420")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is no folder", code="LT420", hint="name another one with --out")
    if not force and out.is_dir() and any(out.iterdir()):
        raise UsageError(
            f"the folder {out} is not empty",
            code="LT420",
            hint="name another one with --out; --force writes over files of the same names in it",
        )


def files_of(ticket: Ticket, to: Target) -> Files:
    """All files of the folder, by name. Equal tickets give equal files."""
    if to == "torch":
        return _torch(ticket)
    return _keras(ticket) if to == "keras" else _torchvision(ticket)


def place(files: Files, out: Path) -> list[Path]:
    """Write files into the folder ``out``, which is made where it is not there.

    Raises RunError (LT422).
    """
    part = out.parent / f".{out.name}.{secrets.token_hex(4)}.part"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.mkdir()
            for name, data in files.items():
                write(part / name, data)
            if out.is_dir() and any(out.iterdir()):
                for name in files:
                    (part / name).replace(out / name)
            else:
                if out.is_dir():
                    out.rmdir()  # renaming onto a folder is not possible everywhere
                part.replace(out)
            sync(out.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise RunError(
            f"{out} cannot be written: {error.strerror or error}",
            code="LT422",
            hint="check the space there and who may write, or name another folder with --out",
        ) from None
    return [out / name for name in files]


def _torch(ticket: Ticket) -> Files:
    graph = ticket.graph
    shape = outline(graph)
    names = torch_names(graph, shape)
    title = title_of(ticket)
    model = _filled(
        "torch_model.py.jinja",
        **_common(graph, title),
        blocks=torch_code.blocks(shape),
        network=torch_code.network(shape, graph.input_shape),
        shape_text=_text(graph.input_shape),
        has_flatten=any(isinstance(node.op, Flatten) for node in graph.nodes),
        input_text=f"{_text(graph.input_shape)} (channel, row, column)",
    )
    double = _is_double(ticket)
    return {
        "model.py": model,
        "load.py": _filled("torch_load.py.jinja", title=title, double=double),
        "model.safetensors": packed(
            {**_renamed(ticket, names), **_zeros(torch_counters(graph, shape))}
        ),
        MASKS: packed(_masks(ticket, names)),
        **_pages(
            ticket,
            title,
            needs="torch safetensors",
            images="(batch, channel, row, column)",
            files=[
                ("model.py", f"the network, `{title}`, with nothing but PyTorch"),
                ("load.py", "loads and checks the ticket; `keep_pruned` for training"),
                ("model.safetensors", "the state dict"),
                (MASKS, "booleans by name of the weight; `True` is kept"),
            ],
            notes=[_COUNTERS] if graph.buffers else [],
        ),
    }


_COUNTERS = (
    "`num_batches_tracked` of the norms is 0: ltspec keeps no such count, and PyTorch uses it for "
    "nothing while a norm has a momentum."
)


def _torchvision(ticket: Ticket) -> Files:
    graph = ticket.graph
    name = f"resnet{torchvision.depth_of(graph)}"
    names = torchvision_names(graph)
    return {
        "load.py": _filled(
            "torchvision_load.py.jinja",
            name=name,
            classes=graph.classes,
            double=_is_double(ticket),
        ),
        "model.safetensors": packed(
            {**_renamed(ticket, names), **_zeros(torchvision_counters(graph))}
        ),
        MASKS: packed(_masks(ticket, names)),
        **_pages(
            ticket,
            name,
            needs="torch torchvision safetensors",
            images="(batch, channel, row, column)",
            files=[
                ("load.py", f"loads the ticket into torchvision's `{name}`, and checks it"),
                ("model.safetensors", "the state dict, in the names of torchvision and timm"),
                (MASKS, "booleans by name of the weight; `True` is kept"),
            ],
            notes=[
                f"For timm: `load(timm.create_model({name!r}, num_classes={graph.classes}))`.",
                _COUNTERS,
            ],
        ),
    }


def _keras(ticket: Ticket) -> Files:
    graph = ticket.graph
    shape = outline(graph)
    names = keras_names(graph, shape)
    shapes = keras_shapes(graph)
    title = title_of(ticket)
    function = "".join(re.findall("[a-z0-9]+", title.lower()))
    channels, *pixels = graph.input_shape

    def turned(name: str, array: Array) -> Array:
        return to_keras(array, shapes[name])

    model = _filled(
        "keras_model.py.jinja",
        **_common(graph, title),
        blocks=keras_code.blocks(shape),
        network=keras_code.network(shape, graph.input_shape),
        function=function,
        input_text=f"{_text((*pixels, channels))} (row, column, channel)",
        has_ops=any(isinstance(n.op, MaxPool) and any(n.op.padding) for n in graph.nodes),
    )
    return {
        "model.py": model,
        "load.py": _filled("keras_load.py.jinja", function=function, double=_is_double(ticket)),
        "weights.safetensors": packed(_renamed(ticket, names, turned)),
        MASKS: packed(_masks(ticket, names, turned)),
        **_pages(
            ticket,
            title,
            needs="keras tensorflow safetensors",
            images="(batch, row, column, channel)",
            files=[
                ("model.py", f"the network: `{function}()` gives a `keras.Model`"),
                ("load.py", "loads and checks the ticket; `keep_pruned` for training"),
                ("weights.safetensors", "weights and statistics by the path of Keras' variable"),
                (MASKS, "booleans by path of the weight; `True` is kept"),
            ],
            notes=["After `load()`, `model.save_weights(...)` writes Keras' own `.weights.h5`."],
        ),
    }


def title_of(ticket: Ticket) -> str:
    """What people call the network: ``ResNet20``; without the number where no section of the spec
    gives this network, and ``Network`` where the spec says too little."""
    said = ticket.certificate.manifest
    model = said["spec"].get("model")
    family = model.get("family") if isinstance(model, dict) else None
    if not isinstance(family, str) or family not in _FAMILIES:
        return "Network"
    name, key = _FAMILIES[family]
    if key:
        for section in _sections(said["spec"], said["branch"]):
            if _gives(section, key, ticket.graph):
                return f"{name}{section[key]}"
    return name


def _sections(spec: Mapping[str, Any], line: str) -> Iterator[dict[str, Any]]:
    """What the model of a line may be: the spec's own, or as the line's branch, or the branch whose
    control it is (``deeper-imp``), says in `to`."""
    yield spec["model"]
    branches = spec.get("branches")
    if isinstance(branches, dict) and (name := branch_name(line, branches)) is not None:
        branch = branches[name]
        to = branch.get("to") if isinstance(branch, dict) else None
        if isinstance(to, dict):
            yield {**spec["model"], **to, "family": spec["model"]["family"]}  # never `custom`


class _Section(SimpleNamespace):
    """A section of a spec that may say anything; keys that are not there are None."""

    def __getattr__(self, name: str) -> None:
        return None


def _gives(section: Mapping[str, Any], key: str, graph: Graph) -> bool:
    """Whether a section of a spec makes this network. ``key``: that of its number."""
    counts = [section[each] for each in (key, "classifier") if each in section]
    if not all(type(count) is int and 0 < count <= len(graph.nodes) for count in counts):
        return False  # both count layers: nothing larger than the network is drawn
    try:
        found = drawn(_Section(**section), graph.input_shape, graph.classes)
    except (GraphError, LookupError, TypeError, ValueError, ArithmeticError):
        return False
    return found.nodes == graph.nodes


def _common(graph: Graph, title: str) -> dict[str, Any]:
    return {
        "title": title,
        "classes": graph.classes,
        "has_norm": any(isinstance(node.op, BatchNorm) for node in graph.nodes),
    }


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _is_double(ticket: Ticket) -> bool:
    return next(iter(ticket.weights.values())).dtype == np.float64


def _as_it_is(_: str, array: Array) -> Array:
    return array


def _renamed(
    ticket: Ticket,
    names: Mapping[str, str],
    turned: Callable[[str, Array], Array] = _as_it_is,
) -> dict[str, Array]:
    ours = {**ticket.weights, **ticket.buffers}
    return {names[name]: turned(name, array) for name, array in ours.items()}


def _masks(
    ticket: Ticket,
    names: Mapping[str, str],
    turned: Callable[[str, Array], Array] = _as_it_is,
) -> dict[str, Array]:
    return {names[name]: turned(name, mask) for name, mask in ticket.masks.items()}


def _zeros(names: list[str]) -> dict[str, Array]:
    return {name: np.zeros((), np.int64) for name in names}


def _pages(
    ticket: Ticket,
    title: str,
    *,
    needs: str,
    images: str,
    files: list[tuple[str, str]],
    notes: list[str],
) -> Files:
    """The README, and the ticket's certificate."""
    said = ticket.certificate.manifest
    branch = "" if said["branch"] == "ticket" else f", branch {said['branch']}"
    page = _filled(
        "README.md.jinja",
        name=said["name"],
        what=f"level {said['level']}, replicate {said['replicate']}{branch}",
        title=title,
        kept=said["kept"],
        of=said["of"],
        sparsity=said["sparsity"],
        step=said["rewind"]["weights"],
        measured=sorted(said["measured"].items()),
        backend=said["backend"],
        images=images,
        input_text=_text(ticket.graph.input_shape),
        needs=needs,
        files=[*files, ("certificate.json", "where the ticket comes from, and its spec")],
        notes=notes,
    )
    certificate = json.dumps(said, indent=1, sort_keys=True, ensure_ascii=True)
    return {"README.md": page, "certificate.json": f"{certificate}\n".encode()}


def _filled(template: str, **facts: Any) -> bytes:
    """A template with its gaps filled."""
    environment = jinja2.Environment(  # of code and Markdown, which know no HTML
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["wrapped"] = _wrapped
    text = environment.get_template(template).render(**facts)
    return re.sub(r"\n{4,}", "\n\n\n", text).encode()


def _wrapped(statement: str, indent: int = 0) -> str:
    """A statement with the arguments of its first call on lines of their own where it is long."""
    code, hash_sign, comment = statement.partition("  # ")
    if indent + len(statement) <= LINE or "(" not in code:
        return statement
    inside = " " * (indent + len(code) - len(code.lstrip()))
    start, end, arguments = code.index("("), 0, [""]
    depth = 0
    for end in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[end], 0)
        if not depth:
            break
        if code[end] == "," and depth == 1:
            arguments.append("")
        elif end > start:
            arguments[-1] += code[end]
    lines = [", ".join(argument.strip() for argument in arguments)]
    if len(inside) + 4 + len(lines[0]) > LINE:
        lines = [f"{argument.strip()}," for argument in arguments]
    middle = "".join(f"{inside}    {line}\n" for line in lines)
    return f"{code[: start + 1]}\n{middle}{inside}{code[end:]}{hash_sign}{comment}"
