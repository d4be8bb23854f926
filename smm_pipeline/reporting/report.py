"""The HTML report: one self-contained page that opens offline.

Belongs here: putting figures, charts and words together and writing the page. Does not belong here: queries
(figures.py), charts (charts.py), sections (sections.py) and layout (templates/).

The page makes no request: the scripts are inside it, charts are specifications beside their data, expressions in
charts are interpreted rather than compiled, and a content security policy forbids everything else, so a name that
came with a feed can never run as code.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import vl_convert
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from smm_pipeline.errors import SmmError, not_writable
from smm_pipeline.reporting.charts import THEME
from smm_pipeline.reporting.headlines import headlines, lead, warning
from smm_pipeline.reporting.sections import sections
from smm_pipeline.reporting.serving import open_serving
from smm_pipeline.reporting.summary import read_summary
from smm_pipeline.reporting.wording import day
from smm_pipeline.settings import Settings

_TEMPLATES = Path(__file__).parent / "templates"


def write_report(settings: Settings) -> Path:
    """Write reports/smm_report.html from the serving file; returns its path.

    Raises:
        SmmError: SMM-305 when there is no readable serving file, SMM-107 or SMM-306 when the page cannot be written.
    """
    page = render(settings)
    target = settings.report_file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _put(target, page)
    except OSError as error:
        hint = "the figures are published all the same; mend what the system says, then: smm publish"
        raise not_writable(error, str(target)) or SmmError(
            "SMM-306", f"the report cannot be written: {error.strerror}", where=str(target), hint=hint
        ) from error
    return target


def render(settings: Settings) -> str:
    """The page as text; apart from the instant of publishing it depends on the published rows alone."""
    with open_serving(settings.serving_file) as source:
        summary = read_summary(source)
        parts = sections(source, summary)
    published = summary.published_at.astimezone(settings.zone)
    script = _script(settings.reports)
    return _template().render(
        shop=settings.shop.name,
        first=day(summary.first_date),
        last=day(summary.last_date),
        published=f"{day(published.date())}, {published:%H:%M}",
        time_zone=settings.shop.time_zone,
        build_id=summary.build_id,
        serving_file=settings.serving_file.name,
        lead=lead(summary),
        warning=warning(summary),
        headlines=headlines(summary),
        sections=parts,
        style=Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - a file of this package
        charts=_inert_json({"theme": THEME, "specs": {c.name: c.drawing.spec for part in parts for c in part.charts}}),
        script=Markup(script),  # noqa: S704 - this package's snippet and the bundled libraries
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")


def _script(folder: Path) -> str:
    """Vega, Vega-Lite and Vega-Embed with the snippet that draws the charts; about 0.9 MB, bundled offline.

    Bundling takes longer than the rest of the page, so the script is kept beside it for as long as its parts stay.
    """
    snippet = (_TEMPLATES / "charts.js").read_text(encoding="utf-8")
    parts = hashlib.sha256(f"{version('vl-convert-python')} {snippet}".encode()).hexdigest()[:12]
    kept = folder / f".charts-{parts}.js"
    with suppress(OSError):
        return kept.read_text(encoding="utf-8")
    script = vl_convert.javascript_bundle(snippet=snippet)
    # Without it the next page is made as this one was.
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        _put(kept, script)
    return script


def _put(path: Path, text: str) -> None:
    """Put a whole file in place of another."""
    new = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        new.write_text(text, encoding="utf-8")
        new.replace(path)
    finally:
        with suppress(OSError):  # a folder that refuses the page may refuse this too: the first error counts
            new.unlink(missing_ok=True)


def _inert_json(value: object) -> Markup:
    """JSON that a script element can hold: no `<` can end it, whatever a name contains."""
    return Markup(json.dumps(value, ensure_ascii=False, sort_keys=True).replace("<", "\\u003c"))  # noqa: S704 - escaped here
