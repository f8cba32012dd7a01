"""Elastic maps: which block becomes which, what is refused, and which tensors that makes.

The maps are those of Chen et al. 2021 (section 3 and the scripts of their code). Each row says the
source's block of each block of the target, in order, written out by hand: ``01212`` is
"0 -> 0; 1 -> 1, 3; 2 -> 2, 4".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ltspec.errors import Diagnostic
from ltspec.networks import elastic
from ltspec.networks.cifar_resnet import cifar_resnet
from ltspec.networks.cifar_vgg import cifar_vgg
from ltspec.networks.conv import conv
from ltspec.networks.draft import Draft
from ltspec.networks.elastic import Assignment, Rule, assign, covered
from ltspec.networks.graph import (
    BatchNorm,
    Block,
    Conv,
    Flatten,
    GlobalAvgPool,
    Graph,
    Linear,
    Relu,
)
from ltspec.networks.imagenet_resnet import imagenet_resnet
from ltspec.networks.lenet import lenet
from ltspec.networks.mobilenet_v1 import mobilenet_v1

CIFAR = (3, 32, 32)


def resnet(depth: int, width: int = 4) -> Graph:
    return cifar_resnet(CIFAR, 10, depth, width)


def image_resnet(depth: int, classes: int = 10) -> Graph:
    return imagenet_resnet((3, 64, 64), classes, depth, 4, "imagenet")


def vgg(depth: int, classifier: int = 1) -> Graph:
    return cifar_vgg(CIFAR, 10, depth, classifier)


def mlp(hidden: int) -> Graph:
    """MLP-n of the paper: 784, n times 300, 100, 10."""
    return lenet((1, 28, 28), 10, (300,) * hidden + (100,))


def named_like_a_stage(role: Any) -> Graph:
    """Its first layer is of another role, under the name that a stage has elsewhere."""
    first, classifier = mlp(0).blocks
    return replace(mlp(0), blocks=(Block("stage1", role, first.nodes), classifier))


def mobile(blocks: int) -> Graph:
    return mobilenet_v1(CIFAR, 10, blocks)


def repeat(word: str, *blocks: int) -> dict[int, Rule]:
    return {0: Rule(word, blocks)}  # type: ignore[arg-type]


def out(**stages: Mapping[int, tuple[int, ...]]) -> dict[int, Rule]:
    """Maps that are written out, by stage; ``every`` for all stages."""
    return {
        0 if name == "every" else int(name[-1]): Rule("blocks", written=written)
        for name, written in stages.items()
    }


EVERY = None
"""A row's stages are all alike."""

