"""Takes a Page; gives it as one HTML file that needs nothing else: no network, no script."""

from __future__ import annotations

from pathlib import Path

import jinja2

from ltspec.results.page.content import Page
from ltspec.results.run_folder import NETWORKS


def html(page: Page) -> str:
    """The page as text, the same for an equal page. Whatever a spec says is shown as it is written
    and never becomes markup; plots are our own."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html.jinja").render(page=page, networks=NETWORKS)
