"""The page of a run: everything is on it, nothing on it is markup but its own, and it is steady."""

from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from contextlib import chdir
from dataclasses import fields, is_dataclass, replace
from functools import cached_property
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from filelock import FileLock
from specs import TINY, plan_of, tiny
from test_runner import run

from ltspec.cli import report
from ltspec.cli.main import cli
from ltspec.cli.options import called as command_line
from ltspec.cli.recorder import Recorder
from ltspec.cli.screen import print_measured, print_results
from ltspec.engine import disk
from ltspec.engine import store as storing
from ltspec.engine.arrays import masks_of
from ltspec.engine.runner import scores
from ltspec.engine.store import Store
from ltspec.errors import InvariantError, StoreError, UsageError
from ltspec.language.source import override, read, write
from ltspec.plan import validate
from ltspec.plan.passes import compile_spec
from ltspec.plan.stages import Transfer
from ltspec.results import compared, maps, measures, plots, table
from ltspec.results.page import origins
from ltspec.results.page.carriages import (
    CARRIED,
    FRESH,
    OWN,
    Carriage,
    assigned,
    carriages,
    itself,
)
from ltspec.results.page.content import Figure, Sheet, Written
from ltspec.results.page.drawing import Drawing, draw
from ltspec.results.page.figures import inline
from ltspec.results.page.gathering import Told, gather
from ltspec.results.page.units import unit_of
from ltspec.results.page.writing import html
from ltspec.results.run_folder import PAGE, write_results

ROOT = Path(__file__).parents[2]
SOURCE = "model.widths=[12, 12, 8]"
TO = "to: {widths: [12, 12, 12, 8]}"
EVERYTHING = (
    SOURCE,
    "train.duration=12it",
    "replicates=2",
    "prune.rewind={to: 5it}",
    "evaluate=[test, train]",
    "branches.fresh={kind: reinitialize, levels: [1, 2]}",
    f"branches.there={{kind: transfer, levels: [1, 2], {TO}, controls: [reinit, shuffled]}}",
    """measure=[
    {kind: instability, of: [dense, ticket], siblings: 2, alphas: 3},
    {kind: barrier, alphas: 3},
    {kind: function, between: siblings, of: [dense]},
    {kind: stability, siblings: 2},
    {kind: distance, metrics: [l2, angle, cosine, angular]},
    {kind: travelled, of: [dense, ticket], siblings: 2},
    {kind: overlap, of: [ticket, fresh], between: [lines, levels, replicates]},
    {kind: weights, percentiles: [10, 50]},
    {kind: threshold}]""",
    "ask=[{kind: sparsest-matching, within: 100}, {kind: area, between: [ticket, fresh]}]",
)