CIFAR_RESNETS: list[tuple[str, int, int, dict[int, Rule], str]] = [
    ("20-32 interpolate", 20, 32, repeat("interpolate"), "01122"),
    ("20-32 append", 20, 32, repeat("append"), "01212"),
    ("20-32 default", 20, 32, {}, "01212"),
    ("20-32 first only", 20, 32, repeat("interpolate", 1), "01112"),
    ("20-32 last only", 20, 32, repeat("interpolate", 2), "01222"),
    ("14-20", 14, 20, repeat("append"), "011"),
    ("14-32", 14, 32, repeat("interpolate"), "01111"),
    ("14-44", 14, 44, {}, "0111111"),
    ("14-56", 14, 56, {}, "011111111"),
    ("20-44 interpolate x3", 20, 44, repeat("interpolate"), "0111222"),
    ("20-56 interpolate x4", 20, 56, repeat("interpolate"), "011112222"),
    ("20-56 append", 20, 56, repeat("append"), "012121212"),
    ("20-56 mixed", 20, 56, out(every={1: (1, 2, 5, 6), 2: (3, 4, 7, 8)}), "011221122"),
    ("32-44 interpolate 12", 32, 44, repeat("interpolate", 1, 2), "0112234"),
    ("32-44 interpolate 34", 32, 44, repeat("interpolate", 3, 4), "0123344"),
    ("32-44 append 12", 32, 44, repeat("append", 1, 2), "0121234"),
    ("32-44 append 34", 32, 44, repeat("append", 3, 4), "0123434"),
    # Earlier blocks rather than later ones, where only some are repeated.
    ("32-44 append", 32, 44, repeat("append"), "0121234"),
    ("32-44 interpolate", 32, 44, repeat("interpolate"), "0112234"),
    ("32-56 interpolate 1234", 32, 56, repeat("interpolate"), "011223344"),
    ("32-56 append 1234", 32, 56, repeat("append"), "012341234"),
    ("32-56 append 12", 32, 56, repeat("append", 1, 2), "012121234"),
    ("32-56 append 23", 32, 56, repeat("append", 2, 3), "012323234"),
    ("32-56 append 34", 32, 56, repeat("append", 3, 4), "012343434"),
    ("32-56 interpolate 12", 32, 56, repeat("interpolate", 1, 2), "011122234"),
    ("32-56 interpolate 23", 32, 56, repeat("interpolate", 2, 3), "012223334"),
    ("32-56 interpolate 34", 32, 56, repeat("interpolate", 3, 4), "012333444"),
    ("32-56 single 1", 32, 56, repeat("interpolate", 1), "011111234"),
    ("32-56 single 2", 32, 56, repeat("append", 2), "012222234"),
    ("32-56 single 3", 32, 56, repeat("interpolate", 3), "012333334"),
    ("32-56 single 4", 32, 56, repeat("interpolate", 4), "012344444"),
    ("44-56 interpolate", 44, 56, repeat("interpolate"), "011223456"),
    ("44-56 append", 44, 56, repeat("append"), "012123456"),
    *(
        (f"56-32 keep {kept}", 56, 32, repeat("keep", *map(int, kept)), f"0{kept}")
        for kept in (
            *("1357", "2468", "1478", "1258", "1236", "1458"),
            *("5678", "1678", "1278", "1238", "1234"),
        )
    ),
    ("56-32 spaced", 56, 32, repeat("spaced"), "01357"),
    ("56-32 first", 56, 32, repeat("first"), "01234"),
    ("56-32 last", 56, 32, repeat("last"), "05678"),
    ("56-32 default", 56, 32, {}, "01234"),
    *(
        (f"32-20 keep {kept}", 32, 20, repeat("keep", *map(int, kept)), f"0{kept}")
        for kept in ("13", "24", "34", "12", "14")
    ),
    ("56-44 keep 123457", 56, 44, repeat("keep", 1, 2, 3, 4, 5, 7), "0123457"),
    ("56-44 keep 345678", 56, 44, repeat("last"), "0345678"),
    ("56-44 keep 123456", 56, 44, repeat("first"), "0123456"),
    ("56-20 keep 15", 56, 20, repeat("spaced"), "015"),
    ("56-20 keep 78", 56, 20, repeat("keep", 7, 8), "078"),
    ("56-20 keep 12", 56, 20, repeat("keep", 1, 2), "012"),
    ("44-32 keep 1235", 44, 32, repeat("keep", 1, 2, 3, 5), "01235"),
    ("44-32 keep 1234", 44, 32, repeat("keep", 1, 2, 3, 4), "01234"),
    ("44-20 keep 14", 44, 20, repeat("spaced"), "014"),
    ("44-20 keep 56", 44, 20, repeat("last"), "056"),
    ("44-20 keep 12", 44, 20, repeat("first"), "012"),
    *(
        row
        for depth, last in ((20, 2), (32, 4), (44, 6), (56, 8))
        for row in (
            (f"{depth}-14 keep 1", depth, 14, repeat("first"), "01"),
            (f"{depth}-14 keep last", depth, 14, repeat("last"), f"0{last}"),
        )
    ),
    ("44-44 swap 1", 44, 44, out(every={1: (6,), 6: (1,), **{i: (i,) for i in (2, 3, 4, 5)}}),
     "0623451"),
    ("44-44 swap 2", 44, 44, out(every={1: (6,), 6: (1,), 2: (5,), 5: (2,), 3: (3,), 4: (4,)}),
     "0653421"),
    ("44-44 swap 3", 44, 44, out(every={i: (7 - i,) for i in range(1, 7)}), "0654321"),
]  # fmt: skip

