"""Contract: the metric dictionary explains every published KPI column, and nothing else."""

from __future__ import annotations

import csv

from tests.project_catalog import project_catalog

CATALOG = project_catalog()
DICTIONARY = CATALOG["seeds.metric_dictionary"]
BASES = {"observed", "credited", "estimated", "dimension"}


def rows() -> list[dict[str, str]]:
    with DICTIONARY.path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_published_kpi_column_has_exactly_one_row_and_every_row_a_column() -> None:
    published = [(t.name, c.name) for t in CATALOG.layer("kpi") if t.publish for c in t.columns]
    assert sorted((r["table_name"], r["column_name"]) for r in rows()) == sorted(published)


def test_every_row_says_what_it_is() -> None:
    for row in rows():
        name = f"{row['table_name']}.{row['column_name']}"
        assert row["basis"] in BASES, name
        assert row["label_en"], name
        assert row["formula"], name
        assert row["grain"], name
        assert int(row["version"]) >= 1, name


def test_every_share_and_rate_names_its_denominator() -> None:
    for row in rows():
        is_rate = row["column_name"].endswith(("_share", "_per_session")) or row["column_name"].startswith("er_")
        assert bool(row["denominator"]) or not is_rate, f"{row['table_name']}.{row['column_name']}"


def test_the_file_has_the_columns_of_its_description() -> None:
    assert list(rows()[0]) == [column.name for column in DICTIONARY.columns]
