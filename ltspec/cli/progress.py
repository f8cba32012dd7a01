"""Takes what a run tells; gives progress: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn
from rich.progress import Task as RichTask
from rich.table import Column
from rich.text import Text

from ltspec.plan.stages import Stage, Train

EVERY = 60.0
"""Seconds after which a plain line says how far a training is."""


class PlainLines:
    """A Watch that writes a line for each training and each measurement, and for a long training
    one about every minute. ``clock`` gives seconds."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.perf_counter) -> None:
        self.console = console
        self.clock = clock
        self.total = self.done = 0
        self.began_at = clock()
        self.said_at: dict[str, float] = {}  # by key, for several may be trained side by side

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def began(self, stages: int, held: int, steps: int, spared: int) -> None:
        """Say what there is to do."""
        self.total = steps
        self.began_at = self.clock()
        self.say(opening(stages, held, steps, spared))

    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None:
        """Say where a training goes on from, if not from its start."""
        self.total -= skipped
        self.said_at[stage.key] = self.clock()
        if skipped > 0:
            self.say(f"{stage.label}: goes on from step {from_step:,}")

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        """Count, and now and then say how far it is."""
        self.done += steps
        self.reached(stage, step)

    def reached(self, stage: Stage, step: int) -> None:
        """Say how far a training is, where nothing was said of it for a while."""
        now = self.clock()
        if now - self.said_at.setdefault(stage.key, now) < EVERY:
            return
        self.said_at[stage.key] = now
        if isinstance(stage.work, Train) and step < stage.work.stop:
            self.say(f"{stage.label}: step {step:,} of {stage.work.stop:,}{self.rest()}")

    def rest(self) -> str:
        """How long the whole run may still take; nothing where that is not known."""
        if not self.total > self.done > 0:
            return ""
        left = (self.clock() - self.began_at) * (self.total - self.done) / self.done
        return f", about {duration_text(left)} left in all"

    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None:
        """One line for what a person wants to see."""
        self.said_at.pop(stage.key, None)
        text = closing(stage, facts, seconds)
        if text:
            self.say(text + (self.rest() if stage.kind == "train" else ""))

    def note(self, text: str) -> None:
        """A warning."""
        self.say(f"note: {text}")

    def say(self, text: str) -> None:
        """One line, as it is."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


class LiveBar(PlainLines):
    """A Watch that also shows a bar with level, step, loss, last accuracy and remaining time."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.progress = Progress(
            TextColumn(
                "{task.description}", table_column=Column(no_wrap=True, overflow="ellipsis")
            ),
            BarColumn(bar_width=12),
            _Steps(table_column=Column(no_wrap=True)),
            *(
                TextColumn(f"{{task.fields[{text}]}}", table_column=Column(no_wrap=True))
                for text in ("loss", "accuracy", "left")
            ),
            console=console,
            transient=True,
            refresh_per_second=8,
        )
        self.bar: TaskID | None = None

    def __enter__(self) -> LiveBar:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def began(self, stages: int, held: int, steps: int, spared: int) -> None:
        super().began(stages, held, steps, spared)
        if steps and self.bar is None:
            self.bar = self.progress.add_task(
                "starting", total=steps, loss="", accuracy="", left=""
            )

    def stage_began(self, stage: Stage, from_step: int, skipped: int) -> None:
        super().stage_began(stage, from_step, skipped)
        if self.bar is not None and stage.kind == "train":
            self.progress.update(self.bar, description=stage.label, total=self.total)

    def trained(self, stage: Stage, step: int, steps: int, loss: float) -> None:
        super().trained(stage, step, steps, loss)
        if self.bar is not None:
            spent = self.clock() - self.began_at
            left = spent * (self.total - self.done) / max(self.done, 1)
            self.progress.update(
                self.bar,
                completed=self.done,
                loss=f"loss {loss:.4f}",
                left=f"{duration_text(left)} left",
            )

    def reached(self, stage: Stage, step: int) -> None:
        """The bar shows it."""

    def stage_ended(self, stage: Stage, facts: Mapping[str, Any], seconds: float) -> None:
        super().stage_ended(stage, facts, seconds)
        if self.bar is not None and "accuracy" in facts:
            self.progress.update(self.bar, accuracy=f"last {facts['accuracy']:.2%}")

    def say(self, text: str) -> None:
        self.progress.console.print(text, markup=False, highlight=False)


class _Steps(ProgressColumn):
    def render(self, task: RichTask) -> Text:
        return Text(f"{int(task.completed):,}/{int(task.total or 0):,}")


def opening(stages: int, held: int, steps: int, spared: int) -> str:
    """What there is to do."""
    if not stages:
        return "everything is in the store already"
    kept = f", {held:,} {'is' if held == 1 else 'are'} in the store" if held else ""
    text = f"{stages:,} stage{'s' * (stages != 1)} to do{kept}; {steps - spared:,} training steps"
    return text + (f" ({spared:,} more are in checkpoints)" if spared else "")


def closing(stage: Stage, facts: Mapping[str, Any], seconds: float) -> str:
    """What a finished stage has to say; nothing for the quick ones between."""
    if isinstance(stage.work, Train):
        text = (
            f"{stage.label}: trained to step {stage.work.stop:,}, "
            f"loss {facts['final_loss']:.4f} ({duration_text(seconds)})"
        )
        if facts.get("collapsed"):  # of one that changes its mask
            text += f"\nwarning: {stage.label} ends with {collapse(facts)}"
        return text
    if stage.kind == "evaluate":
        return f"{stage.label} accuracy {facts['accuracy']:.2%}, loss {facts['loss']:.4f}"
    if stage.kind in ("prune", "remask", "combine", "mapmask") and facts["collapsed"]:
        return f"warning: {stage.label} leaves {collapse(facts)}"
    return ""


def collapse(facts: Mapping[str, Any]) -> str:
    """What a mask leaves of a network that has collapsed, wholly or in some of its layers."""
    empty = [name for name, count in facts["kept"].items() if not count]
    cut = [name for name in facts["collapsed"] if name not in empty]
    parts = [f"no weight in {', '.join(empty)}"] if empty else []
    if not facts["connected"]:
        parts.append("no path from input to output, so that its answers are constant")
    elif cut:
        parts.append(f"no path through {', '.join(cut)}")
    return ", and ".join(parts)


def duration_text(seconds: float) -> str:
    """75 -> ``1 min 15 s``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