OTHERS: list[tuple[str, Graph, Graph, dict[int, Rule], tuple[str, ...]]] = [
    ("Image 18-26", image_resnet(18), image_resnet(26), {}, ("01", "011", "0111", "011")),
    ("Image 18-34", image_resnet(18), image_resnet(34), {}, ("011", "0111", "011111", "011")),
    ("Image 26-34", image_resnet(26), image_resnet(34), repeat("interpolate"),
     ("011", "0112", "011223", "012")),
    ("Image 26-18", image_resnet(26), image_resnet(18), {}, ("01",) * 4),
    ("Image 34-18", image_resnet(34), image_resnet(18), repeat("first"), ("01",) * 4),
    ("Image 34-26", image_resnet(34), image_resnet(26), {}, ("01", "012", "0123", "012")),
    ("VGG 13-16", vgg(13), vgg(16), {}, ("01", "01", "011", "011", "011")),
    ("VGG 13-19", vgg(13), vgg(19), {}, ("01", "01", "0111", "0111", "0111")),
    ("VGG 16-19", vgg(16), vgg(19), repeat("interpolate"), ("01", "01", "0112", "0112", "0112")),
    ("VGG 19-16", vgg(19), vgg(16), {}, ("01", "01", "012", "012", "012")),
    ("VGG 19-13", vgg(19), vgg(13), repeat("last"), ("01", "01", "03", "03", "03")),
    # The one hidden layer behind the convolutions changes nothing and may be repeated.
    ("VGG 13-2 to -3", vgg(13, 2), vgg(13, 3), {}, ("01",) * 5 + ("00",)),
    ("VGG 13-2 to -5", vgg(13, 2), vgg(13, 5), {}, ("01",) * 5 + ("0000",)),
    ("VGG 13-3 to -5", vgg(13, 3), vgg(13, 5), {}, ("01",) * 5 + ("0111",)),
    ("VGG 13-5 to -2", vgg(13, 5), vgg(13, 2), {}, ("01",) * 5 + ("0",)),
    ("VGG 13-5 to -3", vgg(13, 5), vgg(13, 3), repeat("last"), ("01",) * 5 + ("03",)),
    ("MLP 2-3", mlp(2), mlp(3), {}, ("011", "0")),
    ("MLP 2-4", mlp(2), mlp(4), {}, ("0111", "0")),
    ("MLP 3-4", mlp(3), mlp(4), repeat("interpolate"), ("0112", "0")),
    ("MLP 3-4 last", mlp(3), mlp(4), repeat("append", 2), ("0122", "0")),
    ("MLP 3-2", mlp(3), mlp(2), {}, ("01", "0")),
    ("MLP 4-2", mlp(4), mlp(2), repeat("keep", 3), ("03", "0")),
    ("MLP 4-3", mlp(4), mlp(3), repeat("last"), ("023", "0")),
    ("MLP 3-3", mlp(3), mlp(3), {}, ("012", "0")),
    ("Mobile 3-5", mobile(3), mobile(5), {}, ("0", "01", "01", "012123", "01")),
    ("Mobile 5-10", mobile(5), mobile(10), {}, ("0", "01", "01", "01234512345", "01")),
    ("Mobile 10-3", mobile(10), mobile(3), repeat("spaced"), ("0", "01", "01", "0147", "01")),
    ("One map a stage", image_resnet(18), image_resnet(34),
     {1: Rule("append"), 3: Rule("interpolate", (1,)), **out(stage2={1: (1, 2, 3)})},
     ("011", "0111", "011111", "011")),
]  # fmt: skip