class Made:
    """A run with its page."""

    def __init__(self, folder: Path, *changes: str, text: str | None = None) -> None:
        self.folder, self.store = folder, folder / ".ltspec"
        self.spec = folder / "tiny.yaml"
        self.spec.write_text(text or write(tiny(*changes).resolved()), encoding="utf-8")
        self.plan = compile_spec(validate(read(self.spec)))
        self.session, _ = run(self.plan, self.store)
        self.run_folder, _, _ = write_results(self.plan, self.session)
        self.facts = scores(self.plan, self.session.realm)
        self.rows = table.rows(self.plan, self.facts)

    @cached_property
    def text(self) -> str:
        """The page of what was run, made once."""
        return self.page()

    def page(self, *options: str) -> str:
        arguments = ["report", self.spec.name, *options]
        with chdir(self.folder):
            CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
        target = options[options.index("--out") + 1] if "--out" in options else None
        return Path(target or self.run_folder / PAGE).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One of each kind of table, transfers, and answers."""
    return Made(tmp_path_factory.mktemp("everything"), *EVERYTHING)


class Seen(HTMLParser):
    """What a browser would make of a page. Fails where a tag is not closed."""

    EMPTY = ("meta", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


# What is on it


def test_everything_on_the_screen_is_on_the_page(everything: Made) -> None:
    text = Seen(everything.text).text
    recorder = Recorder()
    print_results(recorder, everything.plan, everything.facts, everything.rows)
    sheets = [part for part in recorder.kept if isinstance(part, Sheet)]
    # summary, instability, barrier, function, six of weights and masks, answers
    assert len(sheets) == 11
    for sheet in sheets:
        assert sheet.title.split(":")[0] in text
        assert len(sheet.rows) > 0
        for column in sheet.columns:
            assert column.heading in text
    whole = Recorder()
    print_measured(whole, everything.plan, everything.facts, everything=True)
    for part in whole.kept:
        if isinstance(part, Sheet):
            for row in part.rows:
                assert " ".join(cell for cell in row if cell) in text
    for sentence in ("All 22 networks are done", "mean (lowest-highest) over replicates"):
        assert sentence in text


def test_every_figure_has_a_unit(everything: Made) -> None:
    """A new column needs a row in the table of units."""
    recorder = Recorder()
    print_results(recorder, everything.plan, everything.facts, everything.rows)
    columns = [
        column for part in recorder.kept if isinstance(part, Sheet) for column in part.columns
    ]
    assert [column.heading for column in columns if unit_of(column.heading) is None] == []
    assert [c.heading for c in columns if c.is_number and not c.unit] == []
    assert unit_of("prune.rewind.to") is None


def test_all_lines_and_spreads_of_what_is_measured(everything: Made) -> None:
    """The screen shows 40 lines and the means of some; the page all of both."""
    short, whole = Recorder(), Recorder()
    print_measured(short, everything.plan, everything.facts)
    print_measured(whole, everything.plan, everything.facts, everything=True)

    def distances(recorder: Recorder) -> Sheet:
        (found,) = (
            p for p in recorder.kept if isinstance(p, Sheet) and "distance of sol" in p.title
        )
        return found

    assert "(" not in distances(short).rows[2][2]
    tables = measures.tables(everything.plan, everything.facts)
    (measured,) = (each for each in tables if each.kind == "distance")
    own = [
        row["l2"]
        for row in measured.rows
        if (row["first"], row["second"], row["tensor"]) == (0, 1, compared.ALL)
    ]
    assert len(own) == 2
    expected = f"{sum(own) / 2:.4g} ({min(own):.4g}-{max(own):.4g})"
    lines = {(row[0], row[1]): row for row in distances(whole).rows}
    assert lines["ticket 1", "l2"][2] == expected


def test_plots_are_elements_with_ids_of_their_own(everything: Made) -> None:
    text = everything.text
    drawn = re.findall(
        r"<figure class=\"plot\">\s*<div[^>]*>\s*(<svg.*?</svg>)", text, flags=re.DOTALL
    )
    assert len(drawn) == 5  # accuracy on two splits, instability, barriers, distances
    for plot in drawn:
        ET.fromstring(plot)
    ids = [value for name, value in Seen(text).attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert "over the weights that remain" in text
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    assert used <= set(ids)


def test_a_page_needs_nothing_from_elsewhere(everything: Made) -> None:
    text = everything.text
    seen = Seen(text)
    assert not {"script", "link", "iframe", "img", "object", "base", "form"} & set(seen.tags)
    links = [value for name, value in seen.attributes if name in ("href", "xlink:href", "src")]
    assert links
    assert all(link.startswith(("#", "tickets/", "data:image/png;base64,")) for link in links)
    assert not re.search(r"@import|url\((?!#)", text)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert '<meta name="viewport"' in text
    assert "default-src 'none'" in text
    assert {"prefers-color-scheme: dark", "@media print"} <= set(
        re.findall(r"prefers-color-scheme: dark|@media print", text)
    )


def test_where_it_was_run_and_how_to_make_it_again(everything: Made) -> None:
    text = Seen(everything.text).text
    assert "Precision: float32." in text
    assert "Deterministic: the same run on the same device repeats itself to the bit." in text
    trainings = sum(1 for _ in everything.plan.trainings())
    facts = [everything.session.realm.read_facts(s.key) for s, _ in everything.plan.trainings()]
    seconds = sum(fact["seconds"] for fact in facts if fact)
    assert f"{trainings:,} {seconds:,.1f}" in text
    fingerprint = everything.session.store.fingerprint("digits", 1)
    assert f"digits 1 {fingerprint}" in text
    assert "ltspec run tiny.yaml --backend numpy ltspec report tiny.yaml --backend numpy" in text
    assert str(everything.folder) not in everything.text
    for kind in ("init", "train", "transfer", "mapmask"):
        own = [stage for stage in everything.plan.stages if stage.kind == kind]
        assert f"{kind} {len(own)} {len(own)} " in text


def test_tickets_with_their_hashes(everything: Made) -> None:
    text = everything.text
    tickets = sorted((everything.run_folder / "tickets").rglob("*.safetensors"))
    assert len(tickets) == sum(row.ticket is not None for row in everything.plan.outcomes) == 20
    for ticket in tickets:
        place = ticket.relative_to(everything.run_folder).as_posix()
        assert f'<a href="{place}">{place}</a>' in text
    contents = re.findall(r'<code class="hash">([0-9a-f]{64})</code>', text)
    said = CliRunner().invoke(
        cli, ["ticket", "inspect", str(tickets[0])], standalone_mode=False, catch_exceptions=False
    )
    assert any(content in said.output for content in contents)


def test_a_ticket_that_is_none_of_the_run_is_said_to_be(tmp_path: Path) -> None:
    made = Made(tmp_path, "prune.schedule.levels=2", "train.duration=4it")
    first, second = sorted((made.run_folder / "tickets").rglob("*.safetensors"))
    shutil.copy(second, first)
    second.write_bytes(b"no ticket")
    text = Seen(made.page()).text
    assert "level-1.safetensors of another experiment of this name" in text
    assert "level-2.safetensors cannot be read (LT411)" in text
    assert 'href="tickets/replicate-1/level-1' not in made.page()
    first.unlink()
    assert "level-1.safetensors not written yet" in Seen(made.page()).text


# Steady, and as far as it goes


def test_the_same_store_gives_the_same_bytes_without_a_framework(
    everything: Made, tmp_path: Path
) -> None:
    """In another process, with another order of sets, and of a copy in another folder."""
    before = everything.text
    copy = shutil.copytree(everything.folder, tmp_path / "copy")
    page = copy / everything.run_folder.relative_to(everything.folder) / PAGE
    page.unlink()
    call = "cli.main(['report', 'tiny.yaml'], standalone_mode=False)"
    names = "print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; from ltspec.cli.main import cli; {call}; {names}"],
        check=True,
        capture_output=True,
        text=True,
        cwd=copy,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert page.read_text(encoding="utf-8") == before
    loaded = {line.split(".")[0] for line in done.stdout.splitlines()}
    assert "jinja2" in loaded
    assert not loaded & {"torch", "tensorflow", "keras", "jax"}


def test_a_run_that_is_not_finished_says_so(tmp_path: Path) -> None:
    made = Made(tmp_path, "train.duration=4it", "measure=[{kind: threshold}]")
    for outcome in made.plan.outcomes[1:]:
        key = made.plan.stages[outcome.scores["test"]].key
        shutil.rmtree(made.store / "results" / "numpy-float32" / key[:2] / key)
    text = Seen(made.page()).text
    assert "Not finished: 1 of 3 networks are done." in text
    assert "of threshold are done" not in text
    key = made.plan.stages[made.plan.measurements[0].stage].key
    shutil.rmtree(made.store / "results" / "numpy-float32" / key[:2] / key)
    assert "1 of 2 figures of threshold are done." in Seen(made.page()).text
    key = made.plan.stages[made.plan.outcomes[0].scores["test"]].key
    shutil.rmtree(made.store / "results" / "numpy-float32" / key[:2] / key)
    page = made.page()
    assert "Not finished: 0 of 3 networks are done." in Seen(page).text
    assert 'id="results"' not in page


def test_what_the_store_holds_nothing_of_has_no_page(tmp_path: Path) -> None:
    made = Made(tmp_path, "train.duration=4it")
    for options in (["--set", "train.duration=5it"], ["--backend", "torch"]):
        with pytest.raises(UsageError, match="holds nothing of") as caught:
            made.page(*options)
        assert caught.value.code == "LT309"
    assert not (made.run_folder / PAGE).exists()
    shutil.copytree(made.store / "results" / "numpy-float32", tmp_path / "kept")
    results = made.store / "results" / "numpy-float64"
    for key in (stage.key for stage in made.plan.stages):
        (results / key[:2] / key).mkdir(parents=True)
        (results / key[:2] / key / "facts.json").write_text("{}")
    with pytest.raises(UsageError, match="numpy-float32, numpy-float64, and one --out"):
        made.page("--out", str(tmp_path / "page.html"))
    out = str(tmp_path / "new" / "page.html")
    text = made.page("--precision", "float32", "--out", out)
    assert "level-1.safetensors" in text
    assert 'href="tickets' not in text  # which lie elsewhere
    with pytest.raises(UsageError, match="cannot be written"):
        made.page("--precision", "float32", "--out", str(tmp_path / "tiny.yaml" / "x"))


def test_the_page_of_another_experiment_does_not_stay(tmp_path: Path) -> None:
    made = Made(tmp_path, "train.duration=4it")
    made.page()
    write_results(made.plan, made.session)
    assert (made.run_folder / PAGE).exists()
    other = plan_of("train.duration=5it")
    session, _ = run(other, made.store)
    write_results(other, session)
    assert not (made.run_folder / PAGE).exists()


def test_a_page_beside_another_experiment_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = Made(tmp_path, "train.duration=4it", "branches.fresh={kind: reinitialize}")
    more = ("prune.schedule.levels=3",)
    other = ("train.optimizer.lr=0.2",)
    for change in (more, other):
        run(compile_spec(validate(override(read(made.spec), change[0]))), made.store)
    out = str(tmp_path / "page.html")
    folder, keeps = made.run_folder, "Another name keeps both (--set name=...)"
    table = f"note: {folder} has the table of another experiment named tiny"
    page, apart = (
        f"note: {file} was the page of another experiment" for file in (folder / PAGE, out)
    )

    def told(*options: str) -> list[str]:
        capsys.readouterr()
        cli.main(["report", str(made.spec), *options], standalone_mode=False)
        return capsys.readouterr().err.splitlines()

    def matches(lines: list[str], *expected: str) -> bool:
        return len(lines) == len(expected) and all(
            line.startswith(begin) and keeps in line
            for line, begin in zip(lines, expected, strict=True)
        )

    assert told() == told() == []
    assert told("--set", *more) == []
    assert matches(told("--set", *other), table, page)
    assert matches(told("--set", *other), table)
    assert matches(told(), page)
    assert told() == []
    assert told("--out", out) == []
    assert matches(told("--set", *other, "--out", out), apart)
    (folder / PAGE).write_bytes(b"\xff no page")
    (folder / "plan.json").unlink()
    assert told("--set", *other) == []


def test_a_page_is_made_while_nobody_writes_and_is_there_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a page that cannot be written to its end nothing is left, and the last one stays."""
    made = Made(tmp_path, "train.duration=4it")
    before = made.page()
    lock = FileLock(made.store / "locks" / "runs" / "tiny" / "numpy-float32.lock")
    told: list[str] = []

    def wait(text: str) -> None:
        told.append(text)
        lock.release()

    monkeypatch.setattr(storing, "PATIENCE", 0.0)
    monkeypatch.setattr(report, "_note", wait)
    (made.run_folder / PAGE).unlink()
    lock.acquire()
    assert made.page() == before
    assert told == [
        f"waiting for another process, which is writing {made.run_folder.relative_to(tmp_path)}"
    ]

    def full(file: Path, data: bytes) -> None:
        file.write_bytes(data[:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(disk, "write", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        made.page()
    assert caught.value.code == "LT403"
    assert (made.run_folder / PAGE).read_text(encoding="utf-8") == before
    assert list((made.store / "temporary").iterdir()) == []


def test_a_plan_file_has_a_page_too(tmp_path: Path) -> None:
    made = Made(tmp_path, "train.duration=4it")
    file = tmp_path / "plan.json"
    shutil.copy(made.run_folder / "plan.json", file)
    made.spec = file
    page = made.page()
    assert "The spec as it is written" not in page
    assert "The spec with every default filled in" in page


def test_the_spec_whose_tickets_are_carried_is_shown_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TINY.replace("40it", "4it") + "# what its author thought\n"
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "other.yaml").write_text(other, encoding="utf-8")
    carried = "{kind: transfer, from: {spec: there/other.yaml}, levels: [1]}"
    branches = f"branches:\n  one: {carried}\n  two: {carried[:-1]}, weights: fresh}}\n"
    spec = tmp_path / "carrying.yaml"
    spec.write_text(TINY.replace("40it", "4it") + branches, encoding="utf-8")
    plan = compile_spec(validate(read(spec)))
    session, _ = run(plan, tmp_path / "store")
    folder, _, _ = write_results(plan, session)
    monkeypatch.chdir(tmp_path)
    arguments = ["report", spec.name, "--store", "store"]
    CliRunner().invoke(cli, arguments, catch_exceptions=False, standalone_mode=False)
    page = (folder / PAGE).read_text(encoding="utf-8")
    assert page.count("The spec <code>there/other.yaml</code>, whose tickets it carries") == 1
    assert page.count("# what its author thought") == 1
    assert str(tmp_path) not in page


def test_a_page_is_made_again_from_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spec and the store as they were given, and nothing that was not."""
    made = Made(tmp_path, "train.duration=4it")
    (tmp_path / "work" / "deep er").mkdir(parents=True)
    made.store.rename(tmp_path / "work" / "deep er" / "store")
    page = tmp_path / "work" / "deep er" / "store" / "runs" / "tiny" / "numpy-float32" / PAGE

    def commands(*call: str) -> list[list[str]]:
        page.unlink(missing_ok=True)
        cli.main(list(call), standalone_mode=False)
        text = page.read_text(encoding="utf-8")
        pre = text.partition("<h2>Make it again</h2>")[2]
        found = re.findall("^ltspec .*$", unescape(pre.replace("<pre>", "\n")), re.MULTILINE)
        return [shlex.split(each)[1:] for each in found]

    monkeypatch.chdir(tmp_path / "work")
    again, anew = commands("report", "../tiny.yaml", "--store", "deep er/store")
    assert again == ["run", "../tiny.yaml", "--backend", "numpy", "--store", "deep er/store"]
    assert anew == ["report", *again[1:]]
    assert commands(*anew) == [again, anew]
    monkeypatch.setenv("LTSPEC_STORE", str(tmp_path / "work" / "deep er" / "store"))
    assert commands("report", "../tiny.yaml") == [again[:4], anew[:4]]
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="holds nothing") as caught:
        cli.main(["report", "tiny.yaml", "--store", "none"], standalone_mode=False)
    assert caught.value.hint == "make it with `ltspec run tiny.yaml --store none`"


def test_the_number_of_threads_is_part_of_how_to_make_it_again(tmp_path: Path) -> None:
    made = Made(tmp_path, "train.duration=4it")
    assert "--threads" not in made.page()
    realm = made.session.realm
    trained = [stage.key for stage, _ in made.plan.trainings()]
    notes = {key: realm.read_facts(key) for key in trained}

    class Noted:
        """The realm, with other notes of what trainings were played on."""

        def __init__(self, *numbers: str) -> None:
            self.numbers = dict(zip(trained, numbers, strict=True))

        def read_facts(self, key: str) -> Any:
            return {**notes[key], "played_on": {"threads": self.numbers[key]}}

    count = len(trained)
    assert origins.threads(made.plan, Noted(*["2"] * count)) == "2"  # type: ignore[arg-type]
    assert origins.threads(made.plan, Noted("2", *["1"] * (count - 1))) == ""  # type: ignore[arg-type]
    called = command_line("run", Path("a.yaml"), "torch", ["x=1"], "bf16", "2")
    assert called == "ltspec run a.yaml --backend torch --precision bf16 --threads 2 --set x=1"


# Hostile text

HOSTILE = (
    """</pre><script>alert(1)</script><img src=x onerror='alert(2)'> "&amp; ]]> --> {{ 7 * 7 }}"""
)


def test_text_of_a_spec_is_no_markup(tmp_path: Path) -> None:
    text = TINY.replace("40it", "4it") + f"about: |-\n  {HOSTILE}\n# {HOSTILE}\n"
    made = Made(tmp_path, text=text)
    override = f"about={json.dumps(HOSTILE + '$x$')}"
    page = made.page("--set", override)
    seen = Seen(page)
    assert not {"script", "img"} & set(seen.tags)
    assert seen.text.count("<script>alert(1)</script>") >= 4
    assert "{{ 7 * 7 }}" in seen.text
    assert " ".join((HOSTILE + "$x$").split()) in seen.text


def hostile(example: Any) -> Any:
    """The same with hostile text in place of every text, but of what is our own."""
    if isinstance(example, str):
        return HOSTILE
    if isinstance(example, Figure | Drawing):
        return example
    if isinstance(example, list | tuple):
        return [hostile(each) for each in example]
    if is_dataclass(example):
        own = {field.name: getattr(example, field.name) for field in fields(example)}
        return replace(example, **{name: hostile(each) for name, each in own.items()})  # type: ignore[type-var]
    return example


def test_no_field_of_a_page_is_markup(everything: Made) -> None:
    told = Told(
        ["run"], "name: x", [Written("o", "t")], ["a=b"], "name: x", ["a"], "b", ["c"], ["d"], ["e"]
    )
    page = gather(
        everything.plan,
        everything.session.realm,
        everything.facts,
        told,
        everything.run_folder,
        everything.run_folder / PAGE,
    )
    assert page.maps
    assert page.tickets
    shown = html(replace(hostile(page), warnings=[HOSTILE], missing=[HOSTILE], done=0))
    seen = Seen(shown)
    assert not {"script", "img"} & set(seen.tags)
    assert not [name for name, _ in seen.attributes if name.startswith("on")]


def test_dollars_in_a_label_are_no_formula(everything: Made) -> None:
    """A sweep over paths or names may have them, and matplotlib would refuse a wrong formula."""
    lines = table.summary(everything.rows)
    title = r"$\frac{$ <b>"
    text = plots.as_svg(lambda target: plots.plot_accuracy(lines, "test", title, target))
    words = "".join(ET.fromstring(text[text.index("<svg") :]).itertext())
    assert title in words


# Transfers


def carriage_of(*changes: str) -> Carriage:
    (found,) = carriages(plan_of(SOURCE, "prune.rewind={to: 5it}", *changes), {})
    return found


def branch(body: str) -> str:
    return f"branches.there={{kind: transfer, levels: [2], {body}}}"


def test_a_stretch_by_hand() -> None:
    """Of a LeNet with hidden layers of 12, 12 and 8, the first two are a stage, which becomes one
    of three: block 1 twice."""
    drawing = draw(carriage_of(branch(TO)))
    above = [(box.text, box.x) for box in drawing.boxes if box.y == drawing.above]
    below = [(box.text, box.x) for box in drawing.boxes if box.y == drawing.below]
    assert above == [("0", 61), ("1", 107), ("0", 217), ("classifier", 281)]
    assert below == [("0", 61), ("1", 107), ("2*", 153), ("0", 217), ("classifier", 281)]
    looks = [(edge.hover, edge.look) for edge in drawing.edges]
    assert looks == [
        ("0 to 0", "carried"),
        ("1 to 1", "carried"),
        ("1 to 2*", "copy"),
        ("0 to 0", "carried"),
        ("classifier to classifier", "carried"),
    ]
    assert drawing.edges[2].path == "M127 54C127 83 173 83 173 112"
    assert [(group.text, group.x) for group in drawing.groups] == [
        ("stage1", 58),
        ("stage2", 214),
        ("", 278),
    ]
    assert drawing.looks == ["carried", "copy"]
    hovers = [box.hover for box in drawing.boxes]
    assert "stage1.block1 of the ticket: to stage1.block1, stage1.block2" in hovers


EXAMPLES = sorted(
    file
    for file in (ROOT / "examples").rglob("*.yaml")
    if "kind: transfer" in file.read_text(encoding="utf-8") and "all_pairs" not in file.stem
)


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.stem)
def test_what_is_drawn_is_what_the_map_says(file: Path) -> None:
    """By another way: from the stages of the plan, and from the spec."""
    spec = validate(read(file))
    plan = compile_spec(spec)
    found = carriages(plan, {})
    assert found or itself(plan)
    for point, own in spec.points:
        names = [name for name, one in own.branches.items() if one.kind == "transfer"]
        pictures = {
            line.name: maps.picture(each.carried)
            for each in found
            if each.point == point.number
            for line in each.lines
        }
        for name in names:
            if (point.number, name) in itself(plan):
                assert name not in pictures
                continue
            if (own.branches[name].weights, own.branches[name].mask) == ("fresh", "dense"):
                assert name not in pictures  # nothing of the ticket is in it
                continue
            alone = maps.maps(Only(own, name))
            drawn = [line.strip() for line in pictures[name]]
            assert drawn == [line.strip() for line in alone[1 : 1 + len(drawn)]]


