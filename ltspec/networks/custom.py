"""Takes the import path of a user's function; gives the graph that it returns, checked.

The function is ``make(input_shape, classes, **options) -> Graph``. It is imported and called when a
spec with it is validated or planned, and not again: a plan holds the graph, and its hash is what
results are found by.
"""

from __future__ import annotations

import importlib
import math
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from difflib import get_close_matches
from typing import Any

from ltspec.errors import GraphError
from ltspec.networks.graph import Graph, Shape
from ltspec.networks.soundness import unsound


def custom(input_shape: Shape, classes: int, function: str, options: Mapping[str, Any]) -> Graph:
    """The graph that ``function``, written ``package.module:name``, returns.

    The module is looked for as Python does, and in the working directory first, which is on
    ``sys.path`` only while the module is imported and the function called. It is called twice: what
    it returns must depend on nothing but its arguments. What it prints goes to standard error, for
    standard output may be a plan file.

    Raises GraphError (LT219) with what went wrong, in whatever way it did.
    """
    if strange := _no_plain_number(options):
        raise GraphError(
            f"an option is {strange}, which no file can hold", code="LT219", key="options"
        )
    with _working_directory_importable(), redirect_stdout(sys.stderr):
        make = _imported(function)
        try:
            graph, again = (make(input_shape, classes, **options) for _ in range(2))
        except GraphError as error:
            raise _refused(f"`{function}`: {error.message}", error.hint) from error
        except (Exception, SystemExit) as error:
            raise _refused(f"`{function}` raises {_shown(error)}") from error
    try:
        problem = _problem(graph, again, input_shape, classes)
    except GraphError as error:
        problem = error.message
    except Exception as error:  # a Graph can be made of anything
        problem = _shown(error)
    if problem:
        raise _refused(f"`{function}` gives no network: {problem}")
    return graph  # type: ignore[no-any-return]  # which is what _problem has looked at


def _refused(message: str, hint: str = "") -> GraphError:
    return GraphError(message, code="LT219", hint=hint, key="function")


@contextmanager
def _working_directory_importable() -> Iterator[None]:
    folder = os.getcwd()  # noqa: PTH109  (sys.path holds text)
    sys.path.insert(0, folder)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        if folder in sys.path:  # which the user's code may have changed
            sys.path.remove(folder)


def _imported(function: str) -> Callable[..., Any]:
    module_name, colon, name = function.partition(":")
    if not (colon and module_name and name):
        package, _, last = function.rstrip(":").rpartition(".")
        hint = f"write `{package or 'package.module'}:{last or 'function'}`"
        raise _refused(f"`{function}` names no function of a module", hint)
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing is not None and f"{module_name}.".startswith(f"{missing}."):
            hint = "it is looked for in the working directory and where Python finds packages"
            raise _refused(f"no module is named `{missing}`", hint) from error
        raise _refused(f"importing `{module_name}` raises {_shown(error)}") from error
    found = getattr(module, name, None)
    if not callable(found):
        what = f"`{name}` of `{module_name}` is no function"
        if not hasattr(module, name):
            what = f"`{module_name}` has no `{name}`"
        close = get_close_matches(name, dir(module), 1)
        raise _refused(what, f"did you mean `{close[0]}`?" if close else "")
    return found  # type: ignore[no-any-return]  # any callable may be tried


def _shown(error: BaseException) -> str:
    """An exception on one line, with the last place in a file that it came through."""
    text = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
    ours = (__file__, importlib.__file__)
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in ours and not frame.filename.startswith("<")
    ]
    if not frames:
        return text
    return f"{text} ({os.path.basename(frames[-1].filename)}, line {frames[-1].lineno})"  # noqa: PTH119


def _problem(graph: Any, again: Any, input_shape: Shape, classes: int) -> str:
    """What is wrong with what the function returned; raises GraphError where a node is."""
    if type(graph) is not Graph:
        return f"it returns {type(graph).__name__}, not a Graph"
    if graph.input_shape != input_shape:
        return f"its input is {graph.input_shape}, and the data has {input_shape}"
    if wrong := unsound(graph):
        return wrong
    if graph.shapes[graph.output] != (classes,):
        return f"it ends in {graph.shapes[graph.output]}, not in {classes} logits"
    if graph != again:
        return "it is another one at each call"
    return ""


def _no_plain_number(value: Any) -> str:
    """The first number within ``value`` that is infinite or none; empty where there is none."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple):
        return next(filter(None, map(_no_plain_number, value)), "")
    return str(value) if isinstance(value, float) and not math.isfinite(value) else ""