def stages_of(found: Assignment) -> tuple[str, ...]:
    """The source's block of each target block, a text for each stage."""
    texts: dict[int, str] = {}
    for pairing in found.pairings:
        if pairing.target.role == "block":
            assert pairing.source is not None
            assert pairing.source.stage == pairing.target.stage
            number = pairing.target.stage
            texts[number] = texts.get(number, "") + str(pairing.source.index)
        else:
            assert pairing.source is not None
            assert pairing.source.name == pairing.target.name
    return tuple(texts.values())


def right(source: Graph, target: Graph, rules: dict[int, Rule], **more: Any) -> Assignment:
    found, problems = assign(source, target, rules, **more)
    assert problems == []
    assert found is not None
    return found


def wrong(source: Graph, target: Graph, rules: dict[int, Rule]) -> list[Diagnostic]:
    found, problems = assign(source, target, rules)
    assert found is None
    assert problems
    return problems


@pytest.mark.parametrize(
    ("before", "after", "rules", "expected"),
    [row[1:] for row in CIFAR_RESNETS],
    ids=[row[0] for row in CIFAR_RESNETS],
)
def test_maps_of_cifar_resnets(
    before: int, after: int, rules: dict[int, Rule], expected: str
) -> None:
    found = right(resnet(before), resnet(after), rules)
    assert stages_of(found) == (expected,) * 3
    check_covers(found, resnet(before), resnet(after))


@pytest.mark.parametrize(
    ("before", "after", "rules", "expected"),
    [row[1:] for row in OTHERS],
    ids=[row[0] for row in OTHERS],
)
def test_maps_of_other_families(
    before: Graph, after: Graph, rules: dict[int, Rule], expected: tuple[str, ...]
) -> None:
    found = right(before, after, rules)
    assert stages_of(found) == expected
    check_covers(found, before, after)


def check_covers(found: Assignment, before: Graph, after: Graph) -> None:
    """Every tensor of the target is written, from one of its own shape, in graph order."""
    theirs = {tensor.name: tensor.shape for tensor in (*before.parameters, *before.buffers)}
    ours = {tensor.name: tensor.shape for tensor in (*after.parameters, *after.buffers)}
    assert list(found.tensors) == list(ours)
    assert {name: theirs[origin] for name, origin in found.tensors.items()} == ours


def test_every_tensor_of_a_small_map_by_hand() -> None:
    before = lenet((1, 2, 2), 3, (5, 5, 4))
    after = lenet((1, 2, 2), 3, (5, 5, 5, 4))
    assert right(before, after, {}).tensors == {
        "fc1.weight": "fc1.weight",
        "fc1.bias": "fc1.bias",
        "fc2.weight": "fc2.weight",
        "fc2.bias": "fc2.bias",
        "fc3.weight": "fc2.weight",
        "fc3.bias": "fc2.bias",
        "fc4.weight": "fc3.weight",
        "fc4.bias": "fc3.bias",
        "fc5.weight": "fc4.weight",
        "fc5.bias": "fc4.bias",
    }
    assert right(before, after, {}).copies == ("fc3.weight", "fc3.bias")


