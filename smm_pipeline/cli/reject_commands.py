"""The commands of `smm rejects`.

Belongs here: one short function per command, as in commands.py. Does not belong here: work of any kind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smm_pipeline.catalog import load_catalog
from smm_pipeline.cli import rejects
from smm_pipeline.cli.arguments import Group, Home, Json, checking
from smm_pipeline.cli.output import EXIT_REFUSED, emit, progress
from smm_pipeline.reporting.wording import counted
from smm_pipeline.settings import load_settings, person_key
from smm_pipeline.warehouse.rejects import Wanted

SHOWN = 20
app = typer.Typer(cls=Group, rich_markup_mode=None)


@app.callback()
def common(json_output: Json = False) -> None:
    """What was refused, record by record, and reading it again once the mapping or the source is corrected."""


@app.command("list")
def list_(
    home: Home = None,
    feed: Annotated[str | None, typer.Option(help="Of this feed alone")] = None,
    reason: Annotated[
        str | None, typer.Option(help="For this reason alone: bad_number, bad_number:total_amount, skipped ...")
    ] = None,
    table: Annotated[str | None, typer.Option(help="For this contract alone")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help=f"At most so many [default: {SHOWN}; of a file all]")] = None,
    file: Annotated[Path | None, typer.Option("--csv", help="Write them, with records, to this file")] = None,
) -> None:
    """List rejects with the ids under which they can be shown."""
    settings, catalog, wanted = load_settings(home), load_catalog(), Wanted(feed, reason, table)
    with checking():
        if file is not None:
            written = rejects.export_rejects(settings, catalog, wanted, limit, file)
            emit({"file": file, "rejects": written}, f"{file}: {counted(written, 'reject')}")
            return
        data = rejects.list_rejects(settings, catalog, wanted, limit or SHOWN)
    emit(data, rejects.list_text(data))


@app.command()
def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="Of smm rejects list, or its beginning")],
    home: Home = None,
) -> None:
    """Show one reject: the reasons in words, the record with personal data masked, and where the original is."""
    data = rejects.show_reject(load_settings(home), load_catalog(), identifier)
    emit(data, rejects.show_text(data))


@app.command()
def replay(
    feed: Annotated[str, typer.Argument(help="The feed, read again with those that share its tables")],
    home: Home = None,
) -> None:
    """Read a feed that has rejects anew from the raw store, as after a correction of its mapping."""
    from smm_pipeline import pipeline

    settings = load_settings(home)
    person_key(settings.home)
    with progress() as bars:
        done = pipeline.replay(settings, load_catalog(), feed, bars)
    emit(rejects.replay_dict(done), rejects.replay_text(done, feed))
    if done.summary and (done.summary.refused or done.summary.emptied):
        raise typer.Exit(EXIT_REFUSED)
