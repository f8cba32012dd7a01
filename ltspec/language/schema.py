"""Takes the language's definition; gives it as a JSON Schema, as a page, and key by key."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from ltspec.language.definition import Node, document, schema, text

__all__ = ["Key", "UnknownPath", "describe", "document", "language_page", "schema", "text"]


class UnknownPath(KeyError):  # noqa: N818  (said to a person as what it is)
    """There is no such key in the language."""

    def __init__(self, path: str, suggestions: tuple[str, ...]) -> None:
        close = " or ".join(f"`{each}`" for each in suggestions)
        super().__init__(
            f"did you mean {close}?" if close else "the sections are " + ", ".join(_SECTIONS)
        )
        self.path = path
        self.suggestions = suggestions
        """Keys that may have been meant, the likeliest first."""


_SECTIONS = (
    "`model`",
    "`data`",
    "`train`",
    "`prune`",
    "`pretrain`",
    "`branches`",
    "`measure`",
    "`ask`",
    "`sweep`",
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the language, in one kind of its section."""

    path: str
    """``train.optimizer.lr``; ``NAME`` stands for a name of the user's choice."""
    node: Node
    """Its schema."""
    required: bool
    kind: str
    """``name: sgd`` where its section has kinds, else empty."""

    @property
    def word(self) -> str:
        """``sgd``."""
        return self.kind.partition(": ")[2]


def describe(path: str) -> str:
    """What is known of a key: its meaning, type, default and examples, in every kind that has it,
    or in one that the path names: ``branches.transfer.map``, ``train.optimizer.adam.lr``.

    Raises:
        UnknownPath: no such key; it carries suggestions.
    """
    keys = _every_key()
    if one := _kind(keys, path.strip()):
        return one
    found = _of_kind([key for key in keys if _same(key.path, path)], path) or _in_kind(keys, path)
    if not found and path.rpartition(".")[2].isdigit():  # an item of a list: what is said of all
        found = [key for key in keys if _same(key.path, path.rpartition(".")[0])]
    if not found:
        from difflib import get_close_matches  # only a wrong path needs it

        known = list(dict.fromkeys(key.path for key in keys))
        last = path.strip().rsplit(".", 1)[-1]
        exact = [each for each in known if each.rsplit(".", 1)[-1] == last]
        exact += [home for key in keys for home in _homes_of_choice(key, last)]
        if not exact and "." not in path:
            lasts = dict.fromkeys(each.rsplit(".", 1)[-1] for each in known)
            near = get_close_matches(last, list(lasts), 2, 0.75)
            exact = [each for each in known if each.rsplit(".", 1)[-1] in near]
        exact = exact or get_close_matches(path, known, 3, 0.5)
        # A branch's own `train` is written as the spec's is, which is the one that is meant.
        exact = [one for one in exact if not any(one.endswith(f".{other}") for other in exact)]
        exact = [each.removesuffix(".0") for each in exact]
        raise UnknownPath(path, tuple(dict.fromkeys(exact))[:5])
    blocks: dict[str, list[str]] = {}
    for key in found:
        blocks.setdefault(_details(key), []).append(key.kind)
    lines = [path, ""]
    for details, kinds in blocks.items():
        named = [kind for kind in kinds if kind]
        lines += [f"  with {_or(named)}:" if named else "", details, ""]
    homes = found[0].path, f"{found[0].path}.0"
    within = [key for key in keys if key.path.rpartition(".")[0] in homes]
    if kinds := list(dict.fromkeys(key.kind for key in within if key.kind)):
        lines += ["  kinds: " + ", ".join(kinds)]
    if inner := [key.path for key in within]:
        lines += ["  keys: " + ", ".join(dict.fromkeys(each.rpartition(".")[2] for each in inner))]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip() + "\n"


def _kind(keys: Sequence[Key], path: str) -> str:
    """One kind of a section, with its keys: ``ask.first-stable``, ``branches.transfer``, or empty
    where the path does not end in one. A key of that name goes first, but not one of the user's."""
    section, _, word = path.rpartition(".")
    if any(_same(key.path, path) for key in keys if not key.path.endswith(".NAME")):
        return ""

    def is_home(home: str) -> bool:
        return any(_same(home, asked) for asked in (section, f"{section}.0", path))

    inner = [key for key in keys if key.word == word and is_home(key.path.rpartition(".")[0])]
    if not section or not inner:
        return ""
    name = inner[0].kind.partition(":")[0]
    (tag, *_) = (key for key in inner if key.path.rpartition(".")[2] == name)
    rest = {key.path.rpartition(".")[2]: key for key in inner if key is not tag}
    lines = [path, "", f"  with `{tag.kind}`:", "", f"  {tag.node['description']}", ""]
    lines += ["  keys:"] if rest else []
    width = max(map(len, rest), default=0)
    for last, key in rest.items():
        default = "required" if key.required else f"default: {_default(key)}"
        lines.append(f"    {last:{width}}  {_type(key.node)}; {default}")
    if rest:
        lines += ["", f"  `ltspec explain {path}.{next(iter(rest))}` says more of one"]
    return "\n".join(lines).rstrip() + "\n"


