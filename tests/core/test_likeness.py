"""Masks as sparse as another branch's: drawn, scored or permuted like it, and combined with it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from specs import plan_of, tiny
from test_scoring import run
from test_tickets import tickets_of

from ltspec.engine import runner
from ltspec.engine.arrays import masks_of, weights_of
from ltspec.engine.session import Session
from ltspec.errors import InvariantError, SpecError
from ltspec.plan import planfile
from ltspec.plan.stages import Outcome, Plan, Prune, Remask
from ltspec.results import answering, table, ticket_trial
from ltspec.tickets.certificate import read_certificate

SIZES = {"fc1.weight": 768, "fc2.weight": 120}
"""Those of the tiny network."""
BOTH = (
    "branches.both={kind: combine-masks, operator: intersect, other: {branch: snip}}",
    "branches.snip={kind: prune, criterion: snip}",
)


def row(plan: Plan, branch: str, level: int = 1, replicate: int = 1) -> Outcome:
    wanted = (branch, level, replicate)
    (found,) = (o for o in plan.outcomes if (o.branch, o.level, o.replicate) == wanted)
    return found


def arrays(opened: Session, place: int | None) -> dict[str, np.ndarray]:
    assert place is not None
    result = opened.realm.read(opened.plan.stages[place].key)
    assert result is not None
    return dict(result.arrays)


def masks(opened: Session, branch: str, level: int = 1, replicate: int = 1) -> dict[str, Any]:
    found = masks_of(arrays(opened, row(opened.plan, branch, level, replicate).ticket))
    return {name: found[name] for name in SIZES}


def counts(found: dict[str, Any]) -> list[int]:
    return [int(mask.sum()) for mask in found.values()]


def by_erk(total: int) -> list[int]:
    """Both tensors below full: density in proportion to (out + in) / (out in)."""
    shares = [Fraction(total * (12 + 64), 76 + 22), Fraction(total * 22, 76 + 22)]
    assert all(share < size for share, size in zip(shares, SIZES.values(), strict=True))
    whole = [int(share) for share in shares]
    rest = [share - int(share) for share in shares]
    whole[rest.index(max(rest))] += total - sum(whole)
    return whole


def by_size(total: int) -> list[int]:
    first = Fraction(total * 768, 888)
    low = int(first)
    up = first - low > Fraction(total * 120, 888) % 1
    return [low + up, total - low - up] if total - low > 0 else [low, 0]


def test_masks_are_as_sparse_as_another_branchs(tmp_path: Path) -> None:
    """Level by level and replicate by replicate, however they are shared out among layers."""
    density = "prune.schedule={name: to-density, fraction: 0.5, density: 0.1}"
    plan = plan_of(
        "replicates=2",
        density,
        "branches.erk={kind: random-mask, like: both}",
        "branches.uniform={kind: random-mask, like: both, layers: uniform}",
        "branches.free={kind: prune, criterion: synflow, like: both}",
        "branches.layered={kind: prune, criterion: random, like: both, scope: layer}",
        "branches.scored={kind: prune, criterion: grasp, like: both, scope: erk, weights: scored}",
        "branches.again={kind: random-mask, like: erk, draw: 2}",
        *BOTH,
    )
    lines = ("erk", "uniform", "free", "layered", "scored", "again")
    assert {row(plan, name).kept for name in lines} == {None}
    opened = run(plan, tmp_path)
    totals = set()
    for replicate in (1, 2):
        for level in range(1, 5):
            made = {name: masks(opened, name, level, replicate) for name in (*lines, "both")}
            total = sum(counts(made["both"]))
            totals.add(total)
            ticket = row(plan, "ticket", level, replicate).kept
            assert ticket is not None
            assert 0 < total < ticket
            for name in ("erk", "scored", "again"):
                assert counts(made[name]) == by_erk(total), name
            assert counts(made["uniform"]) == counts(made["layered"]) == by_size(total)
            assert sum(counts(made["free"])) == total
            assert any(np.any(made["erk"][name] != made["again"][name]) for name in SIZES)
    assert len(totals) > 4  # of the two replicates, others
    facts = runner.scores(plan, opened.realm)
    kept = {(r.branch, r.level, r.replicate): r.kept for r in table.rows(plan, facts)}
    for name in lines:
        for level in range(1, 5):
            for replicate in (1, 2):
                assert kept[name, level, replicate] == kept["both", level, replicate]


def test_weights_are_those_that_the_ticket_starts_from(tmp_path: Path) -> None:
    plan = plan_of(
        "prune.rewind={to: 10it}", "branches.drawn={kind: random-mask, like: both}", *BOTH
    )
    opened = run(plan, tmp_path)
    point = plan.stages[row(plan, "ticket").ticket or 0].inputs["state"]
    start = weights_of(arrays(opened, point))
    drawn = weights_of(arrays(opened, row(plan, "drawn").ticket))
    for name, mask in masks(opened, "drawn").items():
        assert np.array_equal(drawn[name], np.where(mask, start[name], 0))


def test_another_branchs_mask_is_permuted(tmp_path: Path) -> None:
    """Within layers as many are kept in each, which are not as many as in the ticket's."""
    plan = plan_of(
        "branches.within={kind: shuffle-mask, like: snip}",
        "branches.across={kind: shuffle-mask, within: all, like: both}",
        "branches.layers={kind: shuffle-mask, like: both, draw: 2}",
        *BOTH,
    )
    opened = run(plan, tmp_path)
    assert row(plan, "within").kept == 710
    assert row(plan, "layers").kept is row(plan, "across").kept is None
    found = {name: masks(opened, name) for name in ("within", "across", "layers", "snip", "both")}
    assert counts(found["within"]) == counts(found["snip"]) != counts(masks(opened, "ticket"))
    assert counts(found["layers"]) == counts(found["both"])
    assert sum(counts(found["across"])) == sum(counts(found["both"]))
    assert counts(found["across"]) != counts(found["both"])
    for ours, theirs in (("within", "snip"), ("layers", "both"), ("across", "both")):
        assert any(np.any(found[ours][name] != found[theirs][name]) for name in SIZES)