def test_running_statistics_go_with_the_weights() -> None:
    found = right(resnet(14), resnet(20), {})
    block = "stage2.block2."
    assert {name: origin for name, origin in found.tensors.items() if name.startswith(block)} == {
        f"{block}{name}": f"stage2.block1.{name}"
        for name in (
            "conv1.weight",
            "norm1.scale",
            "norm1.shift",
            "conv2.weight",
            "norm2.scale",
            "norm2.shift",
            "norm1.running_mean",
            "norm1.running_var",
            "norm2.running_mean",
            "norm2.running_var",
        )
    }


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_map_covers_the_target_exactly(data: st.DataObject) -> None:
    before, after = data.draw(st.integers(2, 10)), data.draw(st.integers(2, 10))
    source, target = resnet(6 * before + 2), resnet(6 * after + 2)
    words = ["append", "interpolate"] if after > before else ["first", "last", "spaced"]
    word = data.draw(st.sampled_from(words if after != before else ["default"]))
    blocks: tuple[int, ...] = ()
    if after > before and data.draw(st.booleans()):
        each = st.integers(1, before - 1)
        blocks = tuple(data.draw(st.lists(each, min_size=1, unique=True)))
    found = right(source, target, repeat(word, *blocks))
    check_covers(found, source, target)
    (stage,) = set(stages_of_numbers(found))
    assert stage[0] == 0
    if after > before:
        assert set(stage) == set(range(before))  # a stretch leaves no block out
        most = [stage.count(block) for block in (blocks or range(1, before))]
        assert max(most) - min(most) <= 1
        assert most == sorted(most, reverse=True) or blocks
        if blocks:
            assert all(stage.count(b) == 1 for b in range(1, before) if b not in blocks)
    else:
        assert len(set(stage)) == after
        assert list(stage) == sorted(stage)


FAMILIES: list[tuple[Graph, ...]] = [
    tuple(resnet(depth) for depth in (14, 20, 26, 32, 44)),
    tuple(image_resnet(depth) for depth in (18, 26, 34)),
    tuple(imagenet_resnet((3, 64, 64), 10, depth, 1, "imagenet") for depth in (50, 101)),
    tuple(vgg(depth) for depth in (13, 16, 19)),
    tuple(mlp(hidden) for hidden in (2, 3, 4)),
    tuple(mobile(blocks) for blocks in (3, 5, 10)),
]


def blocks_of(graph: Graph) -> dict[int, int]:
    """How many blocks each stage has."""
    return dict(Counter(block.stage for block in graph.blocks if block.role == "block"))


def draw_stage(data: st.DataObject, before: int, after: int) -> tuple[Rule | None, list[int]]:
    """A way to map a stage, and the source's block of each block of the target that it means.
    None leaves the stage out, so that the default holds."""
    words = ["default", "blocks"]
    if before > 1 and after < before:
        words += ["first", "last", "keep"]
    if before > 1 and after > before:
        words += ["append", "interpolate"]
    word = data.draw(st.sampled_from(words))
    kept = list(range(1, before))
    more, rest = divmod(after - 1, before - 1) if before > 1 else (0, 0)
    counts = [more + (place < rest) for place in range(before - 1)]
    match word:
        case "blocks":
            each = st.sampled_from(kept) if kept else st.just(0)
            drawn = [0, *data.draw(st.lists(each, min_size=after - 1, max_size=after - 1))]
            written = {
                block: tuple(place for place in range(after) if drawn[place] == block)
                for block in range(before)
            }
            return Rule("blocks", written=written), drawn
        case "keep":
            chosen = data.draw(st.lists(st.sampled_from(kept), min_size=after - 1,
                                        max_size=after - 1, unique=True))  # fmt: skip
            return (Rule("keep", tuple(chosen)) if chosen else None), [0, *sorted(chosen)]
        case "first" | "default" if after <= before:
            return (Rule("first") if word == "first" else None), [0, *kept[: after - 1]]
        case "last":
            return Rule("last"), [0, *kept[before - after :]]
        case "interpolate":
            return Rule("interpolate"), [
                0, *(block for block, count in zip(kept, counts, strict=True) for _ in range(count))
            ]  # fmt: skip
        case _:
            # Once more, the first ones alone are appended to themselves; else all in turn.
            first = kept[:rest]
            found = first + first + kept[rest:] if more == 1 else kept * more + first
            return (Rule("append") if word == "append" else None), [0, *found]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_maps_by_stage_say_what_is_written_of_every_family(data: st.DataObject) -> None:
    family = FAMILIES[data.draw(st.integers(0, len(FAMILIES) - 1))]
    numbers = st.integers(0, len(family) - 1)
    source, target = family[data.draw(numbers)], family[data.draw(numbers)]
    before, after = blocks_of(source), blocks_of(target)
    drawn = {stage: draw_stage(data, before[stage], after[stage]) for stage in after}
    if before == after:  # words for more or fewer blocks are refused where nothing changes
        assert all(rule is None or rule.word == "blocks" for rule, _ in drawn.values())
    rules = {stage: rule for stage, (rule, _) in drawn.items() if rule is not None}
    expected = [tuple(blocks) for _, blocks in drawn.values()]
    found = right(source, target, rules)
    assert stages_of_numbers(found) == expected
    check_covers(found, source, target)
    # What is the second or a later copy of its block, by hand.
    copies = {
        f"stage{stage}.block{place}"
        for stage, blocks in zip(after, expected, strict=True)
        for place, block in enumerate(blocks)
        if block in blocks[:place]
    }
    assert {p.target.name for p in found.pairings if p.copy} == copies
    # A block of the target that nothing is written to is named.
    spoilt = [stage for stage, rule in rules.items() if rule.word == "blocks" and after[stage] > 1]
    if spoilt:
        stage = data.draw(st.sampled_from(spoilt))
        lost = data.draw(st.integers(1, after[stage] - 1))
        written = {
            block: tuple(place for place in places if place != lost)
            for block, places in rules[stage].written.items()
        }
        problem = wrong(source, target, {**rules, stage: Rule("blocks", written=written)})[0]
        assert problem.code == "LT271"
        assert f"nothing is written to block {lost} of the target" in problem.message


