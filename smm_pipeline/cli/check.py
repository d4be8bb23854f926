"""What `smm check` says of a file.

Belongs here: under which feed a file is tried, and the outcome as data and as text. Does not belong here: the trial
itself (ingest/trial.py).
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from smm_pipeline.catalog import Catalog
from smm_pipeline.cli.rejects import reading_of, reject_dict, text_of
from smm_pipeline.cli.texts import delivery_dict, equations, reason_lines, totals
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.mapping import Mapping
from smm_pipeline.ingest import Trial, try_file
from smm_pipeline.pipeline import is_emptied
from smm_pipeline.settings import Feed, Settings
from smm_pipeline.warehouse.outcomes import split

SHOWN = 5


def choose_feed(
    settings: Settings,
    file: Path,
    feed: str | None,
    vendor: str | None,
    mapping: str | None,
    constants: Sequence[str] = (),
) -> tuple[Settings, str]:
    """The feed under which a file is tried, and the settings with it: a feed, or a vendor or mapping without one.

    Args:
        settings: of the instance.
        file: the file.
        feed: name of a feed.
        vendor: name of a shipped mapping, instead.
        mapping: a mapping of the instance, instead.
        constants: NAME=VALUE each, which a feed of the vendor or mapping would have.

    Raises:
        SmmError: SMM-501 unless one of them is named, or the file lies in a feed's folder, and for a constant that is
            none; SMM-206 for an unknown feed; SMM-209 for a file that is not there.
    """
    parted = [text.partition("=") for text in constants]
    if constants and (feed or not (vendor or mapping) or not all(name and sign for name, sign, _ in parted)):
        raise SmmError("SMM-501", "expected --constant NAME=VALUE, beside --vendor or --mapping")
    named = [name for name in (feed, vendor, mapping) if name]
    inside = [name for name in settings.feeds if file.is_relative_to(settings.landing / name)]
    if not named and inside:
        return settings, inside[0]
    if not named and not os.path.lexists(file):
        raise SmmError("SMM-209", "there is no such file", where=str(file))
    if len(named) != 1:
        raise SmmError("SMM-501", "expected one of --feed, --vendor and --mapping", hint="smm feeds lists the feeds")
    if feed:
        if feed not in settings.feeds:
            hint = f"feeds are: {', '.join(settings.feeds) or 'none'}; without one: --vendor or --mapping"
            raise SmmError("SMM-206", f"there is no feed {feed!r}", hint=hint)
        return settings, feed
    try:
        trial = Feed(vendor=vendor or "", mapping=mapping or "", constants={name: value for name, _, value in parted})
    except ValidationError as error:
        hint = "copy it into the instance folder, and name it relative to that"
        raise SmmError("SMM-501", f"{mapping!r} is no mapping inside the instance", hint=hint) from error
    name = vendor or Path(str(mapping)).stem
    return settings.model_copy(update={"feeds": {**settings.feeds, name: trial}}), name


def check_file(settings: Settings, catalog: Catalog, feed: str, file: Path) -> tuple[dict[str, Any], str, bool]:
    """What an ingest would make of a file, as data and as text, and whether it would take it."""
    trial = try_file(settings, catalog, feed, file, shown=SHOWN)
    rejects, skips = split(trial.reasons)
    reading = reading_of(settings, catalog, feed)
    shown = [{**reject_dict(r, reading), "record": text_of(r, reading)} for r in trial.rejects]
    names = _missing_constants(trial, reading.mapping)
    is_good = trial.result.error is None and not is_emptied(trial.result, trial.reasons)
    data = {
        **delivery_dict(trial.result),
        "known_as": trial.known_as or None,
        "holds_at": trial.holds_at.isoformat() if trial.holds_at else None,
        "reject_reasons": rejects,
        "skip_reasons": skips,
        "first_rejects": shown,
        "missing_constants": names,
    }
    lines = [_text(trial, shown)]
    if names:
        lines.append(
            f"what is missing may be a constant: constants = {{ {names[0]} = ... }} in the feed of smm.toml, "
            f"--constant {names[0]}=... here" + (f"; so may {', '.join(names[1:])}" if names[1:] else "")
        )
    return data, "\n".join(lines), is_good


def _missing_constants(trial: Trial, mapping: Mapping | None) -> list[str]:
    """Constants that the mapping takes and that would fill a column which rejected rows lack."""
    found = []
    for reject in trial.rejects:
        rule = mapping.tables.get(reject.table.removeprefix("raw.")) if mapping else None
        for kind, _, column in (reason.partition(":") for reason in reject.reasons):
            if rule and kind == "missing":
                expr = rule.columns[column].expr if column in rule.columns else f"constant('{column}')"
                found += re.findall(r"constant\('(\w+)'\)", mapping.let.get(expr, expr) if mapping else "")
    return list(dict.fromkeys(found))


def _text(trial: Trial, shown: list[dict[str, Any]]) -> str:
    result = trial.result
    lines = [f"{result.file_path} as a delivery of {result.feed}; nothing was written"]
    if trial.known_as:
        outcome = (
            f"add no rows, and let their values hold at {trial.holds_at:%Y-%m-%d %H:%M} UTC too, the time in its name"
            if trial.holds_at
            else "change nothing"
        )
        lines.append(f"its very bytes are loaded already, as {trial.known_as}: an ingest would {outcome}")
    if result.error:
        lines.append(f"it would be refused:\n{result.error}")
    told = equations(totals([result], trial.reasons))
    lines += told if told or result.error or trial.known_as else ["  0 records: there is nothing in it"]
    for table, n in result.counts.items():
        fates = (
            f"{n.loaded:,} loaded + {n.duplicate:,} duplicate + {n.superseded:,} superseded + {n.rejected:,} rejected"
        )
        lines += [f"  {table.removeprefix('raw.')}: {n.rows_in:,} = {fates}"] if table.startswith("raw.") else []
    lines += reason_lines(trial.reasons)
    lines += [f"note: {warning}" for warning in result.warnings]
    lines += [f"{r['unit']} {r['row']}, {r['table']}: {' '.join(r['reasons'])}\n  {r['record']}" for r in shown]
    if is_emptied(result, trial.reasons):
        lines.append("no record of it would be loaded whole: each has a reject")
    return "\n".join(lines)
