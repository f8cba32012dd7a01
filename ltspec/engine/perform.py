"""Takes a stage and the results that it reads; gives its result. One arm for each kind.

Every result is checked against the plan before it may be stored: pruned weights are exactly zero,
counts are those of the plan, a ticket equals the state that it was rewound to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ltspec.data.alteration import Alteration
from ltspec.data.dataset import Dataset, Split
from ltspec.data.streamed import Folder, StreamedSplit
from ltspec.decisions import masks as masking
from ltspec.decisions.paths import paths
from ltspec.decisions.state import Array, Arrays, Masks, State
from ltspec.engine import adopting, carrying, controls, loading, mask_updates, repelling
from ltspec.engine.arrays import (
    buffers_of,
    explored_of,
    in_precision,
    masks_of,
    pack_buffers,
    pack_explored,
    pack_masks,
    pack_slots,
    pack_weights,
    state_of,
    weights_of,
)
from ltspec.engine.backend import Backend, Each, Evaluation, Precision, Threaded, storage
from ltspec.engine.comparing import compare
from ltspec.engine.evaluating import contrast, evaluate, line
from ltspec.engine.execution import ExecutionPlan
from ltspec.engine.pruning import prune
from ltspec.engine.store import Result
from ltspec.engine.training import Progress, Training, play
from ltspec.engine.watch import Watch
from ltspec.errors import InvariantError, RunError
from ltspec.networks.graph import Graph
from ltspec.plan.cost import slots
from ltspec.plan.stages import (
    Adopt,
    Combine,
    Compare,
    Contrast,
    Evaluate,
    Init,
    Line,
    Load,
    Mapmask,
    Perturb,
    Plan,
    Prune,
    Remask,
    Rewind,
    Stage,
    Train,
    Transfer,
)

if TYPE_CHECKING:
    from ltspec.data.readers import Readers

Facts = dict[str, Any]
Made = tuple[Facts, dict[str, Array]]
"""What a stage leaves behind: facts for people, arrays for the stages that read it."""


@dataclass
class Bench:
    """What stages are performed with: opened once, when the first stage needs it."""

    plan: Plan
    execution: ExecutionPlan
    open_backend: Callable[[Precision], Backend]
    open_data: Callable[[str, int, Alteration | None], Dataset | Folder]
    """By name, the height of the network's images, and what is changed."""
    played_on: Mapping[str, str]
    """Device and versions, kept with each training, and threads as they were asked for."""
    answers: dict[tuple[object, ...], tuple[Evaluation, Each]] = field(default_factory=dict)
    """What the latest networks said of every example of a split, for contrasts."""
    _backends: dict[Precision, Backend] = field(default_factory=dict)
    _readers: Readers | None = None
    _data: dict[tuple[str, int, Alteration | None], Dataset | Folder] = field(default_factory=dict)

    @property
    def backend(self) -> Backend:
        """The backend in the run's precision, started at first use."""
        return self.backend_in(self.execution.settings.precision)

    def noted(self) -> dict[str, str]:
        """``played_on``, with the threads that the backend has where none were asked for and it
        can say so."""
        noted = dict(self.played_on)
        if self.execution.settings.threads is None and isinstance(self.backend, Threaded):
            noted["threads"] = str(self.backend.threads())
        return noted

    def backend_in(self, precision: Precision) -> Backend:
        """The backend in another precision than the run's, for what is pinned to one."""
        if precision not in self._backends:
            self._backends[precision] = self.open_backend(precision)
        return self._backends[precision]

    def data(self, graph: str, name: str, alteration: Alteration | None) -> Dataset | Folder:
        """A data set as the network of that key takes it, read and altered at first use. Raises
        InvariantError where its images have another shape than the network's."""
        shape = self.plan.graphs[graph].input_shape
        key = name, shape[1], alteration
        if key not in self._data:
            self._data[key] = self.open_data(*key)
        found = self._data[key]
        if found.facts.shape != shape:
            raise InvariantError(f"images of {name} are {found.facts.shape}, and not {shape}")
        return found

    def readers(self) -> Readers:
        """Who decodes the images of data sets that are streamed."""
        from ltspec.data.readers import Readers  # and the library that decodes

        self._readers = self._readers or Readers()
        return self._readers

    def close(self) -> None:
        """End what was started beside this process."""
        if self._readers is not None:
            self._readers.close()

    def split(
        self, graph: str, name: str, split: str, alteration: Alteration | None
    ) -> Split | StreamedSplit:
        """One split of a data set, as the network of that key takes it."""
        dataset = self.data(graph, name, alteration)
        return dataset.train if split == "train" else dataset.test


