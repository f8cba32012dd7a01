"""Every command as a user calls it: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from e2e import (
    EXAMPLES,
    NO_NETWORK,
    PROGRAM,
    ROOT,
    TINY,
    Done,
    assert_same_results,
    column,
    environment,
    finished,
    keys,
    load,
    ltspec,
    results,
    run_folder,
    ticket_files,
    write_tiny,
)
from ruamel.yaml import YAML

from ltspec.errors import CODES

COMMANDS = (
    *("validate", "plan", "run", "show", "report", "diff", "presets", "ticket", "schema"),
    *("backends", "explain"),
)
WRONG_LR = ("lr: 0.1", "lr: fast")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Done]:
    """The tiny spec, run on numpy once for all tests that only look at what it left: the spec, its
    store (the one beside it), and what was said."""
    folder = tmp_path_factory.mktemp("ran")
    spec = write_tiny(folder)
    return spec, folder / ".ltspec", ltspec("run", spec, "--backend", "numpy")


# -- validate --------------------------------------------------------------------------------------


def test_validate_says_fine_of_every_example() -> None:
    assert len(EXAMPLES) >= 5
    said = ltspec("validate", *EXAMPLES)
    assert said.out.splitlines() == [f"{file}: fine" for file in EXAMPLES]
    assert said.err == ""


def test_validate_shows_all_errors_with_their_places(tmp_path: Path) -> None:
    write_tiny(tmp_path, WRONG_LR, ("batch_size: 64", "batch_siz: 64"), ("40it", "40"))
    said = ltspec("validate", "tiny.yaml", cwd=tmp_path, code=1)
    assert "tiny.yaml:8:30" in said.out
    assert "8 |   optimizer: {name: sgd, lr: fast, momentum: 0.9}" in said.out
    assert "tiny.yaml:7:3" in said.out
    assert "did you mean `batch_size`" in said.out
    assert "40it" in said.out  # a bare number: it says what to write
    assert [said.out.count(f"error[{code}]") for code in ("LT101", "LT103", "LT106")] == [1, 1, 1]


def test_validate_looks_at_every_file(tmp_path: Path) -> None:
    write_tiny(tmp_path, WRONG_LR, name="one.yaml")
    write_tiny(tmp_path, name="two.yaml")
    write_tiny(tmp_path, ("levels: 2", "levels: 0"), name="three.yaml")
    said = ltspec("validate", "one.yaml", "two.yaml", "three.yaml", cwd=tmp_path, code=1)
    assert "two.yaml: fine" in said.out
    assert "one.yaml:8:30" in said.out
    assert "three.yaml:10:54" in said.out


def test_validate_checks_rules_between_keys(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    said = ltspec("validate", spec, "--set", "prune.rewind={to: 40it}", code=1)
    assert "error[LT203]" in said.out
    assert "--set prune.rewind={to: 40it}" in said.out


def test_validate_takes_set(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path, WRONG_LR)
    ltspec("validate", spec, "--set", "train.optimizer.lr=1e-3")
    said = ltspec(
        "validate", spec, "--set", "train.optimizer.lr=1e-3", "--set", "train.batch_size=0", code=1
    )
    assert "--set train.batch_size=0" in said.out
    assert "error[LT309]" in ltspec("validate", spec, "--set", "nonsense", code=2).err
    assert "error[LT309]" in ltspec("validate", spec, "--set", "=3", code=2).err


@pytest.mark.parametrize("style", ["json", "github", "sarif"])
def test_validate_for_programs(style: str, tmp_path: Path) -> None:
    write_tiny(tmp_path, WRONG_LR, name="one.yaml")
    write_tiny(tmp_path, ("batch_size: 64", "batch_size: 64, # %\n  batch_siz: 1"), name="two.yaml")
    write_tiny(tmp_path, name="fine.yaml")
    said = ltspec(
        "validate", "one.yaml", "two.yaml", "fine.yaml", "--format", style, cwd=tmp_path, code=1
    )
    assert said.err == ""
    match style:
        case "json":
            document = json.loads(said.out)
            found = [
                (d["file"], d["line"], d["column"], d["code"]) for d in document["diagnostics"]
            ]
        case "github":
            found = [_github(line) for line in said.out.splitlines() if line]
        case _:
            (sarif,) = json.loads(said.out)["runs"]
            rules = [rule["id"] for rule in sarif["tool"]["driver"]["rules"]]
            found = []
            for result in sarif["results"]:
                assert rules[result["ruleIndex"]] == result["ruleId"]
                place = result["locations"][0]["physicalLocation"]
                found.append(
                    (
                        place["artifactLocation"]["uri"],
                        place["region"]["startLine"],
                        place["region"]["startColumn"],
                        result["ruleId"],
                    )
                )
    assert ("one.yaml", 8, 30, "LT103") in found
    assert {file for file, *_ in found} == {"one.yaml", "two.yaml"}


def _github(line: str) -> tuple[str, int, int, str]:
    """A workflow command ``::error file=..,line=..,col=..,title=..::message``."""
    empty, head, message = line.split("::", 2)
    kind, words = head.split(" ", 1)
    assert (empty, kind) == ("", "error")
    assert message
    fields = dict(word.split("=", 1) for word in words.split(","))
    return fields["file"], int(fields["line"]), int(fields["col"]), fields["title"]


@pytest.mark.parametrize("style", ["json", "sarif"])
def test_validate_for_programs_when_all_is_fine(style: str, tmp_path: Path) -> None:
    document = json.loads(ltspec("validate", write_tiny(tmp_path), "--format", style).out)
    assert (document["diagnostics"] if style == "json" else document["runs"][0]["results"]) == []


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)) * 20)
    (tmp_path / "empty.yaml").write_bytes(b"")
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    (tmp_path / "broken.yaml").write_text("a: [1, 2\nb: }")
    (tmp_path / "folder.yaml").mkdir()
    write_tiny(tmp_path)
    codes = dict.fromkeys(("binary.yaml", "empty.yaml", "list.yaml", "broken.yaml"), 1)
    codes |= dict.fromkeys(("folder.yaml", "missing.yaml"), 2)  # the call is wrong, not a spec
    for name, code in codes.items():
        for call in (("validate",), ("plan",), ("run", "--backend", "numpy"), ("show",)):
            said = ltspec(*call, name, cwd=tmp_path, code=code, seconds=20)
            assert "error[LT00" in said.out + said.err, said
            assert name in said.out + said.err
    said = ltspec("validate", "tini.yaml", cwd=tmp_path, code=2)
    assert "did you mean `tiny.yaml`?" in said.out
    # That both end in `.yaml` is no likeness.
    (tmp_path / "nes.yaml").touch()
    assert "did you mean" not in ltspec("validate", "nofile.yaml", cwd=tmp_path, code=2).out


# -- plan ------------------------------------------------------------------------------------------


def test_plan_shows_stages_cost_and_store(ran: tuple[Path, Path, Done], tmp_path: Path) -> None:
    spec, store, _ = ran
    said = ltspec("plan", spec)
    assert "tiny: 1 replicate, 2 levels, 910 parameters of which 888 may be pruned" in said.out
    stages = [line.split()[1] for line in said.out.splitlines() if line[:5].strip().isdigit()]
    assert stages == ["init", "train", "evaluate", *["prune", "rewind", "train", "evaluate"] * 2]
    assert "replicate 1, level 2: keep 568 (63.96%)" in said.out
    # Three trainings of 40 steps of 64 examples, but for step 22, the last of an epoch, of 30. A
    # multiply-add is two operations, 22 biases and 12 ReLUs are one each; backward is twice that.
    flops = 3 * (39 * 64 + 30) * 3 * (2 * 888 + 22 + 12)
    assert f"in all: 11 stages, 120 training steps, {flops / 1e6:.3g} MFLOP" in said.out
    assert f"store: {store} holds 11 of 11 stages for numpy-float32" in said.out
    fresh = ltspec("plan", spec, "--store", tmp_path / "none")
    assert "is not there yet" in fresh.out
    assert not (tmp_path / "none").exists()
    deeper = ltspec("plan", spec, "--set", "prune.schedule.levels=3")
    assert "holds 11 of 15 stages for numpy-float32" in deeper.out


def test_plan_says_what_is_shared(tmp_path: Path) -> None:
    said = ltspec(
        "plan",
        write_tiny(tmp_path),
        "--set",
        "seeds=[{init: 1, order: 1, mask: 1}, {init: 1, order: 1, mask: 2}]",
        "--set",
        "prune.criterion=random",
    )
    # Initial weights, the dense training and its measurement; 40 steps of 240.
    assert "in all: 19 stages, 200 training steps" in said.out
    assert "shared: 3 stages" in said.out
    assert "240 training steps" in said.out


@pytest.mark.parametrize("backend", ["numpy", "torch", "tensorflow"])
def test_plan_for_a_backend(backend: str, tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    listed = {"PYTHONPROFILEIMPORTTIME": "1"}  # every module that is loaded, on standard error
    said = ltspec("plan", spec, "--backend", backend, "--precision", "float64", **listed)
    assert f"on {backend}, cpu, float64:" in said.out
    assert "3 training stages:" in said.out
    assert "steps a call" in said.out
    loaded = {line.rpartition("|")[2].strip() for line in said.err.splitlines()}
    assert "ltspec.engine.execution" in loaded
    assert not {name.partition(".")[0] for name in loaded} & {"torch", "tensorflow"}


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_plan_file_runs_like_its_spec(backend: str, tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    file = tmp_path / "plan.json"
    said = ltspec("plan", spec, "--backend", backend, "--precision", "float64", "--json", file)
    assert said.out == f"{file}: 11 stages\n"
    assert json.loads(file.read_text())["execution"]["settings"]["precision"] == "float64"
    ltspec("run", file, "--store", tmp_path / "a")
    ltspec("run", spec, "--backend", backend, "--precision", "float64", "--store", tmp_path / "b")
    assert_same_results(tmp_path / "a", tmp_path / "b")
    assert run_folder(tmp_path / "a", realm=f"{backend}-float64").is_dir()


def test_the_plan_that_a_run_leaves_can_be_run(ran: tuple[Path, Path, Done]) -> None:
    again = ltspec("run", run_folder(ran[1]) / "plan.json", "--store", ran[1])
    assert "everything is in the store already" in again.err
    assert again.out == ran[2].out


def test_an_option_wins_over_the_plan_file(ran: tuple[Path, Path, Done], tmp_path: Path) -> None:
    """What the file says of backend, device and precision is then as if it were not written."""
    file = run_folder(ran[1]) / "plan.json"
    ltspec("run", file, "--precision", "float64", "--store", tmp_path / "a")
    ltspec("run", ran[0], "--backend", "numpy", "--precision", "float64", "--store", tmp_path / "b")
    assert_same_results(tmp_path / "a", tmp_path / "b")


def test_a_plan_file_without_a_backend_takes_that_of_the_call(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    text = ltspec("plan", spec, "--json", "-").out
    assert json.loads(text)["execution"] is None
    (tmp_path / "plan.json").write_text(text)
    ltspec("run", tmp_path / "plan.json", "--backend", "numpy", "--store", tmp_path / "a")
    assert len(ticket_files(tmp_path / "a")) == 2


def _work(document: Any, kind: str) -> Any:
    return next(s["work"] for s in document["stages"] if s["work"]["kind"] == kind)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: _work(d, "train").update(stop=39),
        lambda d: _work(d, "train")["recipe"]["schedule"].update(lr=0.2),
        lambda d: _work(d, "prune").update(keep=[711]),
        lambda d: _work(d, "init").update(seed=2),
        lambda d: d["stages"][4]["inputs"].update(state=1),
        lambda d: d["stages"].pop(3),
        lambda d: d["stages"][5].update(key="0" * 40),
        lambda d: d["graphs"].update({"0" * 40: d["graphs"].popitem()[1]}),
        lambda d: d["outcomes"][0].update(trained=99),
        lambda d: d["execution"]["lowerings"].clear(),
        lambda d: d["execution"]["stages"].clear(),
        lambda d: d["execution"]["settings"].update(precision="float16"),
        lambda d: d["execution"].pop("settings"),
        lambda d: d.update(execution=[1]),
        lambda d: d.update(execution={"backend": "numpy"}),
        lambda d: d.update(ltspec_plan=99),
        lambda d: d.update(semantics=99),
        lambda d: d.pop("spec"),
        lambda d: d.update(name="../../elsewhere"),
        lambda d: d.update(stages=[]),
    ],
    ids=[
        "stop",
        "lr",
        "keep",
        "seed",
        "input",
        "missing",
        "key",
        "graph",
        "outcome",
        "lowerings",
        "execution-stages",
        "precision",
        "settings",
        "execution-list",
        "execution-short",
        "version",
        "semantics",
        "spec",
        "name",
        "empty",
    ],
)
def test_a_plan_file_that_was_changed_by_hand_is_refused(
    change: Any, ran: tuple[Path, Path, Done], tmp_path: Path
) -> None:
    _, store, _ = ran
    document = json.loads((run_folder(store) / "plan.json").read_text())
    change(document)
    (tmp_path / "plan.json").write_text(json.dumps(document))
    said = ltspec("run", "plan.json", "--store", "s", cwd=tmp_path, code=2)
    assert "error[LT308]" in said.err, said
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "null", '{"ltspec_plan": 1}', "[" * 100_000])
def test_files_that_are_no_plans(text: str, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(text)
    for call in ("run", "plan", "show"):
        said = ltspec(call, "plan.json", cwd=tmp_path, code=2)
        assert "error[LT308]" in said.err, said


def test_plans_and_specs_are_told_apart_by_what_they_say(
    ran: tuple[Path, Path, Done], tmp_path: Path
) -> None:
    plan = (run_folder(ran[1]) / "plan.json").read_text()
    (tmp_path / "a_plan").write_text(plan)
    assert "11 stages" in ltspec("plan", tmp_path / "a_plan").out
    resolved = ltspec("show", ran[0], "--resolved").out
    (tmp_path / "spec.json").write_text(json.dumps(YAML(typ="safe", pure=True).load(resolved)))
    assert "11 stages" in ltspec("plan", tmp_path / "spec.json").out


def test_a_plan_file_cannot_be_overridden(ran: tuple[Path, Path, Done]) -> None:
    file = run_folder(ran[1]) / "plan.json"
    said = ltspec("run", file, "--set", "train.batch_size=3", code=2)
    assert "error[LT309]" in said.err
    assert "error[LT309]" in ltspec("plan", ran[0], "--json", "/none/plan.json", code=2).err
    assert (
        "error[LT309]"
        in ltspec("plan", ran[0], "--backend", "numpy", "--device", "auto", code=2).err
    )


# -- run -------------------------------------------------------------------------------------------


def test_run_prints_a_table_and_leaves_tickets(ran: tuple[Path, Path, Done]) -> None:
    spec, store, said = ran
    folder = run_folder(store)
    rows = [line.split() for line in said.out.splitlines()]
    assert [row[:4] for row in rows if row and row[0] in ("dense", "ticket")] == [
        ["dense", "0", "100.00%", "888"],
        ["ticket", "1", "79.95%", "710"],
        ["ticket", "2", "63.96%", "568"],
    ]
    # The last lines say where everything lies: names of their own, then a path to copy.
    said_where = dict(line.split(": ", 1) for line in said.out.splitlines() if ": " in line)
    where = {name: Path(path.split(",")[0].strip()) for name, path in said_where.items()}
    assert where["table"] == folder / "table.csv"
    assert where["ticket"] == folder / "tickets" / "replicate-1" / "level-2.safetensors"
    assert where["table"].is_file()
    assert where["ticket"].is_file()
    assert "11 stages to do; 120 training steps" in said.err
    assert "replicate 1, level 0: trained to step 40" in said.err
    accuracies = [float(text) for text in column(folder / "table.csv", "accuracy")]
    assert all(0.7 < accuracy < 1 for accuracy in accuracies)
    assert [f"{accuracy:.2%}" for accuracy in accuracies] == [
        row[4] for row in rows if row and row[0] in ("dense", "ticket")
    ]
    assert column(folder / "table.csv", "examples") == ["359"] * 3
    assert spec.parent / ".ltspec" == store


def test_tickets_are_read_with_safetensors_alone(ran: tuple[Path, Path, Done]) -> None:
    masks = []
    for file, kept in zip(ticket_files(ran[1]), (710, 568), strict=True):
        ticket = load(file)
        names = {name.removeprefix("mask/") for name in ticket if name.startswith("mask/")}
        assert names == {"fc1.weight", "fc2.weight"}
        assert {name for name in ticket if name.startswith("weights/")} == {
            f"weights/fc{n}.{part}" for n in (1, 2) for part in ("weight", "bias")
        }
        mask = {name: ticket[f"mask/{name}"] for name in names}
        assert all(each.dtype == np.bool_ for each in mask.values())
        assert sum(int(each.sum()) for each in mask.values()) == kept
        for name in names:
            weights = ticket[f"weights/{name}"]
            assert weights.dtype == np.float32
            assert not weights[~mask[name]].any()
            assert weights[mask[name]].all()
        masks.append(mask)
    assert all(not (masks[1][name] & ~masks[0][name]).any() for name in masks[0])


def test_a_second_run_does_nothing_and_is_quick(ran: tuple[Path, Path, Done]) -> None:
    spec, store, first = ran
    before = {file: file.stat().st_mtime_ns for file in (store / "results").rglob("*")}
    tables = results(store)
    began = time.perf_counter()
    said = ltspec("run", spec, "--backend", "numpy")
    assert time.perf_counter() - began < 5
    assert "everything is in the store already" in said.err
    assert "trained" not in said.err
    assert said.out == first.out
    assert {file: file.stat().st_mtime_ns for file in (store / "results").rglob("*")} == before
    assert results(store) == tables


def test_set_changes_the_result(ran: tuple[Path, Path, Done], tmp_path: Path) -> None:
    spec, store, _ = ran
    ltspec(
        "run",
        spec,
        "--backend",
        "numpy",
        "--store",
        tmp_path,
        "--set",
        "train.optimizer.lr=0.05",
        "--set",
        "name=slower",
    )
    slow = column(run_folder(tmp_path, "slower") / "table.csv", "loss")
    assert slow != column(run_folder(store) / "table.csv", "loss")
    assert all(float(loss) > 0 for loss in slow)


def test_quiet_leaves_only_the_table(ran: tuple[Path, Path, Done], tmp_path: Path) -> None:
    said = ltspec("run", ran[0], "--backend", "numpy", "--quiet", "--store", tmp_path)
    assert said.err == ""
    assert said.out == ran[2].out.replace(str(ran[1]), str(tmp_path))


def test_torch_is_the_backend_when_none_is_named(tmp_path: Path) -> None:
    said = ltspec("run", write_tiny(tmp_path), "--device", "cpu")
    assert "tiny on torch (torch " in said.err
    assert run_folder(tmp_path / ".ltspec", realm="torch-float32").is_dir()
    assert len(ticket_files(tmp_path / ".ltspec")) == 2


def test_replicates_branches_and_splits_are_all_there(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    said = ltspec(
        "run",
        spec,
        "--backend",
        "numpy",
        "--set",
        "replicates=2",
        "--set",
        "evaluate=[test, train]",
        "--set",
        "branches.fresh={kind: reinitialize, levels: [2]}",
    )
    folder = run_folder(tmp_path / ".ltspec")
    assert len(column(folder / "table.csv", "split")) == 2 * 4 * 2
    assert set(column(folder / "table.csv", "branch")) == {"dense", "ticket", "fresh"}
    names = [
        file.relative_to(folder / "tickets").as_posix()
        for file in ticket_files(tmp_path / ".ltspec")
    ]
    assert names == [
        f"replicate-{r}/{name}.safetensors"
        for r in (1, 2)
        for name in ("fresh-level-2", "level-1", "level-2")
    ]
    assert str(folder / "tickets") in said.out
    one, two = (
        load(folder / "tickets" / "replicate-1" / f"{name}.safetensors")
        for name in ("level-2", "fresh-level-2")
    )
    assert np.array_equal(one["mask/fc1.weight"], two["mask/fc1.weight"])
    assert not np.array_equal(one["weights/fc1.weight"], two["weights/fc1.weight"])


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--backend", "nmupy"], 2, "error[LT301]"),
        (["--backend", "numpy", "--device", "cuda"], 2, "error[LT303]"),
        (["--backend", "numpy", "--device", "tpu"], 2, "error[LT303]"),
        (["--backend", "torch", "--device", "cuda:99"], 2, "error[LT303]"),
        (["--backend", "torch", "--device", "cpu", "--precision", "tf32"], 2, "tf32 on cpu"),
        (["--precision", "float16"], 2, "'float16' is not one of"),
        (["--backend", "numpy", "--threads", "0"], 2, "--threads"),
        (["--backend", "numpy", "--checkpoint-every", "-1"], 2, "--checkpoint-every"),
        (["--backend", "numpy", "--store", "tiny.yaml"], 3, "error[LT403]"),
        (["--backend", "numpy", "--store", "."], 3, "error[LT404]"),
        (["--nonsense"], 2, "No such option"),
    ],
)
def test_a_wrong_call_is_said_before_any_work(
    options: list[str], code: int, says: str, tmp_path: Path
) -> None:
    write_tiny(tmp_path)
    said = ltspec("run", "tiny.yaml", *options, cwd=tmp_path, code=code)
    assert says in said.err
    assert "to do" not in said.err
    assert says != "error[LT301]" or "did you mean numpy" in said.err
    assert (tmp_path / "tiny.yaml").read_text() == TINY
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_training_that_diverges_says_where(tmp_path: Path) -> None:
    said = ltspec(
        "run",
        write_tiny(tmp_path),
        "--backend",
        "numpy",
        "--set",
        "train.optimizer.lr=1e30",
        code=3,
    )
    assert "error[LT401]" in said.err
    assert "Warning" not in said.err, said  # numpy's own words are not for users


def test_data_that_cannot_be_had_is_said_quickly(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path, ("digits", "mnist"))
    call = ("run", spec, "--backend", "numpy", "--data", tmp_path / "data")
    said = ltspec(*call, code=2)
    assert "is not there" in said.err  # a folder that was misspelt is not made
    assert not (tmp_path / "data").exists()
    digits = write_tiny(tmp_path, name="digits.yaml")  # which lie elsewhere
    ltspec("run", digits, "--backend", "numpy", "--data", tmp_path / "data")
    assert not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    said = ltspec(
        *call,
        code=3,
        seconds=30,
        **NO_NETWORK,
    )
    assert "error[LT305]" in said.err
    assert str(tmp_path / "data") in said.err
    assert "train-images-idx3-ubyte.gz" in said.err
    assert "--data" in said.err
    # By the environment, and where nothing can be written.
    (tmp_path / "file").write_text("x")
    said = ltspec(
        "run",
        spec,
        "--backend",
        "numpy",
        code=2,
        seconds=30,
        LTSPEC_DATA=str(tmp_path / "file"),
        **NO_NETWORK,
    )
    assert "error[LT309]" in said.err
    assert str(tmp_path / "file") in said.err


@pytest.mark.needs_mnist
def test_mnist_from_the_data_folder(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path, ("digits", "mnist"), ("levels: 2", "levels: 1"))
    ltspec("run", spec, "--backend", "numpy", LTSPEC_DATA=os.environ["LTSPEC_DATA"], **NO_NETWORK)
    table = run_folder(tmp_path / ".ltspec") / "table.csv"
    assert column(table, "examples") == ["10000"] * 2
    assert all(float(accuracy) > 0.5 for accuracy in column(table, "accuracy"))


def test_store_by_the_environment(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    ltspec("run", spec, "--backend", "numpy", LTSPEC_STORE=str(tmp_path / "other"))
    assert len(ticket_files(tmp_path / "other")) == 2
    assert not (tmp_path / ".ltspec").exists()
    assert "holds 11 of 11" in ltspec("plan", spec, LTSPEC_STORE=str(tmp_path / "other")).out


# -- show ------------------------------------------------------------------------------------------


def test_show_prints_the_table_again(ran: tuple[Path, Path, Done]) -> None:
    spec, _, first = ran
    said = ltspec("show", spec)
    table = first.out[: first.out.index("table:")]
    assert said.out == "numpy-float32\n" + table
    assert ltspec("show", spec, "--backend", "numpy").out == said.out


def test_report_writes_a_page_beside_the_table(
    ran: tuple[Path, Path, Done], tmp_path: Path
) -> None:
    spec, store, _ = ran
    said = ltspec("report", spec)
    page = run_folder(store) / "report.html"
    assert said.out == f"report: {page}\n"
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    ltspec("report", spec, "--out", tmp_path / "page.html")
    assert "All 3 networks are done." in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "error[LT309]" in ltspec("report", spec, "--backend", "torch", code=2).err


def test_show_for_programs(ran: tuple[Path, Path, Done]) -> None:
    spec, store, _ = ran
    text = ltspec("show", spec, "--format", "csv").out
    assert text == (run_folder(store) / "table.csv").read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["kept"] for row in rows] == ["888", "710", "568"]
    document = json.loads(ltspec("show", spec, "--format", "json").out)
    assert [line["kept"] for line in document["summary"]] == [888, 710, 568]
    assert [str(row["scores"]["test"]["accuracy"]) for row in document["rows"]] == [
        row["accuracy"] for row in rows
    ]


def test_show_refuses_what_it_would_not_do(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    for call in (
        ("--resolved", "--format", "csv"),
        ("--blocks", "--plot", tmp_path / "plot.svg"),
        ("--map", "--backend", "numpy"),
        ("--resolved", "--blocks"),
        ("--map", "--store", tmp_path),
    ):
        said = ltspec("show", spec, *call, code=2)
        assert "error[LT309]" in said.err
        assert f"{call[0]} shows the spec, and {call[1]} would do nothing" in said.err
    assert not (tmp_path / "plot.svg").exists()


def test_plan_and_verify_refuse_what_they_would_not_do(tmp_path: Path) -> None:
    spec, target = write_tiny(tmp_path), tmp_path / "plan.json"
    for option in (("--all",), ("--store", tmp_path)):
        said = ltspec("plan", spec, "--json", target, *option, code=2)
        assert "error[LT309]" in said.err
        assert f"{option[0]} would do nothing" in said.err
    said = ltspec("plan", spec, "--json", target, "--precision", "float64", code=2)
    assert "--precision needs --backend" in said.err
    assert not target.exists()
    for option in (
        ("--threads", 1),
        ("--within", 0.1),
        ("--store", tmp_path),
        ("--data", tmp_path),
    ):
        said = ltspec("ticket", "verify", tmp_path / "none", *option, code=2)
        assert f"{option[0]} would do nothing" in said.err
        assert "add --run" in said.err


def test_show_what_is_done_so_far(ran: tuple[Path, Path, Done]) -> None:
    said = ltspec("show", ran[0], "--set", "prune.schedule.levels=4")
    assert "not done yet: 2 of 5 networks" in said.out


def test_show_without_results(tmp_path: Path) -> None:
    said = ltspec("show", write_tiny(tmp_path), code=2)
    assert "error[LT309]" in said.err
    assert "ltspec run" in said.err
    assert not (tmp_path / ".ltspec").exists()


@pytest.mark.parametrize(
    ("name", "magic"), [("plot.png", b"\x89PNG\r\n"), ("plot.svg", b"<?xml"), ("plot.pdf", b"%PDF")]
)
def test_show_draws(name: str, magic: bytes, ran: tuple[Path, Path, Done], tmp_path: Path) -> None:
    said = ltspec("show", ran[0], "--plot", tmp_path / "new" / name)
    assert (tmp_path / "new" / name).read_bytes().startswith(magic)
    assert name in said.err
    assert "error" not in said.err


def test_show_refuses_a_plot_that_it_cannot_draw(
    ran: tuple[Path, Path, Done], tmp_path: Path
) -> None:
    assert "error[LT309]" in ltspec("show", ran[0], "--plot", tmp_path / "plot.txt", code=2).err
    ltspec("show", ran[0], "--plot", tmp_path, code=2)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_a_resolved_spec_means_the_same(example: Path, tmp_path: Path) -> None:
    for other in example.parent.glob("*.yaml"):  # one may carry tickets from another
        (tmp_path / other.name).write_text(other.read_text())
    resolved = tmp_path / "resolved.yaml"
    resolved.write_text(ltspec("show", example, "--resolved").out)
    ltspec("validate", resolved)
    assert keys(ltspec("plan", resolved, "--json", "-").out) == keys(
        ltspec("plan", example, "--json", "-").out
    )
    assert ltspec("show", resolved, "--resolved").out == resolved.read_text()


def test_resolved_fills_in_every_default(tmp_path: Path) -> None:
    said = ltspec("show", write_tiny(tmp_path), "--resolved", "--set", "train.optimizer.lr=1e-3")
    for part in (
        "criterion: {name: magnitude, at: end, invert: false}",
        "nesterov: false",
        "init: glorot-normal",
        "replicates: 1",
        "evaluate: [test]",
        "lr: 0.001",
    ):
        assert part in said.out


# -- diff ------------------------------------------------------------------------------------------


def test_diff_says_what_changes(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    write_tiny(tmp_path, ("levels: 2}", "levels: 2}\n  rewind: {to: 10it}"), name="late.yaml")
    said = ltspec("diff", "tiny.yaml", "late.yaml", cwd=tmp_path)
    assert said.err == ""
    assert said.out.splitlines() == [
        "keys that differ:",
        "  prune.rewind.to: 0it -> 10it",
        "",
        "networks, by level:",
        "  dense   the same",
        "  ticket  1-2 changed",
        "",
        "in all:",
        "  networks        1 in both, 2 in the first alone, 2 in the second alone",
        "  stages          4 in both, 7 in the first alone, 8 in the second alone",
        "  training steps  40 in both, 80 in the first alone, 60 in the second alone",
    ]
    set_ = ("--set", "prune.rewind.to=10it")
    assert ltspec("diff", "tiny.yaml", *set_, cwd=tmp_path).out == said.out
    # With a second file it is that one which is changed.
    same = "the same experiment\n"
    assert ltspec("diff", "late.yaml", "tiny.yaml", *set_, cwd=tmp_path).out == same
    assert ltspec("diff", "late.yaml", "late.yaml", "--set", "name=x", cwd=tmp_path).out == same
    assert sorted(file.name for file in tmp_path.iterdir()) == ["late.yaml", "tiny.yaml"]


def test_diff_for_programs(tmp_path: Path) -> None:
    spec = write_tiny(tmp_path)
    change = "prune.schedule.levels=3"
    found = json.loads(ltspec("diff", spec, "--set", change, "--json").out)
    sort = {"same": [], "partly": [], "changed": [], "first": [], "second": []}
    assert found == {
        "first": str(spec),
        "second": str(spec),
        "set": [change],
        "same": False,
        "keys": [{"key": "prune.schedule.levels", "before": 2, "after": 3, "swept": False}],
        "points": [
            {
                "columns": {},
                "first": 0,
                "second": 0,
                "lines": [
                    {"branch": "dense", **sort, "same": [0]},
                    {"branch": "ticket", **sort, "same": [1, 2], "second": [3]},
                ],
            }
        ],
        "measurements": {"same": 0, "changed": 0, "first": 0, "second": 0},
        "networks": {"both": 3, "first": 0, "second": 1},
        "stages": {"both": 11, "first": 0, "second": 4},
        "steps": {"both": 120, "first": 0, "second": 40},
    }
    assert json.loads(ltspec("diff", spec, spec, "--json").out)["same"]


def test_diff_of_a_plan_file(ran: tuple[Path, Path, Done], tmp_path: Path) -> None:
    spec, plan = ran[0], run_folder(ran[1]) / "plan.json"
    for call in ((spec, plan), (plan, spec), (plan, plan)):
        assert ltspec("diff", *call).out == "the same experiment\n"
    said = ltspec("diff", plan, spec, "--set", "train.optimizer.lr=0.2")
    assert said.out.splitlines()[1] == "  train.optimizer.lr: 0.1 -> 0.2"
    for call in ((plan,), (spec, plan)):
        assert "error[LT309]" in ltspec("diff", *call, "--set", "train.batch_size=3", code=2).err
    document = json.loads(plan.read_text())
    (tmp_path / "other.json").write_text(json.dumps({**document, "semantics": 99}))
    said = ltspec("diff", spec, tmp_path / "other.json", code=2)
    assert "error[LT308]" in said.err
    assert "with semantics 99" in said.err


def test_diff_names_the_file_that_is_wrong(tmp_path: Path) -> None:
    write_tiny(tmp_path)
    write_tiny(tmp_path, WRONG_LR, name="wrong.yaml")
    write_tiny(tmp_path, ("levels: 2", "levels: 0"), name="none.yaml")
    for call in (("tiny.yaml", "wrong.yaml"), ("wrong.yaml", "tiny.yaml")):
        said = ltspec("diff", *call, cwd=tmp_path, code=1)
        assert "wrong.yaml:8:30" in said.err
        assert "tiny.yaml" not in said.err
    said = ltspec("diff", "wrong.yaml", "none.yaml", cwd=tmp_path, code=1)
    assert "wrong.yaml:8:30" in said.err
    assert "none.yaml:10:54" in said.err
    assert said.out == ""
    # What is wrong without the change is said once.
    said = ltspec("diff", "wrong.yaml", "--set", "train.batch_size=32", cwd=tmp_path, code=1)
    assert said.err.count("error[LT103]") == 1
    said = ltspec("diff", "tiny.yaml", "--set", "train.batch_size=0", cwd=tmp_path, code=1)
    assert "--set train.batch_size=0" in said.err
    said = ltspec("diff", "tiny.yaml", cwd=tmp_path, code=2)
    assert "error[LT309]: there is nothing to compare tiny.yaml with" in said.err
    assert (
        "did you mean `tiny.yaml`?"
        in ltspec("diff", "tiny.yaml", "tini.yaml", cwd=tmp_path, code=2).err
    )


# -- schema, backends, explain ---------------------------------------------------------------------


def test_the_schema_accepts_all_examples_and_refuses_a_wrong_one(tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(ltspec("schema").out)
    assert json.loads(schema.read_text())["$schema"].startswith("https://json-schema.org/")
    good = _check_jsonschema("--schemafile", schema, *EXAMPLES)
    assert good.returncode == 0, good
    well_formed = _check_jsonschema("--check-metaschema", schema)
    assert well_formed.returncode == 0, well_formed
    bad = write_tiny(tmp_path, ("batch_size: 64", "batch_siz: 64"))
    assert _check_jsonschema("--schemafile", schema, bad).returncode == 1
    shipped = ROOT / "schemas" / "ltspec.schema.json"
    assert shipped.read_text(encoding="utf-8") == schema.read_text()


def _check_jsonschema(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(**NO_NETWORK),
    )


def test_the_language_page() -> None:
    said = ltspec("schema", "--format", "markdown")
    for key in ("train.optimizer", "prune.schedule", "prune.rewind", "replicates", "branches"):
        assert key in said.out
    assert (ROOT / "docs" / "language.md").read_text(encoding="utf-8") == said.out


def test_backends_lists_all_with_devices_and_gaps() -> None:
    said = ltspec("backends")
    heads = [line for line in said.out.splitlines() if line and not line.startswith(" ")]
    assert heads[:3] == ["numpy", "tensorflow", "torch"]
    assert heads[3].startswith("Not promised to repeat to the bit")
    for word in ("--no-deterministic", "threads", "device", "versions", "another backend"):
        assert word in said.out.split(heads[3])[1]
    assert said.out.count("precisions: float32, float64") == 3
    assert said.out.count("determinism: ") == 3
    assert "lacks device:gpu" in said.out
    assert "not usable" not in said.out
    assert "cannot be started" not in said.out


def test_every_code_has_a_page() -> None:
    assert len(CODES) > 40
    # One process for all of them; the command itself is the one that is called.
    script = (
        "import sys; from ltspec.cli.main import _run\n"
        "for code in sys.argv[1:]:\n  print(f'<<{code}>>', _run(['explain', code]))"
    )
    said = finished(
        subprocess.run(
            [sys.executable, "-c", script, *CODES],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=environment(),
        )
    )
    assert said.err == ""
    for code, title in CODES.items():
        assert f"<<{code}>> 0" in said.out
        assert f"{code}: {title}" in said.out


def test_explain_takes_a_code_or_a_key() -> None:
    assert ltspec("explain", "lt203").out.startswith("# LT203: ")
    for key in ("train.optimizer.lr", "prune.rewind", "model.widths", "seeds"):
        assert key in ltspec("explain", key).out
    said = ltspec("explain", "train.optimizer.lrr", code=2)
    assert "error[LT309]" in said.err
    assert "train.optimizer.lr`" in said.err
    assert "error[LT309]" in ltspec("explain", "LT999", code=2).err
    assert "error[LT309]" in ltspec("explain", "", code=2).err


def test_presets_are_listed_and_shown() -> None:
    listed = ltspec("presets").out
    assert "frankle2020/resnet20-standard" in listed
    shown = ltspec("presets", "frankle2020/resnet20-standard").out
    assert YAML(typ="safe").load(shown)["spec"]["train"]["batch_size"] == 128
    said = json.loads(ltspec("presets", "maene2021/lenet", "--json").out)
    assert said["spec"]["prune"]["schedule"]["levels"] == 25
    assert len(json.loads(ltspec("presets", "--json").out)) == listed.count("\n    ")
    wrong = ltspec("presets", "maene2021/le-net", code=2).err
    assert "error[LT255]" in wrong
    assert "did you mean maene2021/lenet?" in wrong


# -- the program itself ----------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert ltspec("--version").out == f"ltspec {version('ltspec')}\n"
    assert version("ltspec") == "0.1.0"
    overview = ltspec("--help").out
    assert all(f"\n  {name} " in overview for name in COMMANDS)
    assert ltspec("-h").out == overview
    for name in COMMANDS:
        said = ltspec(name, "--help").out
        assert said.startswith(f"Usage: ltspec {name} ")
        assert ltspec(name, "-h").out == said
    assert "Error: No such command 'rnu'." in ltspec("rnu", code=2).err
    assert "Usage:" in ltspec(code=2).err


def test_the_script_is_the_same_program() -> None:
    assert PROGRAM.is_file()
    script = subprocess.run(
        [PROGRAM, "validate", EXAMPLES[0]],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(),
    )
    assert finished(script).out == ltspec("validate", EXAMPLES[0]).out


@pytest.mark.parametrize(
    "call",
    [
        ("schema",),
        ("plan", "SPEC"),
        ("plan", "SPEC", "--json", "-"),
        ("explain", "LT101"),
        ("validate", *["SPEC"] * 300),
        ("show", "SPEC"),
        ("show", "SPEC", "--resolved"),
        ("diff", "SPEC", "--set", "train.batch_size=32"),
        ("--help",),
        ("schema", "--format", "markdown"),
        ("run", "SPEC", "--backend", "numpy"),
    ],
)
def test_a_reader_that_goes_away(call: tuple[str, ...], ran: tuple[Path, Path, Done]) -> None:
    """``ltspec ... | head -1``: no traceback, nothing at all on stderr but a run's progress."""
    arguments = [str(ran[0]) if word == "SPEC" else word for word in call]
    reading, writing = os.pipe()
    os.close(reading)  # gone before the first line
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "ltspec", *arguments],
            stdout=pipe,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
            env=environment(),
        )
    for word in ("Traceback", "BrokenPipe", "Exception ignored", "LT901"):
        assert word not in done.stderr, done.stderr
    assert done.returncode == 0, done
    assert done.stderr == "" or call[0] == "run"


def test_a_run_goes_on_when_nobody_reads_of_it(
    ran: tuple[Path, Path, Done], tmp_path: Path
) -> None:
    """``ltspec run ... 2>&1 | head -1``: training is not ended by it."""
    reading, writing = os.pipe()
    os.close(reading)
    call = ("run", str(ran[0]), "--backend", "numpy", "--store", str(tmp_path / "store"))
    with os.fdopen(writing, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "ltspec", *call],
            stdout=pipe,
            stderr=pipe,
            check=False,
            timeout=120,
            env=environment(),
        )
    assert done.returncode == 0
    assert list(tmp_path.rglob("table.csv"))


def test_head_takes_its_line(ran: tuple[Path, Path, Done]) -> None:
    line = f"set -o pipefail; {sys.executable} -m ltspec schema | head -n 1"
    done = subprocess.run(
        ["bash", "-c", line],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(),
    )
    assert (done.stdout, done.stderr) == ("{\n", "")