def stages_of_numbers(found: Assignment) -> list[tuple[int, ...]]:
    numbers: dict[int, list[int]] = {}
    for pairing in found.pairings:
        if pairing.source is not None and pairing.target.role == "block":
            numbers.setdefault(pairing.target.stage, []).append(pairing.source.index)
    return [tuple(each) for each in numbers.values()]


@settings(max_examples=100, deadline=None)
@given(
    st.integers(2, 7),
    st.integers(1, 6),
    st.sampled_from(["append", "interpolate"]),
)
def test_a_stretch_and_its_inverse_give_the_source_back(before: int, more: int, word: str) -> None:
    source, target = resnet(6 * before + 2), resnet(6 * (before + more) + 2)
    there = right(source, target, repeat(word))
    stage = stages_of_numbers(there)[0]
    firsts = [stage.index(block) for block in range(1, before)]
    back = {0: Rule("blocks", written={place: (b,) for b, place in enumerate(firsts, start=1)})}
    again = right(target, source, back)
    assert {name: there.tensors[origin] for name, origin in again.tensors.items()} == {
        name: name for name in again.tensors
    }


@pytest.mark.parametrize(
    ("written", "code", "says"),
    [
        ({1: (1, 2), 2: (3,)}, "LT271", "nothing is written to block 4 of the target"),
        ({1: (1,), 2: (3,)}, "LT271", "nothing is written to blocks 2, 4 of the target"),
        ({1: (1, 2), 2: (2, 3, 4)}, "LT271", "block 2 of the target would be written twice"),
        ({1: (1, 2), 2: (3, 5)}, "LT271", "the target has no block 5"),
        ({1: (1, 2), 3: (3, 4)}, "LT271", "the ticket's network has no block3"),
        ({1: (1, 2, 3, 4)}, "LT271", "block2 of the ticket's network goes nowhere"),
        ({0: (), 1: (0, 1, 2), 2: (3, 4)}, "LT271", "has to come from block0"),
        ({0: (0, 1), 1: (2,), 2: (3, 4)}, "LT273", "stage2.block0 cannot become stage2.block1"),
    ],
)
def test_what_is_left_over_or_doubled_is_named(
    written: dict[int, tuple[int, ...]], code: str, says: str
) -> None:
    problems = wrong(resnet(20), resnet(32), out(every=written))
    assert problems[0].code == code
    assert says in " ".join(problem.message for problem in problems)


