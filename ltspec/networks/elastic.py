"""Takes two networks of a family and how blocks are mapped; gives target tensor <- source tensor.

Elastic transfer (Chen et al. 2021, section 3) stretches a network by repeating blocks, or squeezes
it by leaving some out. Stem, classifier, the number of stages and the first block of each stage are
kept. What a map says is checked here completely, before there is any tensor: each tensor of the
target is written once, by one tensor of the same operation and shape.

No numpy: ``validate`` asks. Problems are diagnostics whose paths begin behind the branch's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Literal

from ltspec.errors import Diagnostic, Path
from ltspec.networks.graph import Block, Buffer, Graph, Node, Parameter

Word = Literal["append", "interpolate", "first", "last", "spaced"]
TICKETS = "the ticket's network"
"""What messages call the network that is carried."""
STRETCHES: tuple[Word, ...] = ("append", "interpolate")
SQUEEZES: tuple[Word, ...] = ("first", "last", "spaced")


@dataclass(frozen=True, slots=True)
class Rule:
    """How the blocks of a stage become those of the same stage of the target."""

    word: Word | Literal["keep", "blocks", "default"] = "default"
    """``default`` appends where a stage grows and keeps the first blocks where it shrinks."""
    blocks: tuple[int, ...] = ()
    """Of ``append`` and ``interpolate``: the blocks that are repeated; empty for all of them. Of
    ``keep``: the blocks that stay."""
    written: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """Of ``blocks``: source block -> target blocks."""
    path: Path = ("map",)
    """Where it is written."""


@dataclass(frozen=True, slots=True)
class Pairing:
    """A block of the target, and the source's block that it is a copy of."""

    target: Block
    source: Block | None
    """None for a classifier that is drawn afresh."""
    copy: bool = False
    """Whether an earlier block of the target is a copy of the same block."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where everything in a target comes from."""

    pairings: tuple[Pairing, ...]
    """One for each block of the target, in graph order."""
    tensors: Mapping[str, str]
    """Parameters and buffers of the target, in graph order: the source's tensor of each. What is
    drawn afresh is not there."""
    copies: tuple[str, ...]
    """The target's parameters in blocks that are a second or later copy."""

    @property
    def afresh(self) -> tuple[str, ...]:
        """Names of the target's blocks that have no source."""
        return tuple(each.target.name for each in self.pairings if each.source is None)


def tensors_of(graph: Graph) -> list[Parameter | Buffer]:
    """Everything that a network remembers: parameters, then running statistics."""
    return [*graph.parameters, *graph.buffers]


def part(block: Block) -> tuple[str, str]:
    """The role of a block, and its own name or that of its stage: a stem may be named as a stage
    is."""
    return block.role, f"stage{block.stage}" if block.role == "block" else block.name


class Inside:
    """A network, looked up by block: its operations that have tensors, and their shapes."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shapes: dict[str, dict[str, tuple[int, ...]]] = {}
        """By node, then by what stands behind its name: ``weight``, ``running_mean``."""
        for tensor in tensors_of(graph):
            node, _, end = tensor.name.rpartition(".")
            self.shapes.setdefault(node, {})[end] = tensor.shape
        self._nodes = {node.name: node for node in graph.nodes}
        self.blocks = {block.name: block for block in graph.blocks}
        self.stages: dict[int, list[Block]] = {}
        """The repeatable blocks by the number of their stage, in order."""
        for block in graph.blocks:
            if block.role == "block":
                self.stages.setdefault(block.stage, []).append(block)

    def nodes(self, block: Block) -> list[Node]:
        """The block's operations that have tensors, in order."""
        return [self._nodes[name] for name in block.nodes if name in self.shapes]

    def outline(self) -> list[tuple[str, str]]:
        """Stem, stages and classifier, each as :func:`part` says it."""
        return list(dict.fromkeys(map(part, self.blocks.values())))