def _of_kind(found: list[Key], path: str) -> list[Key]:
    """The keys of the one kind that a path names in the place of a name; else all."""
    words = path.split(".")[:-1]
    return [key for key in found if key.word and key.word in words] or found


def _in_kind(keys: Sequence[Key], path: str) -> list[Key]:
    """The keys of a kind that a path names where a file does not: behind the section, or in the
    place of an item's number."""
    *section, word, last = path.split(".") if path.count(".") else ("", "", "")
    places = [".".join([*section, last]), ".".join([*section, "0", last])]
    return [key for key in keys if key.word == word and any(_same(key.path, p) for p in places)]


def language_page() -> str:
    """The reference of the language in Markdown: every key, by section."""
    keys = _every_key()
    lines = [
        _INTRODUCTION,
        "## The keys of a spec",
        "",
        *_table([k for k in keys if "." not in k.path]),
    ]
    sections = dict.fromkeys(key.path.rpartition(".")[0] for key in keys if "." in key.path)
    for section in sections:
        inner = [key for key in keys if key.path.rpartition(".")[0] == section]
        name = section.removesuffix(".0")  # what stands in a list is said of the list
        lines += ["", f"{'##' if '.' not in name else '###'} `{name}`", ""]
        lines += _meanings([key for key in keys if key.path == section])
        for kind in dict.fromkeys(key.kind for key in inner):
            # Sections that stand in several places have the same keys there.
            same = {(key.path, _details(key)): key for key in inner if key.kind == kind}
            of_kind = list(same.values())
            lines += ["", f"With `{kind}`:", ""] if kind else []
            lines += _table(of_kind)
    return "\n".join(lines).replace("\n\n\n", "\n\n") + "\n"


@cache  # to make the schema takes a good part of a second
def _every_key() -> tuple[Key, ...]:
    return tuple(_keys(schema(), ""))


def _keys(node: Node, path: str) -> Iterator[Key]:
    """Every key beneath a node, kind by kind, parents first."""
    for choice in _choices(node) or [node]:
        properties: dict[str, Node] = choice.get("properties", {})
        first = next(iter(properties.items()), ("", {}))
        kind = f"{first[0]}: {first[1]['const']}" if "const" in first[1] and path else ""
        for name, inner in properties.items():
            where = f"{path}.{name}" if path else name
            yield Key(where, inner, name in choice.get("required", ()), kind)
            yield from _keys(inner, where)
        for named in choice.get("patternProperties", {}).values():
            yield Key(f"{path}.NAME", named, False, "")
            yield from _keys(named, f"{path}.NAME")
        if "items" in choice:
            yield from _keys(choice["items"], f"{path}.0")


def _homes_of_choice(key: Key, word: str) -> Iterator[str]:
    """The key that a word may stand behind; of a kind, the section that has the kind."""
    if key.node.get("const") == word:
        yield (
            key.path.rpartition(".")[0]
            if key.kind == f"{key.path.rpartition('.')[2]}: {word}"
            else key.path
        )
    for node in (key.node, key.node.get("items", {}), *_choices(key.node)):
        if word in node.get("enum", ()) or (node is not key.node and node.get("const") == word):
            yield key.path


def _choices(node: Node) -> list[Node]:
    """The alternatives of a node; a mapping's ``oneOf`` says only which keys come together."""
    if "properties" in node:
        return []
    return list(node.get("oneOf") or node.get("anyOf") or ())


def _same(known: str, asked: str) -> bool:
    """Whether a path is the asked one: any name stands for NAME, any number for 0."""
    left, right = known.split("."), asked.strip().replace("[", ".").replace("]", "").split(".")
    return len(left) == len(right) and all(
        a == b or (a == "NAME" and b) or (a == "0" and b.isdigit())
        for a, b in zip(left, right, strict=True)
    )


def _details(key: Key) -> str:
    lines = [f"  {key.node['description']}", "", f"  type:     {_type(key.node)}"]
    lines.append("  required" if key.required else f"  default:  {_default(key)}")
    if key.node.get("examples"):
        lines.append(f"  examples: {', '.join(str(each) for each in key.node['examples'])}")
    return "\n".join(lines)


def _or(kinds: list[str]) -> str:
    """```kind: retrain` or `kind: transfer```."""
    return " or ".join(f"`{kind}`" for kind in kinds)


def _meanings(found: list[Key]) -> list[str]:
    """What is said of a section; where kinds of another section have it, each with its own."""
    kinds: dict[str, list[Key]] = {}
    for key in found:
        kinds.setdefault(key.node["description"], []).append(key)
    if len(kinds) < 2:
        return [meaning + "\n" for meaning in kinds]
    lines = []
    for meaning, keys in kinds.items():
        named = _or([key.kind for key in keys])
        value = "" if any(_is_section(key.node) for key in keys) else f" ({_type(keys[0].node)})"
        lines.append(f"- With {named}{value}: {meaning}")
    return [*lines, ""]


