"""The commands that explain numbers and hand them on.

Belongs here: one short function per command, as in commands.py. Does not belong here: work of any kind.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from smm_pipeline.catalog import load_catalog
from smm_pipeline.cli.arguments import Home, checking
from smm_pipeline.cli.explain import explain as explain_subject
from smm_pipeline.cli.explain import explain_text
from smm_pipeline.cli.output import emit
from smm_pipeline.cli.truth import truth as compare_truth
from smm_pipeline.cli.truth import truth_text
from smm_pipeline.explain import Wanted
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.sharing import MIN_PERSONS
from smm_pipeline.warehouse.sharing import share as share_figures


def add_to(app: typer.Typer) -> None:
    """Make the commands known to the program."""
    app.command()(explain)
    app.command()(share)
    app.command()(truth)


def explain(
    subject: Annotated[
        str,
        typer.Argument(metavar="ORDER|KPI", help="An order's number, id or key; or kpi_daily_benefit, or TABLE.COLUMN"),
    ],
    home: Home = None,
    day: Annotated[
        datetime | None, typer.Option("--date", formats=["%Y-%m-%d"], help="Day of the figure [default: the newest]")
    ] = None,
    community: Annotated[str | None, typer.Option(help="Of this community alone: its id, handle or name")] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Of these rows alone, such as segment=uk or model=last; repeatable"),
    ] = None,
    rows: Annotated[int, typer.Option(min=1, help="So many rows of each table are shown")] = 3,
) -> None:
    """Say what stands behind an order or a figure: rows, rules, methods, settings and files. No personal data."""
    wanted = Wanted(subject, day.date() if day else None, community, rows, _pairs(of or []))
    with checking():
        data = explain_subject(load_settings(home), load_catalog(), subject, wanted)
    emit(data, explain_text(data))


def _pairs(texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if not all(column and sign for column, sign, _ in pairs):
        raise typer.BadParameter("expected COLUMN=VALUE, such as --of segment=uk", param_hint="--of")
    return {column: value for column, _, value in pairs}


def share(
    home: Home = None,
    target: Annotated[
        Path | None, typer.Option("--out", help="File to write [default: smm_shared.duckdb beside the serving file]")
    ] = None,
) -> None:
    """Copy the published figures for people outside the shop: those of fewer than five persons are merged or hidden."""
    settings = load_settings(home)
    path = target or settings.serving_file.with_name("smm_shared.duckdb")
    rows = share_figures(settings.serving_file, path, load_catalog())
    emit(
        {"file": path, "min_persons": MIN_PERSONS, "tables": rows},
        f"{path}: {len(rows)} tables, no row of fewer than {MIN_PERSONS} persons",
    )


def truth(home: Home = None) -> None:
    """Of a demo shop, say how many orders were found to be what really caused them, and what hid the others."""
    settings = load_settings(home)
    with checking():
        data = compare_truth(settings, load_catalog())
    emit(data, truth_text(data, settings.shop.currency))
