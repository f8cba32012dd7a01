"""`ltspec show --map` and `--blocks` of a sweep: the networks that its points have."""

from __future__ import annotations

from specs import tiny

from ltspec.results import maps

TICKETS = "model={family: lenet, widths: [12, 12, 8]}"


def deeper(widths: str) -> str:
    return f"branches.x={{kind: transfer, levels: [1], to: {{widths: {widths}}}, map: append}}"


def titles(lines: list[str]) -> list[str]:
    return [line for line in lines if line[:1] not in ("", " ", "*")]


def test_a_base_that_no_point_has_is_not_drawn() -> None:
    """`map: append` cannot make a smaller network, which is what the keys outside of the sweep
    say."""
    spec = tiny(
        TICKETS,
        deeper("[12, 8]"),
        "sweep={branches.x.to.widths: [[12, 12, 12, 8], [12, 12, 12, 12, 8]]}",
    )
    lines = maps.maps(spec)
    assert titles(lines) == [
        "x (branches.x.to.widths=[12, 12, 12, 8]): to lenet, widths [12, 12, 12, 8]",
        "x (branches.x.to.widths=[12, 12, 12, 12, 8]): to lenet, widths [12, 12, 12, 12, 8]",
    ]
    shown = [line.split() for line in lines]
    assert ["target", "0", "1", "2*"] in shown
    assert ["target", "0", "1", "2*", "3*"] in shown
    assert lines[-2:] == ["", "*: a second or later copy of its block"]


def test_a_branch_of_some_points_is_drawn_with_their_labels() -> None:
    branches = "{x: {kind: transfer, levels: [1], to: {widths: [12, 12, 12, 8]}}}"
    entry = f"sweep.net={{plain: {{}}, deep: {{branches: {branches}}}}}"
    assert titles(maps.maps(tiny(TICKETS, entry))) == [
        "x (net=deep): to lenet, widths [12, 12, 12, 8]"
    ]


def test_equal_maps_are_drawn_once() -> None:
    wide = deeper("[12, 12, 12, 8]").replace(", map: append", "")
    rates = "train.optimizer.lr: [0.1, 0.05, 0.02, 0.01, 0.005]"
    every = maps.maps(tiny(TICKETS, wide, f"sweep={{{rates}}}"))
    assert every == maps.maps(tiny(TICKETS, wide))
    assert titles(every) == ["x: to lenet, widths [12, 12, 12, 8]"]
    nets = "model.widths: [[12, 12, 8], [12, 12, 12, 12, 8]]"
    found = titles(maps.maps(tiny(TICKETS, wide, f"sweep={{{nets}, {rates}}}")))
    assert [line.split(":")[0] for line in found] == [
        "x (model.widths=[12, 12, 8])",
        "x (model.widths=[12, 12, 12, 12, 8])",
    ]


def test_points_without_anything_that_is_theirs_alone_are_listed() -> None:
    settings = ["n0: {branches.x.to.widths: [12, 12, 12, 12, 8]}"]
    settings += [f"n{n}: {{train.optimizer.lr: 0.0{n}}}" for n in range(1, 7)]
    sweep = f"sweep={{net: {{{', '.join(settings)}}}}}"
    found = titles(maps.maps(tiny(TICKETS, deeper("[12, 12, 12, 8]"), sweep)))
    assert [line.split(":")[0] for line in found] == [
        "x (net=n0)",
        "x (net=n1; net=n2; net=n3; net=n4; 2 more)",
    ]


def test_blocks_are_those_of_each_network_of_a_sweep() -> None:
    model = "model=[{family: lenet, widths: [12]}, {family: conv, layers: 2}]"
    lines = maps.blocks(tiny(f"sweep={{{model.replace('=', ': ')}}}"))
    assert titles(lines) == [
        "lenet (model={family: lenet, widths: [12]}), block by block",
        "conv (model={family: conv, layers: 2}), block by block",
    ]
    assert any(line.split() == ["fc1.weight", "12", "x", "64"] for line in lines)
    assert any(line.split()[:1] == ["conv1.weight"] for line in lines)
    plain = maps.blocks(tiny())
    assert titles(plain) == ["lenet, block by block"]
    assert maps.blocks(tiny("sweep={train.optimizer.lr: [0.1, 0.05]}")) == plain
