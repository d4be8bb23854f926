"""The commands of `smm` about single feeds and files: what they bring, what of it was refused, and trying one out.

Belongs here: one short function per command, as in commands.py. Does not belong here: work of any kind.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from smm_pipeline.catalog import load_catalog
from smm_pipeline.cli import reject_commands
from smm_pipeline.cli.arguments import Home, checking
from smm_pipeline.cli.channels import channels_text, list_channels
from smm_pipeline.cli.check import check_file, choose_feed
from smm_pipeline.cli.feeds import feeds_text, list_feeds
from smm_pipeline.cli.output import EXIT_AUDIT, EXIT_REFUSED, emit
from smm_pipeline.cli.restated import export_restated, list_restated, list_text
from smm_pipeline.reporting.wording import counted
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.restated import Wanted

SHOWN_RESTATED = 20
# A hundred years: no calendar ends within them.
MOST_DAYS = 36_500


def add_to(app: typer.Typer) -> None:
    """Make these commands known to the program."""
    app.command()(feeds)
    app.command()(channels)
    app.command()(check)
    app.command("map")(map_)
    app.command()(restated)
    app.add_typer(reject_commands.app, name="rejects")


def feeds(home: Home = None) -> None:
    """List every feed: what it fills, what it delivered, how fresh it is, what could be joined, what was rejected."""
    data = list_feeds(load_settings(home), load_catalog())
    emit(data, feeds_text(data))
    if any(feed["silence_error"] for feed in data["feeds"]):
        raise typer.Exit(EXIT_AUDIT)


def restated(
    key: Annotated[str | None, typer.Argument(metavar="[KEY]", help="This record, by its id, whole")] = None,
    home: Home = None,
    feed: Annotated[str | None, typer.Option(help="Records of which this feed brought a content")] = None,
    table: Annotated[str | None, typer.Option(help="Of this contract alone")] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=MOST_DAYS, help="Whose newest content came in so many last days")
    ] = None,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Where the order of deliveries alone decided what holds")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help=f"At most so many [default: {SHOWN_RESTATED}; of a file all]")
    ] = None,
    file: Annotated[Path | None, typer.Option("--csv", help="Write them to this file")] = None,
) -> None:
    """List records that came with more than one content: when, in which files, and what differs."""
    since = datetime.now(UTC) - timedelta(days=days) if days is not None else None
    settings, catalog, wanted = load_settings(home), load_catalog(), Wanted(feed, table, key, since, conflicts)
    with checking():
        if file is not None:
            written = export_restated(settings, catalog, wanted, limit, file)
            emit({"file": file, "records": written}, f"{file}: {counted(written, 'record')}")
            return
        data = list_restated(settings, catalog, wanted, limit or SHOWN_RESTATED)
    emit(data, list_text(data))


def channels(
    home: Home = None,
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="Of the newest days of the publication")] = 28,
    top: Annotated[int, typer.Option(min=1, help="So many unknown hosts; --json has all")] = 20,
) -> None:
    """Say which rule gave how many visits their channel, and which referring hosts no rule knows."""
    data = list_channels(load_settings(home).serving_file, days)
    emit(data, channels_text(data, top))


def check(
    file: Annotated[Path, typer.Argument(help="The file to try; it stays where it is")],
    home: Home = None,
    feed: Annotated[
        str | None, typer.Option(help="As a delivery of this feed [default: the one whose folder it is in]")
    ] = None,
    vendor: Annotated[str | None, typer.Option(help="With this shipped mapping, without a feed")] = None,
    mapping: Annotated[
        str | None, typer.Option(help="With this mapping of the instance folder, without a feed")
    ] = None,
    constant: Annotated[
        list[str] | None, typer.Option(help="With --vendor or --mapping: NAME=VALUE, a constant of the feed-to-be")
    ] = None,
) -> None:
    """Try a file: say what an ingest would load, supersede and reject of it now, and write nothing."""
    settings = load_settings(home)
    # Without the steps back that may lead out of a feed's folder again.
    place = Path(os.path.normpath(file.absolute()))
    with checking():
        settings, name = choose_feed(settings, place, feed, vendor, mapping, constant or ())
    data, text, is_good = check_file(settings, load_catalog(), name, place)
    emit(data, text)
    if not is_good:
        raise typer.Exit(EXIT_REFUSED)


def map_(
    file: Annotated[Path, typer.Argument(help="A CSV, JSON, JSON lines, Parquet or XLSX file")],
    contract: Annotated[str, typer.Option(help="The contract to fill [default: the nearest by names]")] = "",
) -> None:
    """Draft a mapping from a file: format, contract, columns, and how numbers and times are written."""
    from smm_pipeline.drafting import draft_mapping

    with checking():
        draft = draft_mapping(file, load_catalog(), contract)
    emit(
        {"contract": draft.contract, "vendors": draft.vendors, "checks": draft.checks, "mapping": draft.text},
        draft.text.rstrip("\n"),
    )