class Only:
    """A spec with one of its branches."""

    def __init__(self, spec: Any, name: str) -> None:
        self._spec, self.branches = spec, {name: spec.branches[name]}
        self.points = [(point, self) for point, _ in spec.points]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._spec, name)


@pytest.mark.parametrize(
    ("body", "weights", "mask", "look", "marks"),
    [
        (TO, CARRIED, "carried", "copy", ()),
        (f"{TO}, mask: dense", CARRIED, "dense", "copy", ("dense",)),
        (f"{TO}, mask: shuffled", CARRIED, "shuffled within layers", "copy", ("shuffled",)),
        (f"{TO}, mask: shuffled-all", CARRIED, "shuffled across layers", "copy", ("shuffled",)),
        (f"{TO}, mask: random-uniform", CARRIED, "drawn at random", "copy", ("random",)),
        (
            f"{TO}, mask: {{criterion: magnitude, scope: global}}",
            CARRIED,
            "by magnitude on the other network",
            "copy",
            ("scored",),
        ),
        (
            f"{TO}, mask: {{criterion: magnitude, only: copies}}",
            CARRIED,
            "by magnitude on the other network in 1 of 5 layers",
            "copy",
            ("scored",),
        ),
        (f"{TO}, weights: fresh", FRESH, "carried", "fresh", ("anew",)),
        (f"{TO}, weights: own", OWN, "carried", "fresh", ("own",)),
    ],
)
def test_what_is_not_carried_is_marked(
    body: str, weights: str, mask: str, look: str, marks: tuple[str, ...]
) -> None:
    carriage = carriage_of(branch(body))
    (line,) = carriage.lines
    assert (line.weights, line.mask) == (weights, mask)
    (copy,) = (box for box in draw(carriage).boxes if box.text.endswith("*"))
    assert (copy.look, copy.marks) == (look, marks)