def assign(
    source: Graph, target: Graph, rules: Mapping[int, Rule], *, fresh_classifier: bool = False
) -> tuple[Assignment | None, list[Diagnostic]]:
    """Which tensor of ``source`` each tensor of ``target`` is a copy of; None where there are
    problems. ``rules``: by stage, from 1; that of key 0 is for the stages without one."""
    theirs, ours = Inside(source), Inside(target)
    problems = list(_no_counterpart(theirs, ours, rules))
    if problems:
        return None, problems
    origins: dict[str, Block | None] = {}
    copies: set[str] = set()
    for block in target.blocks:
        if block.role != "block":
            fresh = block.role == "classifier" and fresh_classifier
            origins[block.name] = None if fresh else theirs.blocks[block.name]
    problems += _nothing_changes(rules, theirs, ours)
    for number, blocks in ours.stages.items():
        found = from_source(_rule(rules, number), number, theirs, ours)
        if isinstance(found, Diagnostic):
            problems.append(found)
            continue
        for place, (block, index) in enumerate(zip(blocks, found, strict=True)):
            origins[block.name] = theirs.stages[number][index]
            if index in found[:place]:
                copies.add(block.name)
    pairings = tuple(
        Pairing(block, origins[block.name], block.name in copies)
        for block in target.blocks
        if block.name in origins
    )
    for pairing in pairings:
        problems += _misfits(pairing, theirs, ours, rules)
    if problems:
        return None, _told_once(problems)
    return Assignment(pairings, *_tensors(pairings, theirs, ours)), []