def test_a_block_may_be_left_out_on_purpose() -> None:
    found = right(resnet(20), resnet(32), out(every={1: (1, 2, 3, 4), 2: ()}))
    assert stages_of(found) == ("01111",) * 3


@pytest.mark.parametrize(
    ("before", "after", "rules", "code", "says"),
    [
        (resnet(20), resnet(14), repeat("append"), "LT272", "more blocks, not fewer"),
        (resnet(20), resnet(32), repeat("first"), "LT272", "fewer blocks, not more"),
        (resnet(56), resnet(32), repeat("keep", 1, 2), "LT272", "`keep` names 2 blocks"),
        (resnet(20), resnet(32), repeat("append", 3), "LT271", "network has no block 3"),
        (resnet(20), resnet(20), repeat("append"), "LT272", "as many blocks in the target"),
        # Of stages of 3, 3, 3 and 3 blocks, the last one has as many in the target.
        (image_resnet(26), image_resnet(34), {4: Rule("keep", (1,))}, "LT272", "`keep` changes"),
        (image_resnet(26), image_resnet(34), {4: Rule("append", (9,))}, "LT272", "`append` chan"),
        (image_resnet(26), image_resnet(34), {4: Rule("last")}, "LT272", "stage4 has 3 blocks"),
        (mlp(1), mlp(2), {}, "LT272", "its only block changes the shape"),
        (resnet(20), resnet(20, 8), {}, "LT273", "4 x 3 x 3 x 3"),
        (vgg(13), vgg(13, 2), {}, "LT274", "only the target has stage6"),
        (conv(CIFAR, 10, 2), conv(CIFAR, 10, 4), {}, "LT274", "only the target has stage3"),
        (named_like_a_stage("stem"), mlp(0), {}, "LT274", "only the ticket's network has the stem"),
        (mlp(0), named_like_a_stage("stem"), {}, "LT274", "only the ticket's network has stage1"),
        (
            named_like_a_stage("stem"),
            named_like_a_stage("classifier"),
            {},
            "LT274",
            "has the stem stage1",
        ),
        (resnet(20), resnet(32), {7: Rule("append")}, "LT274", "no stage7"),
        (Graph((4,), mlp(1).nodes), mlp(1), {}, "LT274", "names no blocks"),
        (image_resnet(18), image_resnet(18, 7), {}, "LT273", "the classifiers differ"),
    ],
)
def test_what_cannot_be_carried(
    before: Graph, after: Graph, rules: dict[int, Rule], code: str, says: str
) -> None:
    problem = wrong(before, after, rules)[0]
    assert problem.code == code
    assert says in problem.message


def test_a_map_for_all_stages_leaves_those_that_do_not_change() -> None:
    """One for all stages is about those that do; written out, blocks may change places."""
    for rules in (
        repeat("append"),
        {3: Rule("append")},
        {4: Rule("blocks", written={1: (2,), 2: (1,)})},
        {4: Rule()},
    ):
        found = right(image_resnet(26), image_resnet(34), rules)
        assert stages_of_numbers(found)[3] == (
            (0, 2, 1) if rules.get(4, Rule()).written else (0, 1, 2)
        )


