"""What `smm attribute` says of a path table.

Belongs here: notes, and the models' results as data, as CSV and as tables for a terminal. Does not belong here: the
models (smm_pipeline/attribution).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from smm_pipeline.attribution import (
    ChannelCounts,
    Credit,
    JourneyFigures,
    Model,
    PathTable,
    attribute,
    channel_counts,
    journey_figures,
    read_path_table,
)
from smm_pipeline.attribution.models import FEW_CONVERSIONS
from smm_pipeline.csv_table import harmless
from smm_pipeline.reporting.wording import UNKNOWN, counted

COLUMNS = ("model", "channel", "conversions", "value", "removal_effect", "too_few_paths")
INTERVAL_COLUMNS = ("conversions_low", "conversions_high", "value_low", "value_high")
# Hides the noise of floating point, and no figure: results hold to nine decimals.
DECIMALS = 12
_CHANNEL_WIDTH = 18


@dataclass(frozen=True)
class Attribution:
    """All that the command has to say."""

    credits: list[Credit]
    channels: list[ChannelCounts]
    journeys: JourneyFigures
    notes: list[str]


def attribute_file(file: Path, models: Sequence[Model], direct: Sequence[str], *, with_intervals: bool) -> Attribution:
    """Run models over a path table."""
    table = read_path_table(file)
    credited = attribute(table.paths, models, direct=direct, with_intervals=with_intervals)
    journeys = journey_figures(table.paths)
    few = [credit.channel for credit in credited if credit.has_too_few_paths and credit.model is models[0]]
    return Attribution(
        credited, channel_counts(table.paths), journeys, list(_notes(table, journeys, models, direct, few))
    )


def _notes(
    table: PathTable, journeys: JourneyFigures, models: Sequence[Model], direct: Sequence[str], few: Sequence[str]
) -> list[str]:
    """What a reader must know of these results, each only where it is so."""
    notes = []
    if table.unread:
        notes.append(f"not read: {', '.join(table.unread)}")
    if table.paths.repeats:
        notes.append(f"{counted(table.paths.repeats, 'repeated path')} added to the first of its kind")
    if not journeys.conversions:
        notes.append("no path has a conversion: there is nothing to share out, and no removal effect")
    elif not journeys.nulls and Model.MARKOV in models:
        why = "all are 0 in the column nulls" if table.has_nulls else "there is no column nulls"
        notes.append(
            f"markov knows no path without a conversion ({why}): what tells channels that convert from those that only "
            "stand by is missing, and removal effects are large"
        )
    if Model.TIME_DECAY in models and table.paths.ages_days is None:
        notes.append("time_decay: a path table has no times, so each step back counts as one day")
    if Model.LAST_NON_DIRECT in models and not _names(direct) & _names(table.paths.channels):
        notes.append(f"last_non_direct is last: no channel is named {' or '.join(direct)} (--direct names it)")
    if few:
        notes.append(
            f"too few paths: fewer than {FEW_CONVERSIONS} conversions have {', '.join(few)} on their path; "
            "do not decide by these figures"
        )
    return notes


def _names(channels: Sequence[str]) -> set[str]:
    return {channel.casefold() for channel in channels}


def as_dict(found: Attribution) -> dict[str, Any]:
    """Everything for --json: numbers as numbers, amounts as text so that no cent is lost."""
    return {
        "credits": [dict(zip(_columns(found), row, strict=True)) for row in _rows(found)],
        "channels": [asdict(counts) for counts in found.channels],
        "journeys": asdict(found.journeys),
        "notes": found.notes,
    }


def write_csv(found: Attribution, stream: TextIO) -> None:
    """Credits as CSV: one row per model and channel; unknown is empty, and no name is a formula to a spreadsheet."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(_columns(found))
    writer.writerows([_cell(value) for value in row] for row in _rows(found))


def _columns(found: Attribution) -> tuple[str, ...]:
    return COLUMNS + INTERVAL_COLUMNS if found.credits[0].conversions_interval else COLUMNS


def _rows(found: Attribution) -> list[list[Any]]:
    return [
        [
            str(credit.model),
            credit.channel,
            round(credit.conversions, DECIMALS),
            credit.value,
            None if credit.removal_effect is None else round(credit.removal_effect, DECIMALS),
            credit.has_too_few_paths,
            *(round(bound, DECIMALS) for bound in credit.conversions_interval or ()),
            *((credit.value_interval or (None, None)) if credit.conversions_interval else ()),
        ]
        for credit in found.credits
    ]


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return harmless(value) if isinstance(value, str) else value


def to_rich(found: Attribution, width: int) -> Group:
    """Models side by side for a terminal: conversions, value where it is known, and what channels did on the paths.

    As many as the width has room for stand in one table, so that no figure is cut off.
    """
    blocks = _side_by_side(found, "Conversions", width)
    if found.journeys.value is not None:
        blocks += _side_by_side(found, "Value", width)
    return Group(*blocks, _journey_table(found), Text(_journey_line(found.journeys)))


def _side_by_side(found: Attribution, title: str, width: int) -> list[Table]:
    models = list(dict.fromkeys(credit.model for credit in found.credits))
    cells = {
        (credit.model, credit.channel): (
            _with_range(credit.conversions, credit.conversions_interval)
            if title == "Conversions"
            else _with_range(credit.value, credit.value_interval)
        )
        for credit in found.credits
    }
    # A column has a blank and a line's room on both sides; names of channels and models may break.
    widest = max((len(line) for cell in cells.values() for line in cell.splitlines()), default=0) + 3
    together = max(1, (width - _CHANNEL_WIDTH) // widest)
    tables = []
    for first in range(0, len(models), together):
        part = models[first : first + together]
        # Words apart, so that a narrow terminal breaks names and not figures.
        table = _table(title, ["channel", *(model.replace("_", " ") for model in part)])
        for counts in found.channels:
            table.add_row(Text(counts.channel), *(cells[model, counts.channel] for model in part))
        tables.append(table)
    return tables


def _journey_table(found: Attribution) -> Table:
    effects = {credit.channel: credit.removal_effect for credit in found.credits if credit.model is Model.MARKOV}
    few = {credit.channel for credit in found.credits if credit.has_too_few_paths}
    table = _table("Channels", ["channel", "on the path", "last", "assisted", "assisted / last", "removal effect", ""])
    for c in found.channels:
        ratio, effect = c.assisted_to_last_ratio, effects.get(c.channel)
        table.add_row(
            Text(c.channel),
            f"{c.touched_conversions:,}",
            f"{c.last_conversions:,}",
            f"{c.assisted_conversions:,}",
            UNKNOWN if ratio is None else f"{ratio:.2f}",
            UNKNOWN if effect is None else f"{effect:.3f}",
            "too few paths" if c.channel in few else "",
        )
    return table


def _journey_line(journeys: JourneyFigures) -> str:
    value = "" if journeys.value is None else f" worth {journeys.value:,.2f}"
    line = f"{counted(journeys.conversions, 'conversion')}{value}, {counted(journeys.nulls, 'path')} without"
    if journeys.median_length is None or journeys.p90_length is None:
        return line
    half = counted(round(journeys.median_length), "touch", "touches")
    return f"{line}; half of the conversions after at most {half}, nine of ten after at most {journeys.p90_length:.0f}"


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold cyan", box=box.SIMPLE)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    return table


def _with_range(figure: float | Decimal | None, bounds: tuple[float, float] | tuple[Decimal, Decimal] | None) -> str:
    shown = UNKNOWN if figure is None else f"{figure:,.2f}"
    return f"{shown}\n{bounds[0]:,.2f} to {bounds[1]:,.2f}" if bounds else shown