def _tensors(
    pairings: Sequence[Pairing], theirs: Inside, ours: Inside
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Target tensor -> source tensor in graph order, and the parameters of copies."""
    nodes: dict[str, str] = {}
    again: set[str] = set()
    for pairing in pairings:
        if pairing.source is None:
            continue
        left, right = theirs.nodes(pairing.source), ours.nodes(pairing.target)
        nodes |= {to.name: origin.name for origin, to in zip(left, right, strict=True)}
        if pairing.copy:
            again |= {node.name for node in right}
    tensors = {}
    for tensor in tensors_of(ours.graph):
        node, _, end = tensor.name.rpartition(".")
        if node in nodes:
            tensors[tensor.name] = f"{nodes[node]}.{end}"
    parameters = ours.graph.parameters
    return tensors, tuple(p.name for p in parameters if p.name.rpartition(".")[0] in again)


def covered(
    assignment: Assignment, source: Graph, masked: Sequence[str], target: Graph
) -> list[str]:
    """The target's tensors that a mask covers, in graph order, when it covers ``masked`` of the
    source: their copies; and weights of a classifier that is drawn afresh, where the source's are
    covered."""
    whole = set()
    if assignment.afresh:
        theirs, ours = Inside(source), Inside(target)
        for name in assignment.afresh:
            nodes = {node.name for node in theirs.nodes(theirs.blocks[name])}
            if any(tensor.rpartition(".")[0] in nodes for tensor in masked):
                whole |= {node.name for node in ours.nodes(ours.blocks[name])}
    return [
        parameter.name
        for parameter in target.prunable
        if assignment.tensors.get(parameter.name) in masked
        or parameter.name.rpartition(".")[0] in whole
    ]


def likened(assignment: Assignment, source: Graph, target: Graph) -> dict[str, str]:
    """The source's tensor that each parameter of the target stands in the place of: the one that it
    is a copy of, and in a classifier that is drawn afresh that of the source's classifier. Where
    such classifiers have other numbers of layers, these are counted from the output on, and the
    source's first one stands for all before it."""
    found = {
        p.name: origin for p in target.parameters if (origin := assignment.tensors.get(p.name))
    }
    theirs, ours = Inside(source), Inside(target)
    for name in assignment.afresh:
        left, right = theirs.nodes(theirs.blocks[name]), ours.nodes(ours.blocks[name])
        if left:
            places = (max(place, 0) for place in range(len(left) - len(right), len(left)))
            for node, place in zip(right, places, strict=True):
                ends = ours.shapes[node.name]
                found |= {f"{node.name}.{end}": f"{left[place].name}.{end}" for end in ends}
    return found


def _rule(rules: Mapping[int, Rule], stage: int) -> Rule:
    return rules.get(stage, rules.get(0, Rule()))


def from_source(rule: Rule, stage: int, source: Inside, target: Inside) -> list[int] | Diagnostic:
    """The source's block that each of the target's blocks of one stage is a copy of."""
    before, after = len(source.stages[stage]), len(target.stages[stage])
    word = rule.word
    if word == "default":
        word = "append" if after > before else "first"
    if word == "blocks":
        return _as_written(rule, stage, before, after)
    if before == after:
        return list(range(before))
    if wrong := _not_there(rule, stage, before):
        return wrong
    if word in STRETCHES:
        return _stretch(rule, word, stage, source, target)
    return _squeeze(rule, word, stage, before, after)


def _stretch(
    rule: Rule, word: str, stage: int, source: Inside, target: Inside
) -> list[int] | Diagnostic:
    before, after = len(source.stages[stage]), len(target.stages[stage])
    if after < before:
        hint = "write `first`, `last`, `spaced` or `keep`, or a map of its own for the stage"
        return _cannot(rule, stage, before, after, f"`{word}` makes more blocks, not fewer", hint)
    if before > 1:
        chosen = rule.blocks or tuple(range(1, before))
        return [0, *stretched(word, before - 1, after - 1, chosen)]
    # The first block of a stage is kept; alone, it is repeated where it changes nothing.
    if _misfit(source, source.stages[stage][0], target, target.stages[stage][1]) is None:
        return [0] * after
    reason = "its only block changes the shape of what runs through it and cannot be repeated"
    hint = "start from a network whose stage has a second block"
    return _cannot(rule, stage, before, after, reason, hint)


def _squeeze(rule: Rule, word: str, stage: int, before: int, after: int) -> list[int] | Diagnostic:
    if after > before:
        hint = "write `append` or `interpolate`, or a map of its own for the stage"
        return _cannot(rule, stage, before, after, f"`{word}` makes fewer blocks, not more", hint)
    if word != "keep":
        return [0, *squeezed(word, before - 1, after - 1)]
    if len(rule.blocks) == after - 1:
        return [0, *sorted(rule.blocks)]
    named = f"{len(rule.blocks)} block{'s' * (len(rule.blocks) != 1)}"
    return _cannot(
        rule,
        stage,
        before,
        after,
        f"`keep` names {named} beside block 0",
        f"name {after - 1} of the blocks 1 to {before - 1}",
    )


def stretched(word: str, before: int, after: int, chosen: Sequence[int]) -> list[int]:
    """Blocks 1 .. ``before`` as ``after`` blocks, ``chosen`` ones repeated.

    All chosen blocks are repeated equally often, and earlier ones once more where that does not
    come out even: more distinct blocks fewer times, and earlier rather than later ones (Chen et al.
    2021, section 3.2). ``interpolate`` puts the copies of a block behind it; ``append`` repeats
    the run of repeated blocks as a whole.
    """
    more, rest = divmod(after - before, len(chosen))
    counts = dict.fromkeys(range(1, before + 1), 1)
    for place, block in enumerate(sorted(chosen)):
        counts[block] += more + (place < rest)
    if word == "interpolate":
        return [block for block, count in counts.items() for _ in range(count)]
    repeated = [block for block, count in counts.items() if count > 1]
    run = range(repeated[0], repeated[-1] + 1)
    rounds = range(1, max(counts.values()) + 1)
    return [
        *range(1, run.start),
        *(block for number in rounds for block in run if counts[block] >= number),
        *range(run.stop, before + 1),
    ]


def squeezed(word: str, before: int, after: int) -> list[int]:
    """Which of the blocks 1 .. ``before`` stay: the ``first`` or the ``last`` ones, or ``spaced``
    ones, block 1 and every (before / after)-th behind it, rounded down."""
    match word:
        case "first":
            return list(range(1, after + 1))
        case "last":
            return list(range(before - after + 1, before + 1))
        case _:
            return [1 + place * before // after for place in range(after)]


def _misfit(source: Inside, theirs: Block, target: Inside, ours: Block) -> str | None:
    """Why a block's tensors cannot be those of another: other operations, numbers or shapes.
    Operations without tensors, such as a pooling before the first convolution of a stage, do not
    count."""
    left, right = source.nodes(theirs), target.nodes(ours)
    if len(left) != len(right):
        return (
            f"the ticket's block has {len(left)} layers with weights, and the target's has "
            f"{len(right)}"
        )
    for origin, to in zip(left, right, strict=True):
        before, after = source.shapes[origin.name], target.shapes[to.name]
        for end in {**before, **after}:
            if before.get(end) != after.get(end):
                return (
                    f"{origin.name}.{end} of {TICKETS} is {_by(before.get(end))}, and "
                    f"{to.name}.{end} of the target is {_by(after.get(end))}"
                )
        if type(origin.op) is not type(to.op):
            one, other = (type(node.op).__name__ for node in (origin, to))
            return f"{origin.name} of {TICKETS} is a {one}, and {to.name} of the target a {other}"
        for name in (each.name for each in fields(origin.op)):
            one, other = getattr(origin.op, name), getattr(to.op, name)
            if one != other:
                return (
                    f"{origin.name} of {TICKETS} has {name} {one}, and {to.name} of the target "
                    f"has {other}"
                )
    return None


def _misfits(
    pairing: Pairing, source: Inside, target: Inside, rules: Mapping[int, Rule]
) -> Iterator[Diagnostic]:
    """LT273."""
    ours, theirs = pairing.target, pairing.source
    if theirs is None or (reason := _misfit(source, theirs, target, ours)) is None:
        return
    if ours.role == "classifier":
        hint = "write `classifier: fresh`, which draws its weights anew and leaves it dense"
        yield Diagnostic("LT273", f"the classifiers differ: {reason}", ("data",), hint)
    elif theirs.name == ours.name:
        yield Diagnostic(
            "LT273",
            f"{ours.name} is not the same in both networks: {reason}",
            ("data",),
            f"{ours.name} is carried as it is, so write a target, and images, that leave its "
            "shapes as they are",
        )
    else:
        rule = _rule(rules, ours.stage)
        yield Diagnostic(
            "LT273",
            f"{theirs.name} cannot become {ours.name} of the target: {reason}",
            _place_of(rule, theirs.index, ours.index),
            _which_fit(source, target, ours),
        )


def _place_of(rule: Rule, block: int, place: int) -> Path:
    """Where a map says that a block of the target is a copy of this one."""
    if rule.word != "blocks":
        return rule.path
    return (*rule.path, "blocks", f"block{block}", rule.written[block].index(place))


def _which_fit(source: Inside, target: Inside, ours: Block) -> str:
    """The hint which blocks could become one that the written one cannot."""
    fitting = [
        f"`block{each.index}`"
        for each in source.stages[ours.stage]
        if _misfit(source, each, target, ours) is None
    ]
    if not fitting:
        return f"no block of stage{ours.stage} of {TICKETS} fits there: write another target"
    return f"write {ours.index} behind {_either(fitting)}, whose shapes fit there"


def _as_written(rule: Rule, stage: int, before: int, after: int) -> list[int] | Diagnostic:
    """LT271: a map that is written out has to cover the target, each block once."""
    found: dict[int, int] = {}
    written = {0: (0,), **rule.written}

    def wrong(message: str, path: Path, hint: str) -> Diagnostic:
        return Diagnostic("LT271", f"stage{stage}: {message}", (*rule.path, *path), hint)

    for block, places in written.items():
        name = f"block{block}"
        if block >= before:
            return Diagnostic(
                "LT271",
                f"stage{stage}: {TICKETS} has no {name}",
                (*rule.path, "blocks", name),
                f"write {_either([f'`block{number}`' for number in range(before)])}",
                at="key",
            )
        for number, place in enumerate(places):
            here: Path = ("blocks", name, number)
            if place >= after:
                return wrong(
                    f"the target has no block {place}", here, f"write numbers up to {after - 1}"
                )
            if place in found:
                return wrong(
                    f"block {place} of the target would be written twice, by block{found[place]} "
                    f"and by {name}",
                    here,
                    f"write {place} behind one of `block{found[place]}` and `{name}`",
                )
            found[place] = block
    if found.get(0) != 0:
        return wrong(
            "block 0 of the target has to come from block0, which is kept",
            ("blocks",),
            "leave `block0` out, or write `block0: [0]`",
        )
    missing = [place for place in range(after) if place not in found]
    if missing:
        are = "block" if len(missing) == 1 else "blocks"
        return wrong(
            f"nothing is written to {are} {', '.join(map(str, missing))} of the target, which has "
            f"blocks 0 to {after - 1}",
            ("blocks",),
            _where_missing(rule, missing, before),
        )
    left = [block for block in range(before) if block not in written]
    if left and after >= before:
        return wrong(
            f"block{left[0]} of {TICKETS} goes nowhere",
            ("blocks",),
            f"write where it goes, or `block{left[0]}: []` to leave it out",
        )
    return [found[place] for place in range(after)]


def _not_there(rule: Rule, stage: int, before: int) -> Diagnostic | None:
    """LT271: a block that is repeated or kept has to be one of the source's."""
    for number, block in enumerate(rule.blocks):
        if block >= before:
            others = _either([str(each) for each in range(1, before)])
            return Diagnostic(
                "LT271",
                f"stage{stage}: {TICKETS} has no block {block}",
                (*rule.path, rule.word, number),
                f"write {others}; block 0 stays where it is"
                if others
                else "it has block 0 alone, which stays where it is: leave the stage out",
            )
    return None


def _where_missing(rule: Rule, missing: Sequence[int], before: int) -> str:
    """The hint how blocks of the target are written that a map leaves out."""
    block = max(rule.written, default=min(1, before - 1))
    places = sorted({*rule.written.get(block, ()), *missing})
    which = _either([str(each) for each in missing], "and")
    of = "the block that it is a copy" if len(missing) == 1 else "the blocks that they are copies"
    return f"write {which} behind {of} of, for example `block{block}: {places}`"


def _cannot(rule: Rule, stage: int, before: int, after: int, reason: str, hint: str) -> Diagnostic:
    """LT272."""
    path = (*rule.path, rule.word) if rule.blocks else rule.path
    have = f"stage{stage} has {before} block{'s' * (before != 1)}, and {after} in the target"
    return Diagnostic("LT272", f"{have}: {reason}", path, hint)


def _nothing_changes(
    rules: Mapping[int, Rule], source: Inside, target: Inside
) -> Iterator[Diagnostic]:
    """LT272: a word about more or fewer blocks, where there are as many as before."""
    counts = {number: len(blocks) for number, blocks in source.stages.items()}
    alike = [number for number in counts if len(target.stages[number]) == counts[number]]
    for number, rule in rules.items():
        if rule.word in ("default", "blocks"):
            continue
        if len(alike) == len(counts):
            yield Diagnostic(
                "LT272",
                f"every stage has as many blocks in the target, so `{rule.word}` changes nothing",
                rule.path,
                "leave `map` out, or write out `blocks` to put them in another order",
            )
        elif number in alike:  # at 0, it is about the stages that are not
            have = f"{counts[number]} block{'s' * (counts[number] != 1)}"
            yield Diagnostic(
                "LT272",
                f"stage{number} has {have}, and as many in the target, so `{rule.word}` changes "
                "nothing",
                rule.path,
                f"leave stage{number} out, or write out `blocks` to put them in another order",
                at="key",
            )


def _no_counterpart(
    source: Inside, target: Inside, rules: Mapping[int, Rule]
) -> Iterator[Diagnostic]:
    """LT274."""
    if not source.blocks or not target.blocks:
        yield Diagnostic(
            "LT274",
            "the network names no blocks, so nothing says what can be repeated or left out",
            (),
            "give its Graph `blocks`: `ltspec explain LT274` shows how",
            at="key",
        )
        return
    theirs, ours = source.outline(), target.outline()
    if only := [each for each in theirs + ours if (each in theirs) != (each in ours)]:
        whose = "the target" if only[0] in ours else TICKETS
        also = [each for each in only if (each in ours) == (only[0] in ours)]
        yield Diagnostic(
            "LT274",
            f"the two networks do not have the same stages: only {whose} has "
            f"{', '.join(_said(*each) for each in also)}",
            (),
            "only the number of blocks within a stage can change",
            at="key",
        )
        return
    for number, rule in rules.items():
        if number and number not in source.stages:
            yield Diagnostic(
                "LT274",
                f"the network has no stage{number}",
                rule.path,
                f"its stages are {', '.join(f'stage{each}' for each in source.stages)}",
                at="key",
            )


def _said(role: str, name: str) -> str:
    return name if role in ("block", name) else f"the {role} {name}"


def _told_once(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    """What is wrong with one key in several stages is said of the first of them."""
    found: dict[tuple[str, Path], Diagnostic] = {}
    for problem in problems:
        found.setdefault((problem.code, problem.path), problem)
    return list(found.values())


def _either(words: Sequence[str], joint: str = "or") -> str:
    """``a, b or c``; the middle of many is left out."""
    if len(words) > 8:
        return f"{words[0]} to {words[-1]}"
    *first, last = words or ("",)
    return f"{', '.join(first)} {joint} {last}" if first else last


def _by(shape: Sequence[int] | None) -> str:
    return "not there" if shape is None else " x ".join(map(str, shape))