def test_where_it_stands_in_the_file_changes_nothing() -> None:
    """Branches may name one that is written below them, and keys do not know of it."""
    drawn = "branches.drawn={kind: random-mask, like: both}"
    first, last = plan_of(drawn, *BOTH), plan_of(*BOTH, drawn)
    keys = [{o.branch: p.stages[o.trained].key for o in p.outcomes} for p in (first, last)]
    assert keys[0] == keys[1]
    again, _ = planfile.read(planfile.write(first))
    assert (again.stages, again.outcomes) == (first.stages, first.outcomes)


def test_a_long_chain_is_planned() -> None:
    """And checked: a file of somebody else's may have one."""
    chain = "{b0: {kind: random-mask, like: both, levels: [1]}"
    for number in range(1, 1050):
        chain += f", b{number}: {{kind: random-mask, like: b{number - 1}, levels: [1]}}"
    plan = plan_of(f"branches={chain}}}", *BOTH)
    assert row(plan, "b1049").kept is None


def test_no_mask_is_made_from_itself() -> None:
    first, second = (f"{{kind: random-mask, like: {name}}}" for name in ("c1", "c0"))
    with pytest.raises(SpecError) as caught:
        tiny(f"branches={{c0: {first}, c1: {second}, last: {second}}}", *BOTH)
    assert [each.path for each in caught.value.diagnostics] == [
        ("branches", "c0", "like"),
        ("branches", "c1", "like"),
    ]


def test_a_ticket_of_such_a_branch_is_found_in_the_plan_of_its_spec(tmp_path: Path) -> None:
    """With the branches that its mask is made from, and no others."""
    plan = plan_of(
        "branches.drawn={kind: random-mask, like: permuted}",
        "branches.permuted={kind: shuffle-mask, like: both}",
        "branches.other={kind: reinitialize}",
        *BOTH,
    )
    file = tickets_of(plan, tmp_path)["replicate-1/drawn-level-2.safetensors"]
    found = ticket_trial.origin(read_certificate(file))
    assert found.plan.stages[found.outcome.ticket or 0].key == (
        plan.stages[row(plan, "drawn", 2).ticket or 0].key
    )
    assert {o.branch for o in found.plan.outcomes} == {
        *("dense", "ticket", "drawn", "permuted", "both", "snip")
    }


def test_a_combination_of_the_next_replicate_is_combined(tmp_path: Path) -> None:
    plan = plan_of(
        "replicates=2",
        "branches.all={kind: combine-masks, operator: intersect}",
        "branches.all.other={branch: both, replicate: next}",
        *BOTH,
    )
    opened = run(plan, tmp_path)
    for mine, other in ((1, 2), (2, 1)):
        made, own = masks(opened, "all", 1, mine), masks(opened, "ticket", 1, mine)
        next_one = masks(opened, "both", 1, other)
        for name, mask in made.items():
            assert np.array_equal(mask, own[name] & next_one[name])


