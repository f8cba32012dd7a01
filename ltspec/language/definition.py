"""Takes the language's sections; gives its JSON Schema, for editors and other checkers.

What an editor shows for a key is the text below its field in the source of the section. It is read
only here, so that validating a spec does not pay for it.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from itertools import pairwise
from typing import Any

from pydantic.json_schema import models_json_schema

from ltspec.language.duration import Duration
from ltspec.language.presets import OF_PRESETS
from ltspec.language.section import Section, alternatives, fields, is_section, item_annotation
from ltspec.language.spec import Spec

Node = dict[str, Any]

URL = "https://json-schema.org/draft/2020-12/schema"
"""The draft it is written in. Only what draft 7 knows too is used: some editors stop there."""


def schema() -> Node:
    """The JSON Schema of a spec: every key with its meaning, default, choices and examples.

    What lies between keys (a rewind point behind the end of training) is not in it: ``ltspec
    validate`` checks that.
    """
    _, generated = models_json_schema([(Spec, "validation")])
    definitions: dict[str, Node] = generated["$defs"]
    for section in _sections(Spec):
        properties = definitions[section.__name__]["properties"]
        for key, meaning in _meanings(section).items():
            properties[section.model_fields[key].alias or key]["description"] = meaning
        for key, field in fields(section).items():
            default = field.get_default(call_default_factory=True)
            if not field.is_required() and default is not None:
                properties[key]["default"] = _as_written(default)
    whole = _plain(definitions["Spec"], definitions, "")
    return {"$schema": URL, **whole, "title": "ltspec", "description": _first_line(Spec)}


def document() -> Node:
    """The schema for files: that of a spec, and where it starts from a preset, that of a spec most
    of which need not be written."""
    whole = schema()
    head = {key: whole.pop(key) for key in ("$schema", "title", "description")}
    from_preset = {"required": ["preset"]}
    return {**head, "if": from_preset, "then": _with_preset(whole), "else": whole}


def text() -> str:
    """The schema as it lies in ``schemas/ltspec.schema.json``: the same bytes each time."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def _with_preset(whole: Node) -> Node:
    """The schema of a spec whose sections are joined with those of a preset."""
    properties = {
        key: _partly(node) if key in OF_PRESETS else node
        for key, node in whole["properties"].items()
    }
    required = [key for key in whole["required"] if key not in OF_PRESETS]
    return {**whole, "properties": properties, "required": [*required, "preset"]}


def _partly(node: Any) -> Any:
    """A section's schema without what it must have. A section of several kinds that does not say
    which it is may be any of them."""
    if isinstance(node, list):
        return [_partly(item) for item in node]
    if not isinstance(node, dict):
        return node
    partly = {key: _partly(value) for key, value in node.items() if key != "required"}
    if "oneOf" in partly:
        return {"anyOf" if key == "oneOf" else key: value for key, value in partly.items()}
    return partly


def _sections(section: type[Section]) -> list[type[Section]]:
    """A section and all that may stand in it."""
    found = {section: None}
    for field in section.model_fields.values():
        for choice in alternatives(field.annotation):
            for inner in (choice, *_inner(choice)):
                if is_section(inner):
                    found.update(dict.fromkeys(_sections(inner)))
    return list(found)


def _inner(choice: Any) -> tuple[Any, ...]:
    """What stands in a list or behind the names of a mapping."""
    origin = getattr(choice, "__origin__", None)
    return alternatives(item_annotation(choice)) if origin in (tuple, dict) else ()


def _meanings(section: type[Section]) -> dict[str, str]:
    """The text below each field of a section's class, on one line; of those that it inherits, below
    the field of the class that has it."""
    meanings: dict[str, str] = {}
    for each in reversed(section.__mro__):
        if is_section(each):
            meanings.update(_own_meanings(each))
    return meanings


def _own_meanings(section: type[Section]) -> dict[str, str]:
    module = ast.parse(inspect.getsource(sys.modules[section.__module__]))
    (body,) = (
        node.body
        for node in module.body
        if isinstance(node, ast.ClassDef) and node.name == section.__name__
    )
    meanings = {}
    for field, below in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(below, ast.Expr)
            and isinstance(below.value, ast.Constant)
        ):
            meanings[field.target.id] = " ".join(str(below.value.value).split())
    return meanings


def _first_line(section: type[Section]) -> str:
    return (section.__doc__ or "").splitlines()[0]


def _plain(node: Any, definitions: dict[str, Node], path: str) -> Any:
    """A node with references written out (draft 7 ignores what stands beside one) and without
    what only Pydantic needs: null as a value, and OpenAPI's discriminators."""
    if isinstance(node, list):
        return [_plain(item, definitions, path) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        return _plain(
            {**target, **{k: v for k, v in node.items() if k != "$ref"}}, definitions, path
        )
    for union in ("anyOf", "oneOf"):
        members = [m for m in node.get(union, ()) if m != {"type": "null"}]
        if len(members) == 1:
            rest = {key: value for key, value in node.items() if key != union}
            return _plain({**members[0], **rest}, definitions, path)
        if members:
            node = {**node, union: members}
    plain: Node = {}
    for key, value in node.items():
        if key in ("discriminator", "title") or (key == "default" and value is None):
            continue  # null and "as for the ticket" cannot be written
        if key == "properties":
            plain[key] = {
                name: {"title": _join(path, name), **_plain(inner, definitions, _join(path, name))}
                for name, inner in value.items()
            }
        elif key == "patternProperties":  # names of the user's choice
            where = _join(path, "NAME")
            plain[key] = {name: _plain(inner, definitions, where) for name, inner in value.items()}
            plain["additionalProperties"] = False
        elif key == "default":
            plain[key] = value
        else:
            plain[key] = _plain(value, definitions, path)
    return plain


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _as_written(value: Any) -> Any:
    """A default as it would stand in a file."""
    if isinstance(value, Section):
        return value.model_dump(mode="json", exclude_none=True)
    if isinstance(value, tuple):
        return [_as_written(item) for item in value]
    return str(value) if isinstance(value, Duration) else value
