"""Takes a spec; gives what it means: stages, cost, what is shared, and what is done already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltspec.cli import options
from ltspec.cli.load import load_plan
from ltspec.cli.plan_masks import describe_masks, in_store, keeping
from ltspec.errors import UsageError
from ltspec.plan.cost import cost, steps_from_scratch, total
from ltspec.plan.kept import Found, nothing_found
from ltspec.plan.stages import Mapmask, Plan, Prune, Remask, Stage, Train

if TYPE_CHECKING:
    from ltspec.engine.backend import Precision, Settings
    from ltspec.engine.execution import ExecutionPlan


@click.command("plan")
@click.argument("spec", type=options.SPEC)
@click.option("--backend", help="Also show how this backend would play it.")
@click.option(
    "--device",
    show_default="cpu",
    help="Device to plan for with --backend; it need not be here.",
)
@options.precision(default="float32")
@options.deterministic
@options.store
@click.option("--all", "everything", is_flag=True, help="List every stage, however many.")
@click.option(
    "--json",
    "target",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Write a plan file for `ltspec run`; - for the screen.",
)
@options.overrides
def command(
    spec: Path,
    backend: str | None,
    device: str | None,
    precision: Precision | None,
    deterministic: bool | None,
    store: Path | None,
    everything: bool,
    target: Path | None,
    overrides: tuple[str, ...],
) -> None:
    """Show what SPEC means, before any compute. Loads no framework."""
    from ltspec.engine.backend import Settings

    plan, execution = load_plan(spec, overrides)
    if backend is not None:
        settings = Settings(
            device or "cpu", precision or "float32", deterministic=deterministic is not False
        )
        execution = _execution(plan, backend, settings)
    elif device is not None or deterministic is not None:
        option = "--device" if device is not None else "--deterministic"
        raise UsageError(
            f"{option} needs --backend", code="LT309", hint="add --backend torch, for example"
        )
    if precision is not None and backend is None and (target or execution):
        raise UsageError(
            "--precision needs --backend: a plan file says it of one backend",
            code="LT309",
            hint="add --backend torch, for example",
        )
    if target is not None:
        options.refuse_idle(
            "--json writes all of the plan, and nothing of a store",
            {"--all": everything, "--store": options.is_given("store")},
            "leave it out",
        )
    if precision is None:
        precision = execution.settings.precision if execution else "float32"
    if target is not None:
        _write(plan, execution, target)
        return
    folder = options.store_folder(spec, store)
    realm = execution.realm if execution else None
    for line in describe(plan, everything, precision, in_store(plan, folder, realm)):
        click.echo(line)
    if execution is not None:
        for line in describe_execution(execution.describe()):
            click.echo(line)
    for line in describe_store(plan, folder, realm):
        click.echo(line)


def _execution(plan: Plan, backend: str, settings: Settings) -> ExecutionPlan:
    from ltspec.engine import adapters
    from ltspec.engine.execution import lower

    adapter = adapters.find(backend)
    if settings.device == "auto":
        raise UsageError(
            "a plan is made for a device that is named",
            code="LT309",
            hint="write --device cpu, cuda or cuda:1",
        )
    adapters.refuse_gaps(adapter, plan, settings, here=False)
    return lower(plan, adapter, settings)


def _write(plan: Plan, execution: ExecutionPlan | None, target: Path) -> None:
    from ltspec.plan import planfile

    text = planfile.write(plan, None if execution is None else execution.describe())
    if str(target) == "-":
        click.echo(text, nl=False)
        return
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}", code="LT309") from None
    click.echo(f"{target}: {len(plan.stages):,} stages")


def describe(
    plan: Plan, everything: bool, precision: str = "float32", found: Found = nothing_found
) -> list[str]:
    """The plan as lines of text; beyond 60 stages only the first 30 unless ``everything``."""
    listed = listing(plan, everything, precision, found)
    return [title(plan), "", *listed, "", *totals(plan, precision)]


def listing(
    plan: Plan, everything: bool, precision: str = "float32", found: Found = nothing_found
) -> list[str]:
    """What is set at each point of a sweep, the stages, and what transfers keep, as in
    :func:`describe`."""
    float_bytes = _float_bytes(precision)
    lines = [
        *_points(plan, everything),
        f"{'':>5}  {'kind':<8}  {'reads':<12}  {'steps':>15}  {'cost':>11}  {'disk':>9}  what",
    ]
    shown = plan.stages if everything or len(plan.stages) <= 60 else plan.stages[:30]
    for place, stage in enumerate(shown):
        one = cost(plan, stage, float_bytes)
        reads = ", ".join(map(str, stage.reads)) or "-"
        lines.append(
            f"{place:>5}  {stage.kind:<8}  {reads:<12}  {_steps(stage, one.steps):>15}  "
            f"{flops_text(one.flops):>11}  {bytes_text(one.disk):>9}  "
            f"{_what(plan, place, found)}"
        )
    if len(shown) < len(plan.stages):
        lines.append(f"{'':>5}  ... {len(plan.stages) - len(shown):,} more (--all shows them)")
    return [*lines, *describe_masks(plan, everything, found)]


def _float_bytes(precision: str) -> int:
    return 8 if precision == "float64" else 4


def title(plan: Plan) -> str:
    """Name and size of a plan."""
    levels = {point.number: 0 for point in plan.points}
    for outcome in plan.outcomes:
        levels[outcome.point] = max(levels[outcome.point], outcome.level)
    most, least = max(levels.values()), min(levels.values())
    graphs = [plan.graphs[point.graph] for point in plan.points]
    weights = [sum(one.size for one in graph.parameters) for graph in graphs]
    points = f"{counted(len(plan.points), 'point')}, " if plan.is_sweep else ""
    return (
        f"{plan.name}: {points}{counted(len(plan.replicates), 'replicate')}, "
        f"{counted(most, 'level') if most == least else f'{least:,} to {most:,} levels'}, "
        f"{_range(weights)} parameters of which "
        f"{_range([point.prunable for point in plan.points])} may be pruned"
    )


def _range(numbers: Sequence[int]) -> str:
    """``1,000``; of several that differ ``1,000 to 2,000``."""
    low, high = min(numbers), max(numbers)
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _points(plan: Plan, everything: bool) -> list[str]:
    """What is set at each point of a sweep; beyond 30 only the first 15 unless ``everything``."""
    if not plan.is_sweep:
        return []
    shown = plan.points if everything or len(plan.points) <= 30 else plan.points[:15]
    lines = [f"{point.number:>5}  {point.label}" for point in shown]
    if len(shown) < len(plan.points):
        lines.append(f"{'':>5}  ... {len(plan.points) - len(shown):,} more (--all shows them)")
    return ["points:", *lines, ""]


def _steps(stage: Stage, own: int) -> str:
    if not isinstance(stage.work, Train):
        return "-"
    if stage.follows is not None:
        return f"+{own:,} = {stage.work.stop:,}"
    return f"{stage.work.start:,}-{stage.work.stop:,}"


def _what(plan: Plan, place: int, found: Found) -> str:
    stage = plan.stages[place]
    if not isinstance(stage.work, Prune | Remask | Mapmask):
        return stage.label
    return f"{stage.label}: {keeping(plan, place, found)}"


def totals(plan: Plan, precision: str = "float32") -> list[str]:
    """What the whole plan takes, and what sharing saves."""
    whole = total(plan, _float_bytes(precision))
    work = f"{whole.steps:,} training steps, {flops_text(whole.flops)}"
    lines = [f"in all: {len(plan.stages):,} stages, {work}, {bytes_text(whole.disk)} on disk"]
    saved = plan.written_steps - whole.steps
    equal = plan.written - len(plan.stages)
    if equal:
        lines.append(f"shared: {equal:,} stages that mean the same as another are done once")
    if saved:
        lines.append(
            f"shared: without it there would be {plan.written_steps:,} training steps, "
            f"{saved:,} more"
        )
    scratch = steps_from_scratch(plan)
    if scratch > whole.steps > 0:
        lines.append(
            f"shared: each network from scratch, there would be {scratch:,} training steps, "
            f"{scratch / whole.steps:.3g} times as many"
        )
    return lines


def describe_execution(execution: Mapping[str, Any]) -> list[str]:
    """How a backend plays the trainings, each distinct way once."""
    settings = execution["settings"]
    lines = ["", f"on {execution['backend']}, {settings['device']}, {settings['precision']}:"]
    for place, lowering in enumerate(execution["lowerings"]):
        count = sum(1 for one in execution["stages"].values() if one == place)
        lines.append(
            f"  {counted(count, 'training stage')}: {lowering['compilation']}, "
            f"{lowering['layout']} layout, {lowering['chunk_steps']:,} steps a call, "
            f"about {bytes_text(lowering['memory_bytes'])} of memory"
        )
    return lines


def describe_store(plan: Plan, folder: Path, realm: str | None = None) -> list[str]:
    """What the store holds of this plan, for each backend that has run it, or for one realm."""
    results = folder / "results"
    if not results.is_dir():
        return ["", f"store: {folder} is not there yet"]
    lines = [""]
    found = sorted(entry.name for entry in results.iterdir() if entry.is_dir())
    for name in found if realm is None else [realm]:
        held = sum(
            (results / name / stage.key[:2] / stage.key / "facts.json").is_file()
            for stage in plan.stages
        )
        lines.append(f"store: {folder} holds {held:,} of {len(plan.stages):,} stages for {name}")
    return lines if len(lines) > 1 else ["", f"store: {folder} holds no results yet"]


def counted(number: int, noun: str) -> str:
    """``1 level``, ``2 levels``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def bytes_text(size: int) -> str:
    """1,234,567 -> ``1.2 MB``; nothing -> ``-``."""
    if not size:
        return "-"
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:.1f} TB"


def flops_text(flops: int) -> str:
    """2.3e12 -> ``2.30 TFLOP``; nothing -> ``-``."""
    if not flops:
        return "-"
    value = float(flops)
    for unit in ("FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} EFLOP"
