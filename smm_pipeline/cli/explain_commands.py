"""The command that explains numbers.

Belongs here: its arguments, as in commands.py. Does not belong here: work of any kind.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from smm_pipeline.catalog import load_catalog
from smm_pipeline.cli.arguments import Home, checking
from smm_pipeline.cli.explain import explain as explain_subject
from smm_pipeline.cli.explain import explain_text
from smm_pipeline.cli.output import emit
from smm_pipeline.explain import Wanted
from smm_pipeline.settings import load_settings


def add_to(app: typer.Typer) -> None:
    """Make the command known to the program."""
    app.command()(explain)


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
    rows: Annotated[int, typer.Option(min=1, help="So many rows of each table are shown")] = 3,
) -> None:
    """Say what stands behind an order or a figure: rows, rules, methods, settings and files. No personal data."""
    wanted = Wanted(subject, day.date() if day else None, community, rows)
    with checking():
        data = explain_subject(load_settings(home), load_catalog(), subject, wanted)
    emit(data, explain_text(data))