class Checkpoints(Protocol):
    """Where a training leaves its state on the way."""

    def latest(self, stage: Stage) -> tuple[int, Arrays] | None:
        """The furthest point of the stage's run that is not past its end: step and arrays."""

    def save(self, stage: Stage, step: int, arrays: Callable[[], Arrays], force: bool) -> None:
        """Keep a point if one is due, or at any rate with ``force``."""


def perform(
    stage: Stage, inputs: Mapping[str, Result], bench: Bench, checkpoints: Checkpoints, watch: Watch
) -> Made:
    """Do one stage's work. Raises InvariantError, which names the stage, when the result breaks a
    promise."""
    try:
        return _performed(stage, inputs, bench, checkpoints, watch)
    except InvariantError as error:
        if error.message.startswith(stage.label):
            raise
        message = f"{stage.label}: {error.message}"
        raise InvariantError(message, code=error.code, hint=error.hint) from error


def _performed(
    stage: Stage, inputs: Mapping[str, Result], bench: Bench, checkpoints: Checkpoints, watch: Watch
) -> Made:
    graph = bench.plan.graphs[stage.work.graph]
    match stage.work:
        case Init() as work:
            return {}, controls.initial(work, graph, inputs)
        case Train() as work:
            return _train(stage, work, inputs, bench, checkpoints, watch)
        case Prune() as work:
            return prune(work, inputs, bench)
        case Remask() as work:
            return controls.remask(work, graph, inputs)
        case Combine() as work:
            return controls.combine(work, graph, inputs)
        case Perturb() as work:
            return controls.perturb(work, graph, inputs)
        case Transfer() as work:
            return carrying.carry_state(work, graph, inputs)
        case Mapmask() as work:
            return carrying.carry_mask(work, graph, inputs)
        case Rewind():
            return _rewind(graph, inputs["state"].arrays, masks_of(inputs["mask"].arrays))
        case Load() as work:
            return loading.load(work, graph, bench.plan.tickets[work.content])
        case Adopt() as work:
            return adopting.adopt(work, graph, bench.plan.weights[work.content], inputs)
        case Evaluate() as work:
            return evaluate(stage, work, inputs["state"].arrays, bench)
        case Line() as work:
            return line(stage, work, inputs["first"].arrays, inputs["second"].arrays, bench)
        case Contrast() as work:
            return contrast(stage, work, inputs["first"].arrays, inputs["second"].arrays, bench)
        case Compare() as work:
            return compare(stage, work, graph, inputs)


