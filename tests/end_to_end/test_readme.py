"""What the README shows is what one gets."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from e2e import ROOT, ltspec

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """Code blocks of the README in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_the_whole_spec_is_the_quickstart() -> None:
    quickstart = (ROOT / "examples" / "quickstart.yaml").read_text(encoding="utf-8")
    assert quickstart in blocks("yaml")


def test_the_broken_spec_gives_the_errors_that_are_shown(tmp_path: Path) -> None:
    (spec,) = (block for block in blocks("yaml") if "name: broken" in block)
    (shown,) = (block for block in blocks("text") if "validate broken.yaml" in block)
    (tmp_path / "broken.yaml").write_text(spec, encoding="utf-8")
    said = ltspec("validate", "broken.yaml", cwd=tmp_path, code=1)
    assert said.out.strip() == shown.removeprefix("$ ltspec validate broken.yaml\n").strip()


def test_the_plan_begins_as_shown() -> None:
    (shown,) = (block for block in blocks("text") if "ltspec plan late_rewinding.yaml" in block)
    said = ltspec("plan", ROOT / "examples" / "late_rewinding.yaml")
    for line in shown.splitlines()[1:]:
        assert line == "..." or line in said.out


def test_the_difference_is_as_shown() -> None:
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```text\n\$ (ltspec diff .*?)^```", page, re.MULTILINE | re.DOTALL)
    call, _, text = shown.partition("\n")
    said = ltspec(*shlex.split(call)[1:], cwd=ROOT / "examples")
    assert said.out == text


def anchors(page: Path) -> set[str]:
    """The names under which a page's headings can be linked to."""
    titles = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if target.startswith("https://"):
                continue
            name, _, anchor = target.partition("#")
            there = page.parent / name if name else page
            assert there.exists(), (page, target)
            assert not anchor or anchor in anchors(there), (page, target)


def test_every_page_is_linked_to() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert f"(docs/{page.name})" in readme, page
