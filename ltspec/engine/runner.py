"""Takes a Plan and how it is played; gives every result that the plan names, from the store or new.

A stage whose result is in the store is not done again, and neither is what only it would have
read. A stage is a pure function of its inputs, so it may be killed at any moment and done again.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from ltspec.decisions.paths import paths
from ltspec.decisions.state import Arrays
from ltspec.engine.arrays import masks_of
from ltspec.engine.perform import Bench, perform
from ltspec.engine.store import Realm, Result
from ltspec.engine.watch import Watch
from ltspec.errors import Interrupted, RunError
from ltspec.plan.stages import Plan, Stage, Train

PATIENCE = 0.5
"""Seconds to wait for one stage of another process before a look at the next."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How much of a plan is done."""

    wanted: tuple[int, ...]
    """Stages to be done, in order."""
    held: int
    """Stages of the plan that the store holds."""
    steps: int
    """Training steps to be done."""


def standing(plan: Plan, has: Callable[[str], bool]) -> Standing:
    """What is still to be done: what the tables need and the store does not hold."""
    held = [has(stage.key) for stage in plan.stages]
    wanted: set[int] = set()
    waiting = [
        place
        for outcome in plan.outcomes
        for place in (
            *outcome.scores.values(),
            *([outcome.ticket] if outcome.ticket is not None else []),
        )
    ]
    waiting += [measurement.stage for measurement in plan.measurements]
    while waiting:
        place = waiting.pop()
        if not held[place] and place not in wanted:
            wanted.add(place)
            waiting.extend(plan.stages[place].reads)
    steps = sum(plan.own_steps(plan.stages[place]) for place in wanted)
    return Standing(tuple(sorted(wanted)), sum(held), steps)


def spared(plan: Plan, realm: Realm, wanted: Iterable[int]) -> int:
    """Training steps of stages to be done that need not be done again: those that checkpoints, and
    points that other specs left of the same trainings, have."""
    steps = 0
    for stage in (plan.stages[place] for place in wanted):
        if isinstance(stage.work, Train):
            checkpoint = realm.checkpoint_facts(stage.key)
            reached = [checkpoint["step"]] if checkpoint is not None else []
            reached += realm.points(stage.run)
            furthest = max((step for step in reached if step < stage.work.stop), default=0)
            steps += max(0, plan.own_steps(stage) - (stage.work.stop - furthest))
    return steps


def run(plan: Plan, realm: Realm, bench: Bench, watch: Watch, checkpoint_seconds: float) -> None:
    """Do everything that is still to be done.

    Raises Interrupted when the person stops it (what was done is kept), and RunError where a
    training diverges, a result breaks a promise, memory runs out or the store cannot be written.
    """
    verify_outcomes(plan, realm)
    now = standing(plan, realm.has)
    watch.began(len(now.wanted), now.held, now.steps, spared(plan, realm, now.wanted))
    try:
        # A result found damaged while it is read is moved aside; then there is more to be done.
        while now.wanted:
            _Pass(plan, realm, bench, watch, checkpoint_seconds).go(now.wanted)
            now = standing(plan, realm.has)
        for stage, _ in plan.trainings():  # one that was killed just after its result was stored
            if realm.has(stage.key):
                realm.checkpoint_drop(stage.key)
    except KeyboardInterrupt:
        raise stopped() from None
    except MemoryError:
        raise RunError(
            "memory ran out",
            code="LT406",
            hint="a smaller batch or network, or a machine with more memory",
        ) from None
    finally:
        bench.close()


def stopped() -> Interrupted:
    """What a run says that was told to stop."""
    return Interrupted(
        "stopped; everything up to the last finished piece of training is kept",
        hint="run the same command again to go on",
    )


def verify_outcomes(plan: Plan, realm: Realm) -> None:
    """Read what earlier runs left for people: what is damaged is reported and made again."""
    for outcome in plan.outcomes:
        if outcome.ticket is not None:
            realm.read(plan.stages[outcome.ticket].key)
        for place in outcome.scores.values():
            realm.read_facts(plan.stages[place].key)
    for measurement in plan.measurements:
        realm.read_facts(plan.stages[measurement.stage].key)


class _Ready:
    """Stages all of whose reads are done, the first in the plan first."""

    def __init__(self, plan: Plan, wanted: tuple[int, ...]) -> None:
        self.places: list[int] = []
        self._missing: dict[int, int] = {}
        self._readers: dict[int, list[int]] = {place: [] for place in wanted}
        for place in wanted:
            reads = [read for read in set(plan.stages[place].reads) if read in self._readers]
            self._missing[place] = len(reads)
            for read in reads:
                self._readers[read].append(place)
            if not reads:
                self.places.append(place)  # which keeps a heap a heap: places only go up

    def pop(self) -> int:
        """The first of them."""
        return heapq.heappop(self.places)

    def done(self, place: int) -> None:
        """Whoever waited for this stage alone is ready now."""
        for reader in self._readers[place]:
            self._missing[reader] -= 1
            if not self._missing[reader]:
                heapq.heappush(self.places, reader)


class _DamagedError(Exception):
    """A result that was there is not any more."""


