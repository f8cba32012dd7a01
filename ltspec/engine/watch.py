"""Takes nothing; gives the Watch: what a run tells to whoever shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ltspec.plan.stages import Stage


class Watch(Protocol):
    """Told of a run as it goes. Must be quick: it is called between pieces of training."""

    def began(self, stages: int, held: int, steps: int, spared: int) -> None:
        """``stages`` are needed, ``held`` of the plan are in the store, ``steps`` to be trained;
        ``spared`` of these are done already, for checkpoints have them."""

    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None:
        """A stage starts. A training begins at ``from_step``, which spares ``skipped`` of the steps
        that were planned for it: a checkpoint, or a point of another spec's trunk, was there."""

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        """``steps`` more steps are done, up to ``step``; ``loss`` is their mean."""

    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None:
        """A stage is done and stored."""

    def note(self, text: str) -> None:
        """Something that a person should know: a warning, a damaged result that is made again."""


class Silence:
    """A Watch that shows nothing."""

    def began(self, stages: int, held: int, steps: int, spared: int) -> None: ...
    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None: ...
    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None: ...
    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None: ...
    def note(self, text: str) -> None: ...
