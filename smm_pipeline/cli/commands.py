"""The commands of `smm`.

Belongs here: one short function per command: read arguments, call a room, hand the result to output.py. Does not belong
here: work of any kind.
"""

from __future__ import annotations

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from smm_pipeline import __version__
from smm_pipeline.attribution import ALL_MODELS, DIRECT, Model
from smm_pipeline.catalog import load_catalog
from smm_pipeline.cli import attribution, examine, explain_commands, feed_commands, instance, texts
from smm_pipeline.cli.arguments import PROGRAM, Group, Home, Json, Version, checking, usage_error
from smm_pipeline.cli.output import (
    EXIT_AUDIT,
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_USAGE,
    emit,
    end_quietly,
    err,
    fail,
    mode,
    out,
    progress,
    show_warnings,
)
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import Settings, instance_home, load_settings, person_key

if TYPE_CHECKING:
    from smm_pipeline.pipeline import RunSummary

app = typer.Typer(
    cls=Group,
    help="What an online shop's communities bring: ingest, build, publish, explain.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
feed_commands.add_to(app)
explain_commands.add_to(app)
DAY_FORMATS = ["%Y-%m-%d"]
NoPull = Annotated[bool, typer.Option("--no-pull", help="Leave the vendors' APIs alone")]


@app.callback()
def common(
    json_output: Json = False,
    version: Version = False,
) -> None:
    """Options before the command."""


def _load_to_ingest(home: Path | None) -> Settings:
    """Settings of an instance that has its key, looked at before anything is made that a new key would not fit."""
    settings = load_settings(home)
    person_key(settings.home)
    return settings


@app.command()
def init(home: Home = None) -> None:
    """Make an instance folder with a commented smm.toml, or the missing .env of one that has no data yet."""
    folder = instance_home(home)
    if (folder / "smm.toml").exists():
        key_file = instance.add_missing_key(folder)
        emit({"key_file": key_file}, f"made {key_file}: keep it, and never change the key in it")
        return
    config = instance.init_instance(folder)
    emit({"settings": config}, f"made {config}\nnext: edit it, put files into landing/<feed>/, then: smm run")


@app.command()
def demo(
    home: Home = None,
    days: Annotated[int, typer.Option(min=3, max=730, help="Days of the shop's history")] = 90,
    scale: Annotated[float, typer.Option(min=0.005, max=50, help="1 is about 500,000 events in 90 days")] = 1.0,
    seed: Annotated[int, typer.Option(help="Another seed is another shop")] = 7,
    last_day: Annotated[
        datetime | None,
        typer.Option("--last-day", formats=DAY_FORMATS, help="Last day of the history [default: 2026-05-31]"),
    ] = None,
) -> None:
    """Make a demo shop, or take the one that is there, run its whole history, publish, and say what came out."""
    from smm_pipeline.cli.demo import Options, prepare_demo

    folder = instance_home(home)
    with checking():
        options = Options.of(days, scale, seed, _day(last_day))
    if not mode.as_json:
        out.print(f"a demo shop of {days} days in {folder}", markup=False)
    if not prepare_demo(folder, options) and not mode.as_json:
        out.print("it is there already and is run again")
    _run(_load_to_ingest(folder), None, None, closing=True)


@app.command()
def ingest(
    home: Home = None,
    again: Annotated[
        str | None,
        typer.Option(metavar="FEED", help="Take out this feed, with those that share its tables, and read them anew"),
    ] = None,
    no_pull: NoPull = False,
) -> None:
    """Pull from vendors' APIs and load new deliveries from landing/ without building anything."""
    from smm_pipeline import pipeline

    settings = _load_to_ingest(home)
    with progress() as show:
        summary = pipeline.ingest(settings, load_catalog(), show, again=again, is_pulling=not no_pull)
    _tell_loaded(summary)


@app.command()
def pull(
    feed: Annotated[str | None, typer.Argument(metavar="[FEED]", help="Only this feed")] = None,
    home: Home = None,
) -> None:
    """Pull feeds from their vendors' APIs and load what came, nothing else."""
    from smm_pipeline import pipeline

    settings = _load_to_ingest(home)
    with progress() as show:
        summary = pipeline.pull(settings, load_catalog(), show, feed=feed)
    _tell_loaded(summary)


@app.command()
def run(
    home: Home = None,
    day: Annotated[
        datetime | None,
        typer.Option("--date", formats=DAY_FORMATS, help="Build this day again even if it is up to date"),
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=DAY_FORMATS, help="First of several such days")
    ] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=DAY_FORMATS, help="Last of them")] = None,
    no_pull: NoPull = False,
) -> None:
    """Pull, ingest, build every day that is stale, publish, write the report."""
    with checking():
        if (day and (first or last)) or bool(first) != bool(last):
            raise SmmError("SMM-501", "expected --date, or both --from and --to, or none of them")
        if first and last and first > last:
            raise SmmError("SMM-501", f"the first day {_day(first)} is after the last day {_day(last)}")
    _run(_load_to_ingest(home), _day(day or first), _day(day or last), closing=False, is_pulling=not no_pull)


@app.command()
def status(home: Home = None) -> None:
    """Show feeds, refused deliveries, days that wait to be built, checks not passed, and the last publication."""
    data = instance.status(load_settings(home), load_catalog())
    emit(data, texts.status_text(data))