def test_a_block_is_a_copy_of_one() -> None:
    carriage = carriage_of(branch(TO))
    wrong = {**carriage.assignment.tensors, "fc2.bias": "fc3.bias"}
    with pytest.raises(InvariantError, match=r"a copy of stage1\.block1 and of stage2\.block0"):
        assigned(carriage.source, carriage.graph, wrong.items())


def test_a_block_that_is_left_out_is_hollow() -> None:
    to = "to: {widths: [12, 8]}"
    drawing = draw(carriage_of(branch(to)))
    left = [box for box in drawing.boxes if box.look == "dropped"]
    assert [box.hover.split(": ")[1] for box in left] == ["left out"]
    assert "left out" in "\n".join(maps.picture(carriage_of(branch(to)).carried))


def test_controls_of_one_map_are_lines_of_one_picture() -> None:
    found = carriage_of(branch(f"{TO}, controls: all"))
    assert [(line.name, line.weights, line.mask) for line in found.lines] == [
        ("there", CARRIED, "carried"),
        ("there-random", CARRIED, "shuffled within layers"),
        ("there-shuffled", CARRIED, found.lines[2].mask),
        ("there-reinit", FRESH, "carried"),
    ]
    assert re.fullmatch(r"shuffled within 1 of \d layers", found.lines[2].mask)