def test_a_parameter_is_like_the_one_in_its_place() -> None:
    found = right(mlp(2), mlp(4), {}, fresh_classifier=True)
    like = elastic.likened(found, mlp(2), mlp(4))
    assert like == {
        f"fc{to}.{end}": f"fc{origin}.{end}"
        for to, origin in ((1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (6, 4))
        for end in ("weight", "bias")
    }

    def network(*layers: int) -> Graph:
        draft = Draft((4,))
        draft.add("in", Linear(4))
        draft.end_block("stem")
        for index, width in enumerate(layers):
            draft.add(f"out{index}", Linear(width))
        draft.end_block("classifier")
        return draft.graph()

    # Fresh classifiers of other numbers of layers, counted from the output on.
    for before, after, origins in (
        ((3, 5), (3, 6), (0, 1)),
        ((3, 5), (4, 3, 2, 6), (0, 0, 0, 1)),
        ((4, 3, 5), (6,), (2,)),
    ):
        one, other = network(*before), network(*after)
        found = right(one, other, {}, fresh_classifier=True)
        like = elastic.likened(found, one, other)
        expected = {f"out{to}.weight": f"out{place}.weight" for to, place in enumerate(origins)}
        assert {name: like[name] for name in expected} == expected
        assert set(like) == {parameter.name for parameter in other.parameters}


def test_a_fresh_classifier() -> None:
    found = right(image_resnet(18), image_resnet(26, 7), {}, fresh_classifier=True)
    assert found.afresh == ("classifier",)
    assert set(image_resnet(26, 7).parameters) - {
        p for p in image_resnet(26, 7).parameters if p.name in found.tensors
    } == {p for p in image_resnet(26, 7).parameters if p.name.startswith("fc.")}
    masked = [p.name for p in image_resnet(18).prunable]
    every = covered(found, image_resnet(18), masked, image_resnet(26, 7))
    assert every == [p.name for p in image_resnet(26, 7).prunable]
    masked.remove("fc.weight")
    rest = covered(found, image_resnet(18), masked, image_resnet(26, 7))
    assert [name for name in every if name not in rest] == ["fc.weight"]


def test_a_mask_follows_its_tensors() -> None:
    """An exempt tensor stays exempt, whatever it is called in the other network."""
    found = right(mlp(2), mlp(4), {})
    masked = ["fc1.weight", "fc2.weight", "fc3.weight"]
    assert covered(found, mlp(2), masked, mlp(4)) == [f"fc{n}.weight" for n in range(1, 6)]


def test_a_network_of_ones_own_can_be_carried() -> None:
    """Nothing knows families: a graph with blocks is enough."""

    def network(layers: int, kernel: int = 3) -> Graph:
        draft = Draft((2, 8, 8))
        draft.add("in", Conv(4, (3, 3), padding=(1, 1, 1, 1)))
        draft.end_block("stem")
        for index in range(layers):
            size = kernel if index == 1 else 3
            draft.conv(f"c{index}", 4, size)
            draft.add(f"n{index}", BatchNorm())
            draft.add(f"r{index}", Relu())
            draft.end_block("block", 1, index)
        draft.add("pool", GlobalAvgPool())
        draft.add("out", Linear(3))
        draft.end_block("classifier")
        return draft.graph()

    found = right(network(2), network(3), {})
    assert found.tensors["c2.weight"] == "c1.weight"
    assert found.tensors["n2.running_var"] == "n1.running_var"
    assert wrong(network(2, 5), network(3), {})[0].code == "LT273"


def test_equal_shapes_are_not_enough() -> None:
    """A convolution with another stride is another operation."""

    def network(*strides: int) -> Graph:
        draft = Draft((1, 16, 16))
        for index, stride in enumerate(strides):
            draft.conv(f"c{index}", 1, 3, stride)
            draft.end_block("block", 1, index)
        draft.add("flatten", Flatten())
        draft.add("pool", Linear(4))
        draft.add("out", Linear(3))
        draft.end_block("classifier")
        return draft.graph()

    problem = wrong(network(1, 2), network(1, 2, 1), {})[0]
    assert problem.code == "LT273"
    assert "stride" in problem.message


def test_spaced_blocks() -> None:
    assert elastic.squeezed("spaced", 7, 3) == [1, 3, 5]
    assert elastic.squeezed("spaced", 5, 5) == [1, 2, 3, 4, 5]