@dataclass
class _Pass:
    """One walk over the stages that are to be done."""

    plan: Plan
    realm: Realm
    bench: Bench
    watch: Watch
    checkpoint_seconds: float
    held: dict[int, Result] = field(default_factory=dict)
    """Results in memory, each for as long as a later stage of this walk reads it."""
    told: set[str] = field(default_factory=set)
    """What it was said to wait for; several stages of one network have the same label."""

    def go(self, wanted: tuple[int, ...]) -> None:
        """Do every stage when all that it reads is there, the first in the plan first.

        One that another process is at is left for later, as long as there is something else to do.
        Returns early when a result was found damaged.
        """
        readers: dict[int, int] = {}
        for place in wanted:
            for read in self.plan.stages[place].inputs.values():
                readers[read] = readers.get(read, 0) + 1
        ready, elsewhere = _Ready(self.plan, wanted), deque[int]()
        while ready.places or elsewhere:
            waiting = not ready.places
            place = elsewhere.popleft() if waiting else ready.pop()
            stage = self.plan.stages[place]
            if waiting and stage.label not in self.told:
                self.told.add(stage.label)
                self.watch.note(f"waiting for another process, which is at {stage.label}")
            try:
                result = self.do(stage, PATIENCE if waiting else 0)
            except _DamagedError:
                return
            if result is None:
                elsewhere.append(place)
                continue
            ready.done(place)
            for read in stage.inputs.values():
                readers[read] -= 1
                if not readers[read]:
                    self.held.pop(read, None)
            if readers.get(place):
                self.held[place] = result

    def do(self, stage: Stage, patience: float) -> Result | None:
        """One stage, which another process may have done by now; None when one is still at it."""
        with self.realm.lock(stage.key, patience) as mine:
            if not mine:
                return None
            done = self.realm.read(stage.key)
            if done is not None:
                return done
            inputs = {role: self.result(place) for role, place in stage.inputs.items()}
            if not isinstance(stage.work, Train):  # a training says where it goes on from
                self.watch.stage_began(stage, 0, 0)
            began = time.perf_counter()
            trail = _Trail(self.realm, self.checkpoint_seconds)
            facts, arrays = perform(stage, inputs, self.bench, trail, self.watch)
            facts = {**facts, "kind": stage.kind, "label": stage.label}
            if isinstance(stage.work, Train) and facts["resumable"]:
                # Before the result: a point without one is passed over, and none is ever lost.
                self.realm.add_point(stage.run, stage.work.stop, stage.key)
            self.realm.write(stage.key, facts, arrays)
            if isinstance(stage.work, Train):
                self.realm.checkpoint_drop(stage.key)
            self.watch.stage_ended(stage, facts, time.perf_counter() - began)
        return Result(facts, arrays)

    def result(self, place: int) -> Result:
        """A result that an earlier stage left, in memory or in the store."""
        if place not in self.held:
            found = self.realm.read(self.plan.stages[place].key)
            if found is None:
                raise _DamagedError
            self.held[place] = found
        return self.held[place]


@dataclass
class _Trail:
    """Checkpoints of one training, and stored points of the same run, in one place."""

    realm: Realm
    every: float
    saved: float = field(default_factory=time.perf_counter)

    def latest(self, stage: Stage) -> tuple[int, Arrays] | None:
        """The furthest point that is not past the stage's end."""
        assert isinstance(stage.work, Train)
        best: tuple[int, Arrays] | None = None
        checkpoint = self.realm.checkpoint_read(stage.key)
        if checkpoint is not None and checkpoint.facts["step"] < stage.work.stop:
            best = checkpoint.facts["step"], checkpoint.arrays
        for stop, key in sorted(self.realm.points(stage.run).items(), reverse=True):
            if stop >= stage.work.stop:
                continue
            if best is not None and best[0] >= stop:
                break
            point = self.realm.read(key)
            if point is not None:
                return stop, point.arrays
        return best

    def save(self, stage: Stage, step: int, arrays: Callable[[], Arrays], force: bool) -> None:
        """Write a checkpoint when ``every`` seconds have passed since the last one."""
        if force or time.perf_counter() - self.saved >= self.every:
            self.realm.checkpoint_write(stage.key, {"step": step}, arrays())
            self.saved = time.perf_counter()


def scores(
    plan: Plan, realm: Realm, known: Mapping[int, Mapping[str, object]] | None = None
) -> Mapping[int, Mapping[str, object]]:
    """Facts of every evaluation, line, comparison and ticket that the store holds, and of every
    network whose mask changed in training, by its place in the plan. Those that are ``known`` from
    an earlier look are not read again."""
    places = [place for outcome in plan.outcomes for place in outcome.scores.values()]
    trained = (outcome.trained for outcome in plan.outcomes)
    places += [place for place in trained if plan.stages[place].changes_mask]
    places += [measurement.stage for measurement in plan.measurements]
    found: dict[int, Mapping[str, object]] = dict(known or {})
    for place in places:
        facts = None if place in found else realm.read_facts(plan.stages[place].key)
        if facts is not None:
            found[place] = facts
    for outcome in plan.outcomes:
        if outcome.ticket is not None and outcome.ticket not in found:
            ticket = _ticket(plan, realm, outcome.ticket)
            if ticket is not None:
                found[outcome.ticket] = ticket
    return found


def _ticket(plan: Plan, realm: Realm, place: int) -> Mapping[str, object] | None:
    """Facts of a ticket; one of an earlier ltspec is looked at for the paths through it."""
    stage = plan.stages[place]
    facts = realm.read_facts(stage.key)
    if facts is None or "effective" in facts:
        return facts
    read = realm.read(stage.key)
    if read is None:
        return None
    graph = plan.graphs[stage.work.graph]
    return {**facts, **paths(graph, masks_of(read.arrays)).facts()}