def test_a_ticket_on_its_own_network_is_said_to_be_itself(tmp_path: Path) -> None:
    same = "branches.same={kind: transfer, to: {widths: [12, 12, 8]}"
    made = Made(tmp_path, SOURCE, "train.duration=4it", f"{same}}}")
    assert itself(made.plan) == [(0, "same")]
    assert carriages(made.plan, {}) == []
    assert "Carried to its own network, a ticket is what it was: same." in Seen(made.text).text
    plan = plan_of(SOURCE, f"{same}, mask: shuffled}}")
    assert itself(plan) == []
    plan = compile_spec(validate(read(ROOT / "examples" / "elastic_lenet.yaml")))
    assert itself(plan) == [(1, "to-mlp2"), (2, "to-mlp3"), (3, "to-mlp4")]


def test_nothing_is_drawn_where_nothing_is_carried() -> None:
    pretrained = (
        "pretrain={data: {name: digits, rotation: true}, train: {duration: 4it, batch_size: 64, "
        "optimizer: {name: sgd, lr: 0.1}}}"
    )
    plan = plan_of(SOURCE, pretrained)
    assert any(isinstance(stage.work, Transfer) for stage in plan.stages)
    assert carriages(plan, {}) == []
    scored = branch(f"{TO}, mask: {{criterion: magnitude}}")
    (carriage,) = carriages(plan_of(SOURCE, "prune.rewind={to: 5it}", pretrained, scored), {})
    assert [(line.name, line.weights) for line in carriage.lines] == [("there", CARRIED)]
    own = branch(f"{TO}, weights: own, mask: dense")
    assert carriages(plan_of(SOURCE, "prune.rewind={to: 5it}", own), {}) == []


