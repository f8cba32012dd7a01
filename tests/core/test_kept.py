"""How many weights masks on other networks keep, as far as a plan can say, and then a store."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from specs import plan_of, tiny
from test_runner import run

from ltspec.cli.plan import describe
from ltspec.cli.plan_masks import in_store
from ltspec.plan.kept import Carried, bounds, carried
from ltspec.results import maps

# 64 * 12, 12 * 12, 12 * 8 and 8 * 10 weights; of all 1,088, level 2 keeps 696.
SMALL, LARGE = "widths: [12, 12, 8]", "widths: [12, 12, 12, 8]"


def changes(model: str, to: str, *more: str) -> list[str]:
    branch = f"branches.there={{kind: transfer, levels: [2], to: {{{to}}}}}"
    return [f"model={{family: lenet, {model}}}", "prune.rewind={to: 5it}", branch, *more]


def only(lines: list[Carried]) -> Carried:
    (line,) = lines
    return line


def test_a_copied_layer_counts_as_often_as_it_is_copied() -> None:
    line = only(carried(plan_of(*changes(SMALL, LARGE))))
    # At most all 144 of the copied layer, twice; at least none of them, for the others have 944.
    assert (line.low, line.high, line.size) == (696, 696 + 144, 1232)
    assert (line.is_known, line.tensors) == (False, {})


def test_a_layer_that_is_left_out_may_hold_many_or_few() -> None:
    line = only(carried(plan_of(*changes(LARGE, SMALL))))
    # Of 1,232 weights 986 and then 789; all, or all but those of the layer that is left out.
    assert (line.low, line.high, line.size) == (789 - 144, 789, 1088)


def test_a_dense_layer_and_layers_cut_apart_are_known() -> None:
    line = only(carried(plan_of(*changes(SMALL, LARGE, "prune.scope=layer"))))
    assert line.is_known
    assert line.tensors == {
        "fc1.weight": (491, 491, 768),
        "fc2.weight": (92, 92, 144),
        "fc3.weight": (92, 92, 144),
        "fc4.weight": (62, 62, 96),
        "fc5.weight": (51, 51, 80),
    }
    assert line.low == line.high == 491 + 92 + 92 + 62 + 51


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=4),
    st.integers(0, 16),
)
def test_bounds_are_those_of_every_way_to_spread(layers: list[tuple[int, int]], total: int) -> None:
    total = min(total, sum(size for size, _ in layers))
    found = [
        sum(here * copies for here, (_, copies) in zip(each, layers, strict=True))
        for each in product(*(range(size + 1) for size, _ in layers))
        if sum(each) == total
    ]
    sizes = {str(place): size for place, (size, _) in enumerate(layers)}
    origins = [str(place) for place, (_, copies) in enumerate(layers) for _ in range(copies)]
    assert bounds(total, total, sizes, origins) == (min(found), max(found))


@pytest.mark.parametrize("mask", ["mapped", "shuffled-copies", "random-erk"])
def test_the_store_says_the_rest(tmp_path: Path, mask: str) -> None:
    both = changes(SMALL, LARGE, f"branches.there.mask={mask}", "replicates=2")
    plan = plan_of(*both)
    before = describe(plan, everything=True)
    place = before.index("kept on the other network:")
    text = "there, level 2: 696 to 840 of 1,232 (56.49% to 68.18%) *"
    assert before[place + 1].strip() == text
    assert "can come to" in before[place + 2]
    assert any("there: keep 696 to 840 (56.49% to 68.18%)" in line for line in before[:place])

    masks = [
        stages.inputs["mask"]
        for one in plan.outcomes
        if one.branch == "there" and one.ticket is not None
        for stages in [plan.stages[one.ticket]]
    ]
    opened, _ = run(plan, tmp_path)
    found = in_store(plan, tmp_path, None)
    kept = [found(one) for one in masks]
    assert all(kept)
    totals = [sum((each or {}).values()) for each in kept]
    line = only(carried(plan, found))
    assert (line.low, line.high, line.is_known) == (min(totals), max(totals), True)
    assert 696 <= min(totals) <= max(totals) <= 840
    assert line.tensors["fc3.weight"][2] == 144
    for name, (low, high, _) in line.tensors.items():
        each = [(one or {})[name] for one in kept]
        assert (low, high) == (min(each), max(each))

    # And from the ticket's own masks alone, which are there before what is made of them.
    def of_tickets(place: int) -> dict[str, int] | None:
        is_own = plan.stages[place].work.graph == plan.points[0].graph
        facts = opened.realm.read_facts(plan.stages[place].key) if is_own else None
        return None if facts is None else facts["kept"]

    assert only(carried(plan, of_tickets)).tensors == line.tensors
    after = describe(plan, everything=True, found=found)
    assert not any(row.endswith("*") for row in after)
    assert sum("fc3.weight" in row for row in after) == 1


def test_the_map_says_the_least_and_the_most() -> None:
    shown = "\n".join(maps.maps(tiny(*changes(SMALL, LARGE))))
    assert "level 2: keeps 696 to 840 of 1,232 (56.49% to 68.18%)\n" in shown
    assert shown.count("a range, as the ticket's weights lie") == 1