def _train(
    stage: Stage,
    work: Train,
    inputs: Mapping[str, Result],
    bench: Bench,
    checkpoints: Checkpoints,
    watch: Watch,
) -> Made:
    began = time.perf_counter()
    dtype = storage(bench.execution.settings.precision)
    term = repelling.of_stage(stage, work, inputs, bench.plan.graphs[work.graph], dtype)
    progress = _begun(work, inputs["state"].arrays, dtype)
    earlier = checkpoints.latest(stage)
    if earlier is not None:
        step, arrays = earlier
        losses = np.asarray(arrays["loss"], np.float32)
        progress = replace(progress, state=state_of(arrays, step), losses=losses)
        if work.masks is not None:
            masks, explored = masks_of(arrays), explored_of(arrays)
            progress = replace(progress, masks=masks, explored=explored)
    planned = bench.plan.own_steps(stage)
    watch.stage_began(stage, progress.state.step, planned - (work.stop - progress.state.step))

    def after_piece(now: Progress, steps: int) -> None:
        nonlocal progress
        progress = now
        watch.trained(stage, now.state.step, steps, float(now.losses[-steps:].mean()))
        if now.state.step < work.stop:
            checkpoints.save(stage, now.state.step, lambda: _pack(work, now, True), force=False)

    training = Training(
        bench.plan.graphs[work.graph],
        work.recipe,
        work.start,
        work.stop,
        work.masks,
        bench.split(work.graph, work.recipe.data, "train", work.recipe.alteration),
        bench.readers,
        bench.backend,
        bench.execution.lowerings[stage.key],
        stage.label,
        term,
    )
    try:
        progress = play(training, progress, after_piece)
    except KeyboardInterrupt:
        if work.start < progress.state.step < work.stop:
            checkpoints.save(
                stage, progress.state.step, lambda: _pack(work, progress, True), force=True
            )
        raise
    _check_trained(progress.state, progress.masks, stage)
    facts = {
        "steps": work.stop - work.start,
        "final_loss": float(progress.losses[-100:].mean()),
        "played_on": bench.noted(),
        "seconds": round(time.perf_counter() - began, 3),
        "resumable": stage.resumable or slots(work.recipe.optimizer) == 0,
    }
    if term is not None:
        facts["cosines"] = repelling.reached(stage, term, progress.state.weights)
    if work.masks is not None:
        mask_updates.check_end(stage.label, work.masks, progress.masks, progress.explored)
        facts |= mask_updates.facts(work.masks, work.start, work.stop, progress.explored)
        facts["kept"] = masking.count_kept(progress.masks)
        facts |= paths(bench.plan.graphs[work.graph], progress.masks).facts()
    return facts, _pack(work, progress, with_slots=stage.resumable)


def _begun(work: Train, arrays: Arrays, dtype: np.dtype[np.floating]) -> Progress:
    """A training before its first step."""
    state, masks = state_of(in_precision(arrays, dtype), work.start), masks_of(arrays)
    losses = np.zeros(0, np.float32)
    if work.masks is None:
        return Progress(state, losses, masks)
    masks = dict(mask_updates.begun(work.masks, masks, state.weights))
    return Progress(state, losses, masks, explored=masks)


def _pack(work: Train, progress: Progress, with_slots: bool) -> dict[str, Array]:
    state = progress.state
    arrays = {**pack_weights(state.weights), **pack_buffers(state.buffers), "loss": progress.losses}
    if work.masks is not None:
        arrays |= {**pack_masks(progress.masks), **pack_explored(progress.explored)}
    return {**arrays, **pack_slots(state.slots)} if with_slots else arrays


def _check_trained(state: State, masks: Masks, stage: Stage) -> None:
    for name, array in {**state.weights, **state.buffers}.items():
        if not np.isfinite(array).all():
            raise RunError(
                f"{stage.label}: the training diverged: {name} is not finite at its end",
                code="LT401",
                hint="lower train.optimizer.lr or add warm-up; what was done before is kept",
            )
        if name in masks and np.any(array[~masks[name]]):
            count = np.count_nonzero(array[~masks[name]])
            raise InvariantError(f"{stage.label}: {count} pruned weights of {name} are not zero")


def _rewind(graph: Graph, arrays: Arrays, masks: Masks) -> Made:
    """The ticket: weights under the mask, running statistics as they were. Its facts say what of it
    lies on a path, :mod:`ltspec.decisions.paths`."""
    source, buffers = weights_of(arrays), buffers_of(arrays)
    weights = masking.apply(source, masks)
    for name, array in weights.items():
        mask = masks.get(name)
        same = (
            np.array_equal(array, source[name])
            if mask is None
            else (np.array_equal(array[mask], source[name][mask]) and not np.any(array[~mask]))
        )
        if not same:
            raise InvariantError(f"rewinding changed {name}")
    facts = {
        "kept": masking.count_kept(masks),
        "of": {name: int(mask.size) for name, mask in masks.items()},
        **paths(graph, masks).facts(),
    }
    return facts, {**pack_weights(weights), **pack_buffers(buffers), **pack_masks(masks)}
