"""Runs visits through the classifier as a user would: a CSV in, a CSV out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from smm_pipeline.catalog import Catalog
from smm_pipeline.channel_settings import Channels
from smm_pipeline.classify import NO_CHANNELS, classify_visits
from tests.project_catalog import project_catalog

OWN_HOSTS = ("shop.example",)


@cache
def catalog() -> Catalog:
    return project_catalog()


def classify_file(
    path: Path,
    *,
    own_hosts: Iterable[str] = OWN_HOSTS,
    excluded_referrers: Iterable[str] = (),
    channels: Channels = NO_CHANNELS,
) -> list[dict[str, str]]:
    out = io.StringIO()
    classify_visits(
        path,
        own_hosts=own_hosts,
        excluded_referrers=excluded_referrers,
        channels=channels,
        catalog=catalog(),
        out=out,
    )
    return list(csv.DictReader(io.StringIO(out.getvalue())))


def classify(
    folder: Path,
    visits: Iterable[Mapping[str, str]],
    *,
    own_hosts: Iterable[str] = OWN_HOSTS,
    channels: Channels = NO_CHANNELS,
) -> list[dict[str, str]]:
    visits = list(visits)
    path = folder / "visits.csv"
    names = sorted({name for visit in visits for name in visit})
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(visits)
    return classify_file(path, own_hosts=own_hosts, channels=channels)


def from_referrers(folder: Path, referrers: Iterable[str]) -> list[dict[str, str]]:
    """Untagged visits of the shop's front page from these addresses."""
    return classify(folder, [{"page_location": "https://shop.example/", "page_referrer": r} for r in referrers])
