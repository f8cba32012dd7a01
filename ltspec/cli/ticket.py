"""Takes ticket files; gives what is in them, how two differ, and whether one is what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ltspec.cli import options, ticket_export
from ltspec.errors import TicketError

if TYPE_CHECKING:
    from ltspec.engine.backend import Precision
    from ltspec.results.ticket_diff import Difference
    from ltspec.results.ticket_trial import Trial
    from ltspec.tickets.certificate import Certificate

MOST_FACTS = 30
"""Differing facts that are listed on a screen; ``--json`` has all."""

as_json = click.option("--json", "as_json", is_flag=True, help="Write it as JSON, for programs.")


@click.group("ticket")
def command() -> None:
    """Look at ticket files: what is in one, how two differ, whether one is what it says.

    And write one in the form of another tool.
    """


command.add_command(ticket_export.command)


@command.command("inspect")
@click.argument("file", type=options.SPEC)
@as_json
def inspect(file: Path, as_json: bool) -> None:
    """Show what FILE says of itself, checked against itself; `verify` looks at its arrays too."""
    from ltspec.tickets.certificate import read_certificate

    certificate = read_certificate(file)
    if as_json:
        _print_json(certificate.manifest)
        return
    _print_certificate(file, certificate)


@command.command("diff")
@click.argument("first", type=options.SPEC)
@click.argument("second", type=options.SPEC)
@as_json
def diff(first: Path, second: Path, as_json: bool) -> None:
    """Show how two tickets of one network differ: masks, weights, and where they come from."""
    from ltspec.results.ticket_diff import compare
    from ltspec.tickets.ticket import read_ticket

    found = compare(read_ticket(first), read_ticket(second))
    if as_json:
        _print_json({"first": str(first), "second": str(second), **asdict(found)})
        return
    _print_difference(found)


@command.command("verify")
@click.argument("file", type=options.SPEC)
@click.option("--run", is_flag=True, help="Also train it again by its certificate, and compare.")
@click.option("--backend", help="What it is trained with; the ticket's own when left out.")
@click.option("--device", help="cpu, cuda or cuda:1; auto (the default) takes the best there is.")
@options.precision(default="the ticket's own")
@click.option(
    "--threads",
    type=click.IntRange(1),
    help="Threads on a CPU; the framework's own choice when left out.",
)
@options.store
@options.data
@click.option(
    "--within",
    type=click.FloatRange(0, 1),
    default=0.02,
    show_default=True,
    metavar="SHARE",
    help="How far from the written accuracy the new one may be.",
)
@as_json
def verify(
    file: Path,
    run: bool,
    backend: str | None,
    device: str | None,
    precision: Precision | None,
    threads: int | None,
    store: Path | None,
    data: Path | None,
    within: float,
    as_json: bool,
) -> None:
    """Check all of FILE: hashes, network, masks, pruned weights, and that its spec makes it.

    With --run the ticket is trained again as its certificate says, on any backend, and must reach
    the accuracy that is written in it. Results are kept where --store says, else nowhere.
    """
    from ltspec.results.ticket_trial import origin
    from ltspec.tickets.ticket import read_ticket

    if not run:
        names = ("backend", "device", "precision", "threads", "store", "data", "within")
        given = {f"--{name}": options.is_given(name) for name in names}
        options.refuse_idle("without --run the ticket is not trained again", given, "add --run")
    certificate = read_ticket(file).certificate
    made = ""
    try:
        origin(certificate)
    except TicketError as error:
        if run or error.code != "LT417":
            raise
        made = error.message
    trials: list[Trial] = []
    if run:
        trials = _tried(certificate, file, backend, device, precision, threads, store, data, within)
    passed = all(trial.passed for trial in trials)
    if as_json:
        document = {
            "file": str(file),
            "content": certificate.content,
            "spec_makes_it": None if made else True,
            "trained_again": [{**asdict(trial), "passed": trial.passed} for trial in trials],
        }
        _print_json(document)
    else:
        _print_verified(certificate, made, trials)
    if not passed:
        worst = max(trials, key=lambda trial: abs(trial.found - trial.written))
        raise TicketError(
            f"trained again, it has {worst.found:.2%} on {worst.split}, and {worst.written:.2%} is "
            f"written in it; they may be {within:.2%} apart",
            code="LT418",
            hint="another backend, device or version may differ by a few examples: see --within",
        )


def _tried(
    certificate: Certificate,
    file: Path,
    backend: str | None,
    device: str | None,
    precision: Precision | None,
    threads: int | None,
    store: Path | None,
    data: Path | None,
    within: float,
) -> list[Trial]:
    """Train the ticket again, in a store that is given or thrown away."""
    import tempfile

    from ltspec.cli.progress import PlainLines
    from ltspec.cli.run import default_data_folder
    from ltspec.cli.screen import Screen
    from ltspec.results.ticket_trial import train_again

    lines = PlainLines(Screen(stderr=True))
    with tempfile.TemporaryDirectory(prefix="ltspec-") as scratch, lines:
        return train_again(
            certificate,
            file,
            backend=backend or str(certificate.manifest["backend"]),
            device=device or "auto",
            precision=precision or certificate.manifest["precision"],
            threads=threads,
            store=store or Path(scratch) / "store",
            data=data or default_data_folder(),
            note=lines.note,
            watch=lines,
            within=within,
        )


def _print_json(document: Any) -> None:
    click.echo(json.dumps(document, indent=1))


def _print_certificate(file: Path, certificate: Certificate) -> None:
    said, graph = certificate.manifest, certificate.graph
    seeds, rewind = said["seeds"], said["rewind"]
    trained = f"trained from step {rewind['schedule']:,} to {rewind['stop']:,}"
    if rewind["schedule"] == rewind["stop"]:
        trained = "not trained"
    lines = {
        "ticket": f"{said['name']}, {said['branch']}, level {said['level']}, "
        f"replicate {said['replicate']} (seeds: "
        + ", ".join(f"{name} {seed}" for name, seed in seeds.items())
        + ")",
        "kept": f"{said['kept']:,} of {said['of']:,} prunable weights, sparsity "
        f"{said['sparsity']:.2%}",
        **{
            split: f"accuracy {score['accuracy']:.2%} ({score['correct']:,} of "
            f"{score['examples']:,}), loss {score['loss']:.4f}, after training"
            for split, score in said["measured"].items()
        },
        "weights": f"of step {rewind['weights']:,}; {trained}",
        "network": f"{' x '.join(map(str, graph.input_shape))} images to {graph.classes} classes, "
        f"{len(graph.nodes):,} operations, {sum(p.size for p in graph.parameters):,} parameters",
        "data": "; ".join(
            f"{each['name']}, version {each['version']}, {each['fingerprint'][:12]}"
            for each in said["data"]
        ),
        "made with": f"{said['backend']} {said['precision']}: "
        + ", ".join(f"{name} {value}" for name, value in said["made_with"].items()),
        "key": said["keys"]["ticket"],
        "content": certificate.content,
    }
    click.echo(str(file))
    for name, text in lines.items():
        click.echo(f"  {name + ':':<11}{text}")
    click.echo()
    shapes = {parameter.name: parameter.shape for parameter in graph.parameters}
    _print_table(
        ("tensor", "shape", "kept", "of", "sparsity"),
        [
            (name, _shape(shapes[name]), f"{kept:,}", f"{of:,}", f"{sparsity:.2%}")
            for name, (kept, of, sparsity) in _masked(certificate).items()
        ],
    )


def _masked(certificate: Certificate) -> dict[str, tuple[int, int, float]]:
    masks: Mapping[str, Mapping[str, Any]] = certificate.manifest["masks"]
    return {
        name: (kept, masks[name]["of"], masks[name]["sparsity"])
        for name, kept in certificate.masked.items()
    }


def _shape(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _print_difference(found: Difference) -> None:
    if found.same_content:
        click.echo("the same network, masks, weights and statistics, to the bit\n")
    _print_table(
        ("tensor", "of", "first", "second", "shared", "by chance", "IoU", "of first", "of second"),
        [
            (
                one.name,
                f"{one.of:,}",
                f"{one.sparsity[0]:.2%}",
                f"{one.sparsity[1]:.2%}",
                f"{one.shared:,}",
                f"{one.by_chance:,.0f}",
                f"{one.iou:.4f}",
                f"{one.of_each[0]:.2%}",
                f"{one.of_each[1]:.2%}",
            )
            for one in (*found.tensors, found.all)
        ],
    )
    click.echo("(first, second: sparsity; shared: weights that both keep)\n")
    apart = found.distance
    click.echo(
        f"weights: {apart.l2:.6g} apart (Euclidean), {apart.relative:.2%} of the first's norm; "
        f"{apart.shared:.6g} at shared weights; {apart.largest:.6g} at most"
    )
    click.echo(f"facts: {len(found.facts)} differ" if found.facts else "facts: all the same")
    for fact in found.facts[:MOST_FACTS]:
        click.echo(f"  {fact.path}: {json.dumps(fact.first)} | {json.dumps(fact.second)}")
    if len(found.facts) > MOST_FACTS:
        click.echo(f"  and {len(found.facts) - MOST_FACTS} more, in --json")


def _print_verified(certificate: Certificate, made: str, trials: list[Trial]) -> None:
    arrays = len(certificate.tensors)
    for text in (
        f"hashes of the manifest, the header and {arrays} arrays",
        f"a legal network, and the arrays that it asks for: {len(certificate.graph.nodes):,} nodes",
        f"masks keep {certificate.kept:,} weights as written, all others are exactly zero",
    ):
        click.echo(f"right:       {text}")
    click.echo(f"not checked: {made}" if made else "right:       its spec makes this ticket")
    for trial in trials:
        click.echo(
            f"{'right' if trial.passed else 'wrong'}:       trained again, {trial.found:.2%} of "
            f"{trial.examples:,} on {trial.split}, and {trial.written:.2%} is written"
        )


def _print_table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Columns as wide as they need be, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for first, *others in (heads, *rows):
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        click.echo("  " + "  ".join([first.ljust(widths[0]), *cells]))
    click.echo()