def test_achieved_densities_by_layer(everything: Made) -> None:
    (carriage,) = carriages(everything.plan, everything.facts)
    line = carriage.lines[0]
    outcomes = [o for o in everything.plan.outcomes if (o.branch, o.level) == ("there", 2)]
    page = Seen(everything.text).text
    for tensor, counts in line.kept[2].items():
        masks = []
        for outcome in outcomes:
            assert outcome.ticket is not None
            key = everything.plan.stages[outcome.ticket].key
            result = everything.session.realm.read(key)
            assert result is not None
            masks.append(int(masks_of(result.arrays)[tensor].sum()))
            size = masks_of(result.arrays)[tensor].size
        assert sorted(counts) == sorted(masks)
        shares = [100 * count / size for count in counts]
        text = f"{sum(shares) / 2:.2f}%"
        if len(set(shares)) > 1:
            text += f" ({min(shares):.2f}-{max(shares):.2f})"
        assert text in page
    assert "\n".join(maps.picture(carriage.carried)).split()[0] in page
    assert "Density by layer: there-shuffled" in page


# Warnings


def test_what_a_reader_noticed_of_the_data_is_kept(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "s")
    store.check_data("digits", "f" * 64, 1)
    before = (tmp_path / "s" / "data" / "digits.json").read_bytes()
    assert json.loads(before) == {"name": "digits", "fingerprints": {"1": "f" * 64}}
    store.check_data("digits", "f" * 64, 1)
    assert (tmp_path / "s" / "data" / "digits.json").read_bytes() == before
    assert store.data_warnings("digits", 1) == []
    store.check_data("digits", "f" * 64, 1, ("149 records <differ>",))
    store.check_data("digits", "e" * 64, 2)
    assert store.data_warnings("digits", 1) == ["149 records <differ>"]
    assert store.data_warnings("digits", 2) == []
    assert (store.fingerprint("digits", 1), store.fingerprint("digits", 2)) == ("f" * 64, "e" * 64)
    parts, warnings = origins.data(plan_of(), store)
    assert warnings == ["digits: 149 records <differ>"]
    assert "f" * 64 in str(parts)
    empty = Store.open(tmp_path / "t")
    assert "not read yet" in str(origins.data(plan_of(), empty)[0])


def test_warnings_stand_at_the_top(tmp_path: Path) -> None:
    """A network that keeps a handful of weights has layers that no path passes."""
    made = Made(
        tmp_path,
        "train.duration=4it",
        "prune.schedule={name: one-shot, density: 0.002}",
    )
    page = made.page()
    assert 'id="warnings"' in page
    assert page.index("no path leads") < page.index('id="results"')


def test_ids_of_a_plot_are_made_its_own() -> None:
    text = (
        '<?xml version="1.0"?><!DOCTYPE svg><svg xmlns="x"><metadata>m</metadata>'
        '<g id="a"><use xlink:href="#a" clip-path="url(#b)"/></g></svg>'
    )
    assert inline(text, "p", "Words") == (
        '<svg role="img" aria-label="Words" xmlns="x">'
        '<g id="p-a"><use xlink:href="#p-a" clip-path="url(#p-b)"/></g></svg>'
    )