@app.command()
def doctor(home: Home = None) -> None:
    """Examine settings, key, disk, feeds, mappings and databases; say what to do."""
    findings = examine.doctor(home)
    emit(examine.as_dicts(findings), texts.doctor_text(findings))
    if any(f.status == "problem" for f in findings):
        raise typer.Exit(EXIT_ERROR)


@app.command()
def publish(home: Home = None) -> None:
    """Publish the tables as they are and write the report."""
    from smm_pipeline import pipeline

    publication, report = pipeline.publish_only(load_settings(home), load_catalog())
    emit(
        {"serving_file": publication.path, "build_id": publication.build_id, "report": report},
        f"published {publication.path} (build {publication.build_id})\nreport: {report}",
    )


@app.command()
def ui(
    home: Home = None,
    port: Annotated[int, typer.Option(min=1024, max=65535)] = 3000,
    read_only: Annotated[bool, typer.Option("--read-only", help="For viewers: nothing can be launched")] = False,
) -> None:
    """Open the Dagster UI on this machine: runs, lineage, checks, schedule."""
    from smm_pipeline.orchestration.instance import start_ui

    start_ui(load_settings(home), port, read_only=read_only)


@app.command()
def classify(
    file: Annotated[Path, typer.Argument(help="CSV with page_location, page_referrer, utm_source, utm_medium ...")],
    own_host: Annotated[list[str] | None, typer.Option("--own-host", help="A host of the shop")] = None,
    exclude_referrer: Annotated[
        list[str] | None, typer.Option("--exclude-referrer", help="A referrer that is never a source")
    ] = None,
    home: Annotated[
        Path | None, typer.Option("--home", metavar="FOLDER", help="Use the hosts and channels of this instance too")
    ] = None,
) -> None:
    """Say for each visit of a list which channel it is and which rule decided; CSV to standard output."""
    from smm_pipeline.classify import NO_CHANNELS, classify_visits

    settings = load_settings(home) if home else None
    shop = settings.shop if settings else None
    classify_visits(
        file,
        own_hosts=[*(own_host or []), *(shop.own_hosts if shop else [])],
        excluded_referrers=[*(exclude_referrer or []), *(shop.payment_hosts if shop else [])],
        channels=settings.channels if settings else NO_CHANNELS,
        catalog=load_catalog(),
        out=sys.stdout,
    )


@app.command()
def attribute(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="PATHS.csv",
            help='CSV with path (channels joined by " > "), conversions, and if known value and nulls',
        ),
    ],
    model: Annotated[
        list[Model] | None, typer.Option("--model", help="Only this model; may be repeated [default: all]")
    ] = None,
    direct: Annotated[
        list[str] | None, typer.Option("--direct", help="A channel that last_non_direct passes over [default: Direct]")
    ] = None,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Add what chance allows: 95 % of 1,000 draws of the paths")
    ] = False,
) -> None:
    """Share conversions out to channels by eight models; tables on a terminal, CSV in a pipe.

    A path table has no times: time_decay (half-life 7 days) counts each step back as one day. docs/attribution.md says
    what each model means.
    """
    models = list(dict.fromkeys(model or ALL_MODELS))
    found = attribution.attribute_file(file, models, direct or [DIRECT], with_intervals=intervals)
    if mode.as_json:
        emit(attribution.as_dict(found), "")
        return
    if out.is_terminal:
        out.print(attribution.to_rich(found, out.width))
    else:
        attribution.write_csv(found, sys.stdout)
    for note in found.notes:
        err.print(f"note: {note}", markup=False)


@app.command()
def version() -> None:
    """Print the version."""
    emit({"version": __version__}, __version__)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


def _tell_loaded(summary: RunSummary) -> None:
    """Print what was pulled and loaded, and leave with the exit code it deserves."""
    emit(texts.ingest_dict(summary), texts.deliveries_text(summary))
    if summary.is_incomplete:
        raise typer.Exit(EXIT_REFUSED)


def _run(settings: Settings, first: date | None, last: date | None, *, closing: bool, is_pulling: bool = True) -> None:
    """Run the pipeline, print what came of it and leave with the exit code it deserves."""
    from smm_pipeline import pipeline
    from smm_pipeline.reporting.summary import summarize

    with progress() as show:
        summary = pipeline.run(settings, load_catalog(), first=first, last=last, progress=show, is_pulling=is_pulling)
    data: dict[str, Any] = texts.run_dict(summary)
    if closing and summary.publication:
        figures = summarize(summary.publication.path)
        data["summary"] = figures.as_dict()
        emit(data, texts.run_text(summary))
        texts.print_figures(figures, settings)
    else:
        emit(data, texts.run_text(summary))
    if summary.failed or summary.silent:
        raise typer.Exit(EXIT_AUDIT)
    if summary.is_incomplete:
        raise typer.Exit(EXIT_REFUSED)


def main() -> None:
    """Entry point of the console script."""
    end_quietly()
    show_warnings()
    arguments = sys.argv[1:]
    try:
        code = app(arguments, prog_name=PROGRAM, standalone_mode=False)
        if code == EXIT_INTERRUPTED:
            raise KeyboardInterrupt
        sys.exit(code)
    except typer.TyperException as error:
        fail(usage_error(error, arguments), EXIT_USAGE)
    except SystemExit:
        raise
    except BaseException as error:  # noqa: BLE001 - the last handler: nobody meets a bare traceback
        fail(error)
