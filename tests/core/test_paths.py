"""Paths through a pruned network: by hand, against brute force, in facts, tables and warnings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from specs import plan_of, tiny
from test_runner import run

from ltspec.cli.progress import closing
from ltspec.cli.tables import print_collapse, print_summary
from ltspec.decisions.paths import Paths, paths
from ltspec.engine.runner import scores
from ltspec.networks.graph import (
    INPUT,
    Add,
    AvgPool,
    BatchNorm,
    Conv,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    MaxPool,
    Node,
    Relu,
    Shape,
)
from ltspec.plan import resolve
from ltspec.results import table

Masks = dict[str, np.ndarray]


def chain(shape: Shape, *ops: object) -> Graph:
    """Operations one after another, named ``n0``, ``n1``, ..."""
    names = [INPUT, *(f"n{place}" for place in range(len(ops)))]
    nodes = [
        Node(name, op, (before,))  # type: ignore[arg-type]
        for name, op, before in zip(names[1:], ops, names, strict=False)
    ]
    return Graph(shape, tuple(nodes))


def test_dead_units_propagate_both_ways_by_hand() -> None:
    """Inputs a, b; hidden c, d, e; outputs y, z."""
    graph = chain((2, 1, 1), Flatten(), Linear(3), Relu(), Linear(2))
    first = np.array([[1, 0], [0, 1], [0, 0]], bool)  # a-c, b-d; nothing reaches e
    second = np.array([[1, 0, 1], [0, 0, 1]], bool)  # c-y, e-y, e-z; d leads nowhere
    found = paths(graph, {"n1.weight": first, "n3.weight": second})
    # a-c-y alone is a path: b-d ends at d, and e, which only its bias reaches, is a constant.
    assert found == Paths({"n1.weight": 1, "n3.weight": 1}, (), True)


def test_a_layer_without_weights_cuts_the_network() -> None:
    graph = chain((2, 1, 1), Flatten(), Linear(3), Relu(), Linear(2))
    found = paths(graph, {"n1.weight": np.zeros((3, 2), bool), "n3.weight": np.ones((2, 3), bool)})
    assert found == Paths({"n1.weight": 0, "n3.weight": 0}, ("n1.weight", "n3.weight"), False)


def test_a_network_may_be_cut_with_weights_in_every_layer() -> None:
    graph = chain((2, 1, 1), Flatten(), Linear(2), Linear(2))
    first, second = np.array([[1, 1], [0, 0]], bool), np.array([[0, 1], [0, 1]], bool)
    found = paths(graph, {"n1.weight": first, "n2.weight": second})
    assert found == Paths({"n1.weight": 0, "n2.weight": 0}, ("n1.weight", "n2.weight"), False)


def test_a_shortcut_goes_round_a_layer_that_has_collapsed() -> None:
    conv = Conv(2, (3, 3), padding=(1, 1, 1, 1))
    graph = Graph(
        (2, 4, 4),
        (
            Node("inner", conv, (INPUT,)),
            Node("norm", BatchNorm(), ("inner",)),
            Node("sum", Add(), ("norm", INPUT)),
            Node("mean", GlobalAvgPool(), ("sum",)),
            Node("out", Linear(3), ("mean",)),
        ),
    )
    masks = {"inner.weight": np.zeros((2, 2, 3, 3), bool)}
    assert paths(graph, masks) == Paths({"inner.weight": 0}, ("inner.weight",), True)
    masks["inner.weight"][1, 0, 0, 2] = True
    assert paths(graph, masks) == Paths({"inner.weight": 1}, (), True)
    masks["out.weight"] = np.array([[0, 1]] * 3, bool)  # reads channel 1 alone
    assert paths(graph, masks).effective == {"inner.weight": 1, "out.weight": 3}
    masks["out.weight"] = np.array([[1, 0]] * 3, bool)  # channel 1 leads nowhere
    assert paths(graph, masks).effective == {"inner.weight": 0, "out.weight": 3}


def test_a_kernel_that_sees_only_padding_joins_nothing() -> None:
    graph = chain((1, 1, 1), Conv(1, (3, 3), padding=(1, 1, 1, 1)), Flatten(), Linear(1))
    mask = np.ones((1, 1, 3, 3), bool)
    assert paths(graph, {"n0.weight": mask}).effective == {"n0.weight": 1}
    mask[0, 0, 1, 1] = False
    assert not paths(graph, {"n0.weight": mask}).connected


def test_a_dense_network_is_whole() -> None:
    for model in ("cifar-resnet, depth: 8, width: 4", "mobilenet-v1, blocks: 13"):
        graph = resolve.graph(tiny(f"model={{family: {model}}}", "data={name: cifar10}"))
        found = paths(graph, {p.name: np.ones(p.shape, bool) for p in graph.prunable})
        lost = sum(p.size for p in graph.prunable) - sum(found.effective.values())
        assert found.connected
        assert not found.collapsed
        # The last images of MobileNet are of one pixel: 3 x 3 kernels see it in the middle alone.
        assert lost == 0 if "resnet" in model else lost % 8 == 0


@pytest.mark.parametrize("masks", [{"n1.weight": np.ones((2, 3), bool)}, {"x": np.ones(1, bool)}])
def test_a_mask_has_the_shape_of_its_tensor(masks: Masks) -> None:
    with pytest.raises(ValueError, match="has the shape"):
        paths(chain((2, 1, 1), Flatten(), Linear(3)), masks)


# Brute force: every weight of every mask as an edge between units, and a walk over each path.

Edge = tuple[tuple[str, int], tuple[str, int], str | None]


def edges(graph: Graph, masks: Masks) -> Iterator[Edge]:
    """(from, to, the tensor of the weight between or None), one for each weight."""
    for node in graph.nodes:
        inner, outer = graph.shapes[node.inputs[0]], graph.shapes[node.name]
        name = f"{node.name}.weight"
        match node.op:
            case Linear():
                for o, i in product(range(outer[0]), range(inner[0])):
                    if name not in masks or masks[name][o, i]:
                        yield (node.inputs[0], i), (node.name, o), name
            case Conv(kernel=(height, width), groups=groups) as op:
                top, _, left, _ = op.padding
                for o, c, u, v in product(
                    range(outer[0]), range(inner[0] // groups), range(height), range(width)
                ):
                    sees = any(
                        0 <= op.stride[0] * y + u - top < inner[1]
                        and 0 <= op.stride[1] * x + v - left < inner[2]
                        for y, x in product(range(outer[1]), range(outer[2]))
                    )
                    if sees and (name not in masks or masks[name][o, c, u, v]):
                        first = o // (outer[0] // groups) * (inner[0] // groups)
                        yield (node.inputs[0], first + c), (node.name, o), name
            case Flatten():
                pixels = outer[0] // inner[0]
                for o in range(outer[0]):
                    yield (node.inputs[0], o // pixels), (node.name, o), None
            case _:
                for source in node.inputs:
                    for o in range(outer[0]):
                        yield (source, o), (node.name, o), None


def by_walking(graph: Graph, masks: Masks) -> Paths:
    every = list(edges(graph, masks))
    after: dict[tuple[str, int], list[int]] = {}
    for place, (source, _, _) in enumerate(every):
        after.setdefault(source, []).append(place)
    used: set[int] = set()

    def walk(unit: tuple[str, int], trail: tuple[int, ...]) -> None:
        if unit[0] == graph.output:
            used.update(trail)
            return
        for place in after.get(unit, ()):
            walk(every[place][1], (*trail, place))

    for unit in range(graph.input_shape[0]):
        walk((INPUT, unit), ())
    counts = {p.name: 0 for p in graph.prunable}
    for place in used:
        name = every[place][2]
        if name is not None:
            counts[name] += 1
    collapsed = tuple(name for name, count in counts.items() if not count)
    return Paths({name: counts[name] for name in masks}, collapsed, bool(used))


SMALL = [
    chain((2, 1, 1), Flatten(), Linear(3), Relu(), Linear(2)),
    chain((2, 1, 2), Flatten(), Linear(2), Linear(3), Linear(2)),
    chain((2, 2, 1), Conv(2, (1, 1)), BatchNorm(), Relu(), Flatten(), Linear(2)),
    chain((2, 3, 3), Conv(4, (1, 1), groups=2), Conv(4, (2, 1), groups=4), MaxPool((2, 2), (1, 1)),
          GlobalAvgPool(), Linear(2)),
    chain((1, 2, 2), Conv(2, (3, 3), (2, 2), (1, 1, 1, 1)), Conv(2, (3, 1), padding=(1, 1, 0, 0)),
          AvgPool((1, 1), (1, 1)), Flatten(), Linear(1)),
    Graph(
        (2, 2, 2),
        (
            Node("a", Conv(2, (1, 1)), (INPUT,)),
            Node("b", Conv(2, (1, 1)), ("a",)),
            Node("c", Add(), ("b", "a")),
            Node("d", Conv(2, (1, 1)), ("c",)),
            Node("e", Add(), ("c", "d")),
            Node("f", GlobalAvgPool(), ("e",)),
            Node("g", Linear(2), ("f",)),
        ),
    ),
]  # fmt: skip


@given(st.data())
def test_brute_force_agrees(data: st.DataObject) -> None:
    graph = data.draw(st.sampled_from(SMALL))
    masks: Masks = {}
    for parameter in graph.prunable:
        if data.draw(st.booleans() | st.just(True)):
            density = data.draw(st.sampled_from([0.2, 0.5, 0.8]))
            draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
            masks[parameter.name] = draw.random(parameter.shape) < density
    assert paths(graph, masks) == by_walking(graph, masks)


# In a run.

THIN = (
    "model.widths=[6, 6]",
    "train.duration=2it",
    "prune.criterion=random",
    "prune.schedule={name: one-shot, density: 0.05}",
)


def test_tickets_and_tables_say_how_much_takes_part(tmp_path: Path) -> None:
    plan = plan_of(*THIN)
    opened, _ = run(plan, tmp_path / "s")
    (ticket,) = [outcome for outcome in plan.outcomes if outcome.ticket is not None]
    assert ticket.ticket is not None
    read = opened.realm.read(plan.stages[ticket.ticket].key)
    assert read is not None
    masks = {n.removeprefix("mask/"): a for n, a in read.arrays.items() if n.startswith("mask/")}
    (graph,) = plan.graphs.values()
    truth = by_walking(graph, masks)
    assert read.facts["effective"] == truth.effective
    assert sum(truth.effective.values()) < ticket.kept  # else this would show nothing
    dense, sparse = table.rows(plan, scores(plan, opened.realm))
    assert (dense.effective_density, dense.collapsed) == (None, ())
    assert sparse.effective_density == sum(truth.effective.values()) / plan.prunable
    second, third = csv.DictReader(io.StringIO(table.as_csv(plan, [dense, sparse])))
    assert second["effective_density"] == ""
    assert float(third["effective_density"]) == sparse.effective_density


@pytest.mark.parametrize(("effective", "warned"), [(0.0249, True), (0.025, False), (None, False)])
def test_weights_that_mostly_lie_on_no_path_are_warned_of(
    effective: float | None, warned: bool
) -> None:
    row = table.Row(2, "snip", 3, 0.05, 50, 1000, {}, effective_density=effective)
    console = Console(record=True, width=200)
    print_collapse(console, [row])
    said = console.export_text()
    assert said == (
        "warning: replicate 2, snip level 3: most of its weights lie on no path from input to "
        "output: its effective density is 2.49%, and not 5.00%\n"
        if warned
        else ""
    )


def test_a_mask_that_changes_is_looked_at_where_it_ends(tmp_path: Path) -> None:
    plan = plan_of(
        "model.widths=[6, 6]",
        "train.duration=20it",
        "prune.schedule={name: set, density: 0.05, every: 5it}",
    )
    opened, _ = run(plan, tmp_path / "s")
    (outcome,) = [outcome for outcome in plan.outcomes if outcome.level]
    stage = plan.stages[outcome.trained]
    read = opened.realm.read(stage.key)
    assert read is not None
    masks = {n.removeprefix("mask/"): a for n, a in read.arrays.items() if n.startswith("mask/")}
    (graph,) = plan.graphs.values()
    truth = by_walking(graph, masks)
    assert read.facts["effective"] == truth.effective
    row = table.rows(plan, scores(plan, opened.realm))[-1]
    assert row.effective_density == sum(truth.effective.values()) / plan.prunable
    ended = {**read.facts, "kept": {"fc1.weight": 0}, "collapsed": ["fc1.weight"]}
    assert "ends with no weight in fc1.weight" in closing(stage, ended, 0.1)


def test_results_of_before_are_looked_at_when_they_are_shown(tmp_path: Path) -> None:
    plan = plan_of(*THIN)
    opened, _ = run(plan, tmp_path / "s")
    before = table.rows(plan, scores(plan, opened.realm))
    (place,) = [o.ticket for o in plan.outcomes if o.ticket is not None]
    read = opened.realm.read(plan.stages[place].key)
    assert read is not None
    names = ("effective", "collapsed", "connected")
    facts = {name: value for name, value in read.facts.items() if name not in names}
    opened.realm.write(plan.stages[place].key, facts, read.arrays)
    assert table.rows(plan, scores(plan, opened.realm)) == before


def test_a_collapse_is_said(tmp_path: Path) -> None:
    """Scores of the two layers are cut together, and rates leave nothing of the second."""
    plan = plan_of(
        "model.widths=[6, 6]",
        "train.duration=2it",
        "prune.scope=layer",
        "prune.criterion=random",
        "prune.schedule={name: one-shot, density: 0.02}",
    )
    opened, _ = run(plan, tmp_path / "s")
    (place,) = [o.ticket for o in plan.outcomes if o.ticket is not None]
    stage = plan.stages[plan.stages[place].inputs["mask"]]
    read = opened.realm.read(stage.key)
    assert read is not None
    assert not read.facts["connected"]
    assert "no path from input to output" in closing(stage, read.facts, 0.1)
    console = Console(width=120, record=True, file=io.StringIO())
    print_summary(console, plan, table.rows(plan, scores(plan, opened.realm)))
    assert "its answers are constant" in console.export_text()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"kept": {"a": 3}, "effective": {"a": 3}, "collapsed": [], "connected": True}, ""),
        (
            {"kept": {"a": 0}, "collapsed": ["a"], "connected": True},
            "warning: L leaves no weight in a",
        ),
        (
            {"kept": {"a": 0, "b": 4}, "collapsed": ["a", "b"], "connected": True},
            "warning: L leaves no weight in a, and no path through b",
        ),
        (
            {"kept": {"b": 4}, "collapsed": ["b"], "connected": True},
            "warning: L leaves no path through b",
        ),
        (
            {"kept": {"b": 4}, "collapsed": ["b", "c"], "connected": False},
            "warning: L leaves no path from input to output, so that its answers are constant",
        ),
    ],
)
def test_warnings(facts: dict[str, object], said: str) -> None:
    plan = plan_of(
        "model.widths=[12, 12, 8]",
        "branches={shuffled: {kind: shuffle-mask}, "
        "both: {kind: combine-masks, operator: union, other: {branch: shuffled}}, "
        "deeper: {kind: transfer, to: {widths: [12, 12, 12, 8]}}}",
    )
    for kind in ("prune", "remask", "combine", "mapmask"):
        stage = next(stage for stage in plan.stages if stage.kind == kind)
        assert closing(stage, facts, 0.1).replace(stage.label, "L") == said