@pytest.mark.parametrize(("replicates", "fine"), [(2, False), (3, True)])
def test_a_combination_is_not_combined_with_the_ticket_that_is_in_it(
    replicates: int, fine: bool
) -> None:
    """Of two replicates the next one of the next is this one: nothing would be added."""
    changes = (
        f"replicates={replicates}",
        "branches.shared={kind: combine-masks, operator: intersect, other: {replicate: next}}",
        "branches.again={kind: combine-masks, operator: union}",
        "branches.again.other={branch: shared, replicate: next}",
    )
    if fine:
        assert row(plan_of(*changes), "again").kept is None
        return
    with pytest.raises(SpecError) as caught:
        tiny(*changes)
    (found,) = caught.value.diagnostics
    assert (found.code, found.path) == ("LT244", ("branches", "again", "other", "branch"))
    assert found.message == "the mask of shared has the ticket's own in it already"


@pytest.mark.parametrize(
    ("others", "at"),
    [
        (("missing",), [("second", "other")]),
        (("third", "second"), [("second", "other"), ("third", "other")]),
    ],
)
def test_what_is_wrong_further_on_is_told_there(
    others: tuple[str, ...], at: list[tuple[str, str]]
) -> None:
    """A name that is not there, or a circle, behind the branch that is named."""
    chain = ("first", "second", "third")
    branches = ", ".join(
        f"{name}: {{kind: combine-masks, operator: union, other: {{branch: {other}, {far}}}}}"
        for name, other, far in zip(
            chain, ("second", *others), ("replicate: next", *["replicate: same"] * 2), strict=False
        )
    )
    with pytest.raises(SpecError) as caught:
        tiny("replicates=2", f"branches={{{branches}}}")
    assert [(each.path[1], each.path[2]) for each in caught.value.diagnostics] == at


def test_what_keeps_as_many_in_each_layer_is_nothing_to_permute() -> None:
    changes = (
        "prune.scope=layer",
        "branches.other={kind: prune, criterion: random}",
        "branches.free={kind: prune, criterion: random, scope: global}",
    )
    tiny(*changes, "branches.fine={kind: shuffle-mask, like: free}")
    with pytest.raises(SpecError) as caught:
        tiny(*changes, "branches.same={kind: shuffle-mask, like: other}")
    (found,) = caught.value.diagnostics
    assert found.message == "branch other keeps as many weights as the ticket in each layer"
    assert found.hint == "one that can be named is free"
    with pytest.raises(SpecError) as caught:
        tiny(*changes, "branches.same={kind: shuffle-mask, like: othr}")
    assert caught.value.diagnostics[0].hint == "one that can be named is free"


def test_what_is_like_the_like_is_like_the_first() -> None:
    """One meaning, one key, however long the way."""
    plan = plan_of(
        "branches.first={kind: random-mask, like: both}",
        "branches.permuted={kind: shuffle-mask, like: first}",
        "branches.again={kind: random-mask, like: permuted}",
        *BOTH,
    )
    assert row(plan, "first").trained == row(plan, "again").trained
    assert row(plan, "first").trained != row(plan, "permuted").trained


def test_a_mask_that_is_full_cannot_be_permuted(tmp_path: Path) -> None:
    plan = plan_of(
        "prune.schedule={name: one-shot, density: 0.999}",
        "branches.both={kind: combine-masks, operator: union, other: {branch: turned}}",
        "branches.turned={kind: prune, criterion: {name: magnitude, invert: true}}",
        "branches.permuted={kind: shuffle-mask, like: both}",
    )
    with pytest.raises(InvariantError) as caught:
        run(plan, tmp_path)
    assert caught.value.message == (
        "replicate 1, level 1, permuted: the shuffled mask is the same as before"
    )
    assert caught.value.hint == "no weight of it is pruned, so leave the level out"