def _is_section(node: Node) -> bool:
    """Whether a mapping with keys of the language may stand there."""
    return "properties" in node or any(_is_section(choice) for choice in _choices(node))


def _table(keys: list[Key]) -> list[str]:
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key in keys:
        default = "**required**" if key.required else f"`{_default(key)}`"
        default = default if default != "`as described`" else "as described"
        cells = (
            f"`{key.path.rpartition('.')[2]}`",
            _type(key.node),
            default,
            key.node["description"],
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def _default(key: Key) -> str:
    if "default" not in key.node:
        return "as described"
    value = key.node["default"]
    if isinstance(value, str):
        return value or '""'
    return json.dumps(value).replace('"', "")


def _type(node: Node) -> str:
    """What may stand behind a key, in words."""
    if choices := _choices(node):
        return " or ".join(dict.fromkeys(_type(choice) for choice in choices))
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return " or ".join(f"`{word}`" for word in node["enum"])
    match node.get("type"):
        case "integer":
            return "a whole number" + _range(node)
        case "number":
            return "a number" + _range(node)
        case "boolean":
            return "`true` or `false`"
        case "array":
            return f"a list of: {_type(node['items'])}"
        case "object":
            return "a mapping"
        case _:
            pattern = str(node.get("pattern", ""))
            if not node:
                return "values"
            if "ep" not in pattern:
                return "text"
            return "a duration, or `end`" if "|end" in pattern else "a duration"


def _range(node: Node) -> str:
    words = [
        f"{word} {node[key]:,}"
        for key, word in (
            ("exclusiveMinimum", "above"),
            ("minimum", "at least"),
            ("exclusiveMaximum", "below"),
            ("maximum", "at most"),
        )
        if key in node
    ]
    return " " + ", ".join(words) if words else ""


_INTRODUCTION = """\
# The language

This page is made from the language's own definition; `ltspec explain train.optimizer.lr` shows the
same for one key, and `ltspec schema` prints it for editors.

A spec is one YAML 1.2 file: `1e-4` is a number, `no` is text, and a key that is written twice is an
error. So is a key that the language does not know. Tags, merge keys and several documents in one
file are not used; anchors and aliases are.

## Durations

A duration always carries its unit, because 160 epochs and 160 iterations are not the same.

| written | means |
|---|---|
| `160ep` | 160 epochs: passes over the training data |
| `2000it` | 2000 iterations: optimiser steps |
| `12ep20it` | 12 epochs and 20 iterations |
| `50%` | half of the training's steps, rounded half to even; not for the training's own length |

An epoch has as many steps as batches are needed for the training data, the last one smaller and
kept: 50,000 examples at 128 are 391 steps.

## Seeds and replicates

A replicate repeats the whole experiment with other seeds. `replicates: 3` takes the seeds 1, 2 and
3; `seeds: [7, 8]` names them; `{init: 1, order: 2, mask: 1}` sets the streams of a replicate apart:
`init` draws initial weights, `order` the data order, `mask` everything random in pruning. Two
replicates that differ only in `order` start from the same weights. Streams never move because
another one was used.

## Sweeps

`sweep` repeats the experiment at several points and compiles them into one plan, in which initial
weights, trainings, rewind points and masks that points have in common are there once. Its entries
multiply:

```yaml
sweep:
  prune.rewind.to: [0it, 500it, 2000it]      # a key and its values
  size:                                      # lists that go together
    model.depth: [20, 32]
    train.duration: [160ep, 200ep]
  recipe:                                    # named settings; they may set different keys
    standard: {}
    low: {train.optimizer.lr: 0.01}
    warmup: {train.optimizer.lr: 0.03, train.lr_schedule.warmup: 30000it}
```

These are 3 x 2 x 3 points, numbered from 1, the last entry varying fastest. Every key but `ltspec`,
`name`, `about`, `preset`, `ask`, `seeds` and `replicates` can be swept, items of lists by number
(`measure.0.siblings`) and branches by name (`branches.fresh.draw`). A section as a value replaces
that of the spec and its preset. The spec without its sweep has
to have every required key, and each point has to be right as a whole: `ltspec validate` checks all
of them, and shows a mistake where it is made.

`ltspec plan` lists the points, and says how many training steps the sweep needs and how many it
would need if each network were trained from scratch. Tables have a column `point` and one for each
swept key or axis, tickets lie in `tickets/point-2/`, and `ltspec run --point 2` does that point
alone.
`--set prune.rewind.to=500it` takes a key out of the sweep, and
`--set sweep.prune.rewind.to=[0it, 500it]` changes its values.
"""
