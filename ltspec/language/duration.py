"""Takes text such as ``160ep``, ``2000it``, ``12ep20it`` or ``50%``; gives a Duration.

A duration always carries its unit. It becomes a number of steps only when the data and the batch
size are known, which is the compiler's work (:mod:`ltspec.plan`). The compiler and the rules need
no Pydantic, so none is imported here: fields tell it what they are by its two methods.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic_core import PydanticCustomError, core_schema

# Twelve digits are more steps than anyone trains, and keep every later product small.
_WHOLE = r"[0-9]{1,12}"
_STEPS_PATTERN = rf"{_WHOLE}ep(?:{_WHOLE}it)?|{_WHOLE}it"
_PERCENT_PATTERN = r"[0-9]{1,3}(?:\.[0-9]{1,9})?%"
_DURATION = re.compile(rf"(?:({_WHOLE})ep)?(?:({_WHOLE})it)?|({_PERCENT_PATTERN[:-1]})%")

_DESCRIPTION = (
    "A duration with its unit: `160ep` (epochs), `2000it` (iterations, that is optimiser steps), "
    "`12ep20it` (both added), or `50%` (of the training, rounded half to even)."
)
_EXAMPLES = ["160ep", "2000it", "12ep20it", "50%"]
_ABSOLUTE_DESCRIPTION = (
    "A duration with its unit: `160ep` (epochs), `2000it` (iterations, that is optimiser steps), "
    "or `12ep20it` (both added)."
)


@dataclass(frozen=True, slots=True)
class Duration:
    """A stretch of training, or a point in it: epochs plus iterations, or a share of the whole."""

    epochs: int = 0
    """Whole passes over the training data."""
    iterations: int = 0
    """Optimiser steps, added to the epochs."""
    percent: Decimal | None = None
    """A share of the training, 0 to 100, exact; epochs and iterations are 0 then."""

    @classmethod
    def parse(cls, text: str) -> Duration:
        """The duration that ``text`` says.

        Raises:
            ValueError: not a duration; the message says what to write instead.
        """
        match = _DURATION.fullmatch(text)
        if match is None or not text:
            raise ValueError(_advice(text))
        epochs, iterations, percent = match.groups()
        if percent is not None:
            share = Decimal(percent)
            if share > 100:
                raise ValueError("a share of the training is at most `100%`")
            return cls(percent=share.normalize())
        return cls(int(epochs or 0), int(iterations or 0))

    def steps(self, steps_per_epoch: int, total: int | None = None) -> int:
        """How many optimiser steps it is; ``total`` is the training's own number of steps.

        Raises:
            ValueError: a share, and ``total`` is not given.
        """
        if self.percent is None:
            return self.epochs * steps_per_epoch + self.iterations
        if total is None:
            raise ValueError(f"{self} of what? The total is not known")
        numerator, denominator = self.percent.as_integer_ratio()
        return _divide_half_even(total * numerator, 100 * denominator)

    def __str__(self) -> str:
        """As one writes it: ``12ep20it``, ``12.5%``; nothing at all is ``0it``."""
        if self.percent is not None:
            return f"{self.percent:f}%"
        epochs = f"{self.epochs}ep" if self.epochs else ""
        iterations = f"{self.iterations}it" if self.iterations or not self.epochs else ""
        return epochs + iterations

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return _core_schema(validate_duration)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, _handler: Any
    ) -> dict[str, Any]:
        return _json_schema(f"{_STEPS_PATTERN}|{_PERCENT_PATTERN}", _DESCRIPTION, _EXAMPLES)


def _divide_half_even(numerator: int, denominator: int) -> int:
    """The quotient of two non-negative integers, halves to the even neighbour."""
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        quotient += 1
    return quotient


def _advice(text: str, *, share: bool = True) -> str:
    """One sentence that says what to write instead of ``text``; ``share``: whether `50%` may be."""
    squeezed = text.strip().replace(" ", "").replace("_", "").replace(",", "").lower()
    if re.fullmatch(r"[0-9]{1,12}", squeezed):
        return f"a duration needs a unit: write `{squeezed}ep` or `{squeezed}it`"
    words = re.fullmatch(
        r"([0-9]{1,12})(e|ep|eps|epoch|epochs|i|it|its|iter|iters|iteration|iterations|step|steps)",
        squeezed,
    )
    if words:
        unit = "ep" if words[2].startswith("e") else "it"
        return f"write `{words[1]}{unit}`"
    if re.fullmatch(r"[0-9]*\.[0-9]*(ep|it)", squeezed):
        instead = "or a share such as `50%`" if share else "such as `600it`, or both as `1ep300it`"
        return f"epochs and iterations are whole numbers: write iterations, {instead}"
    swapped = re.fullmatch(r"([0-9]{1,12}it)([0-9]{1,12}ep)", squeezed)
    if swapped:
        return f"epochs come first: write `{swapped[2]}{swapped[1]}`"
    if squeezed.startswith("-"):
        return "a duration is not negative"
    if share and squeezed in _BEGINNINGS:
        return "the beginning is step 0: write `0it`"
    written = "write epochs as `160ep`, iterations as `2000it`, both as `12ep20it`"
    return f"{written}, a share as `50%`" if share else written


_BEGINNINGS = ("init", "initial", "initialisation", "initialization", "start", "beginning")
"""What other tools call the point before the first step."""


def _error(found: object, advice: str) -> PydanticCustomError:
    return PydanticCustomError(
        "LT106", "{found} is not a duration", {"found": found, "hint": advice}
    )


def validate_duration(value: Any, *, share: bool = True) -> Duration:
    if isinstance(value, Duration):
        return value
    if isinstance(value, str):
        try:
            return Duration.parse(value)
        except ValueError as error:
            told = str(error) if share else _advice(value, share=False)
            raise _error(value, told) from None
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise _error(value, _advice(repr(value), share=share))
    raise _error(value, _advice("", share=share))


def validate_point(value: Any) -> Duration | Literal["end"]:
    return "end" if value == "end" else validate_duration(value)


def validate_absolute(value: Any) -> Duration:
    duration = validate_duration(value, share=False)
    if duration.percent is not None:
        raise PydanticCustomError(
            "LT106",
            "{found} of the training cannot say how long the training is",
            {"found": duration, "hint": "write epochs as `160ep` or iterations as `2000it`"},
        )
    return duration


def _core_schema(validate: Callable[[Any], Any]) -> core_schema.CoreSchema:
    return core_schema.no_info_plain_validator_function(
        validate, serialization=core_schema.to_string_ser_schema()
    )


def _json_schema(pattern: str, description: str, examples: list[str]) -> dict[str, Any]:
    return {
        "type": "string",
        "pattern": f"^(?:{pattern})$",
        "description": description,
        "examples": examples,
    }


class _Written:
    """How a field is written that holds durations of some kind, as Pydantic asks for it."""

    def __init__(self, validate: Callable[[Any], Any], json_schema: dict[str, Any]) -> None:
        self._validator = validate
        self._json_schema = json_schema

    def __get_pydantic_core_schema__(self, _source: Any, _handler: Any) -> core_schema.CoreSchema:
        return _core_schema(self._validator)

    def __get_pydantic_json_schema__(
        self, _schema: core_schema.CoreSchema, _handler: Any
    ) -> dict[str, Any]:
        return self._json_schema


AbsoluteDuration = Annotated[
    Duration,
    _Written(validate_absolute, _json_schema(_STEPS_PATTERN, _ABSOLUTE_DESCRIPTION, _EXAMPLES[:3])),
]
"""Epochs and iterations only: what a training's own length is written in."""

Point = Annotated[
    Duration | Literal["end"],
    _Written(
        validate_point,
        _json_schema(
            f"{_STEPS_PATTERN}|{_PERCENT_PATTERN}|end",
            "A point of the training: a duration from its start, or the word `end`.",
            [*_EXAMPLES, "end"],
        ),
    ),
]
"""A point of the training: so far from its start, or its end."""