def test_masks_are_like_those_of_a_ticket_file(tmp_path: Path) -> None:
    """How many weights it keeps is known before the run, and the same at each level."""
    file = tickets_of(plan_of(), tmp_path / "one")["replicate-1/level-2.safetensors"]
    plan = plan_of(
        "name=two",
        f"branches.loaded={{kind: retrain, ticket: {file}}}",
        "branches.drawn={kind: random-mask, layers: uniform, like: loaded}",
        "branches.scored={kind: prune, criterion: synflow, like: drawn}",
        "branches.permuted={kind: shuffle-mask, like: loaded}",
        "branches.either={kind: combine-masks, operator: union, other: {branch: loaded}}",
        "prune.criterion=random",
    )
    for name in ("drawn", "scored", "permuted"):
        assert [row(plan, name, level).kept for level in (1, 2)] == [568, 568]
    works = {type(s.work): s for s in plan.stages if s.label.endswith("level 1, drawn")}
    assert isinstance(works[Remask].work, Remask)
    assert works[Remask].work.keep == (491, 77)
    assert not works[Remask].inputs
    (scored,) = (
        s for s in plan.stages if s.label.endswith("level 1, scored") and s.kind == "prune"
    )
    assert isinstance(scored.work, Prune)
    assert scored.work.keep == (568,)
    opened = run(plan, tmp_path / "two")
    theirs = masks(opened, "loaded")
    assert counts(masks(opened, "permuted")) == counts(theirs)
    for name, mask in masks(opened, "either").items():
        assert np.array_equal(mask, theirs[name] | masks(opened, "ticket")[name])


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        (
            ("branches.drawn={kind: random-mask, like: loaded}", "prune.exempt=['fc2*']"),
            "LT244",
            "has a mask for fc2.weight, which is exempt here",
        ),
        (
            (
                "branches.either={kind: combine-masks, operator: union, other: {branch: loaded}}",
                "prune.exempt=['fc2*']",
            ),
            "LT244",
            "has a mask for fc2.weight, which is exempt here",
        ),
        (
            (
                "branches.drawn={kind: random-mask, like: loaded}",
                "ask=[{kind: area, between: [ticket, drawn]}]",
            ),
            "LT239",
            "drawn keeps as many weights at each level, those of a ticket file",
        ),
        (
            (
                "branches.drawn={kind: random-mask, like: loaded}",
                "ask=[{kind: sparsest-matching, of: [drawn]}]",
            ),
            "LT239",
            "drawn keeps as many weights at each level, those of a ticket file",
        ),
    ],
)
def test_what_does_not_go_with_a_file(
    tmp_path: Path, changes: tuple[str, ...], code: str, said: str
) -> None:
    file = tickets_of(plan_of(), tmp_path)["replicate-1/level-2.safetensors"]
    loaded = f"branches.loaded={{kind: retrain, ticket: {file}, schedule: 0it}}"
    with pytest.raises(SpecError) as caught:
        tiny("name=two", loaded, *changes)
    found = {each.code: each.message for each in caught.value.diagnostics}
    assert said in found[code]


def test_a_file_that_leaves_a_layer_empty(tmp_path: Path) -> None:
    few = plan_of("prune.schedule={name: one-shot, density: 0.003}")
    file = tickets_of(few, tmp_path)["replicate-1/level-1.safetensors"]
    loaded = f"branches.loaded={{kind: retrain, ticket: {file}}}"
    for branch in (
        "kind: random-mask, layers: uniform",
        "kind: prune, criterion: snip, scope: layer",
    ):
        with pytest.raises(SpecError) as caught:
            tiny("name=two", loaded, f"branches.none={{{branch}, like: loaded}}")
        (found,) = caught.value.diagnostics
        assert (found.code, found.path) == ("LT207", ("branches", "none"))
        assert "would leave no weight of fc2.weight" in found.message


def test_a_mask_that_would_leave_a_layer_empty_ends_the_run(tmp_path: Path) -> None:
    plan = plan_of(
        "prune.schedule={name: one-shot, density: 0.005}",
        "branches.drawn={kind: random-mask, layers: uniform, like: both}",
        "branches.both={kind: combine-masks, operator: intersect, other: {branch: other}}",
        "branches.other={kind: prune, criterion: {name: magnitude, at: init}}",
    )
    with pytest.raises(
        InvariantError, match=r"1, drawn: \d weights shared out among layers leave none"
    ):
        run(plan, tmp_path)


def test_the_area_between_an_intersection_and_masks_as_sparse(tmp_path: Path) -> None:
    """Their densities are known when they are there, and are the same."""
    plan = plan_of(
        "branches.drawn={kind: random-mask, like: both}",
        *BOTH,
        "ask=[{kind: area, between: [both, drawn]}]",
    )
    opened = run(plan, tmp_path)
    facts = runner.scores(plan, opened.realm)
    (answer,) = answering.answers(plan, facts)
    rows = {
        (r.branch, r.level): r for r in table.rows(plan, facts) if r.branch in ("both", "drawn")
    }
    logs = [float(np.log(rows["both", level].density)) for level in (2, 1)]
    gaps = [
        rows["both", level].scores["test"]["accuracy"]
        - rows["drawn", level].scores["test"]["accuracy"]
        for level in (2, 1)
    ]
    assert logs[0] < logs[1]
    assert answer.value == pytest.approx(sum(gaps) / 2)
