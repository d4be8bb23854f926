"""Contract: the metric dictionary explains every published column in three languages, and nothing else."""

from __future__ import annotations

import csv

from smm_pipeline.catalog import TableSpec
from smm_pipeline.warehouse.books import BOOKS
from smm_pipeline.warehouse.completeness import COMPLETENESS
from smm_pipeline.warehouse.publish import PUBLICATION
from tests.project_catalog import project_catalog

CATALOG = project_catalog()
DICTIONARY = CATALOG["seeds.metric_dictionary"]
LABELS = CATALOG["seeds.metric_label"]
BASES = {"observed", "credited", "estimated", "dimension"}
BOOKS_OF_THE_ENGINE = [*BOOKS, COMPLETENESS, PUBLICATION]


def rows(seed: TableSpec = DICTIONARY) -> list[dict[str, str]]:
    with seed.path.with_suffix(".csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_published_column_has_exactly_one_row_and_every_row_a_column() -> None:
    tables = [*(spec for spec in CATALOG if spec.publish), *BOOKS_OF_THE_ENGINE]
    published = [(t.name, c.name) for t in tables for c in t.columns]
    assert sorted((r["table_name"], r["column_name"]) for r in rows()) == sorted(published)


def test_every_label_is_translated_and_every_translation_is_used() -> None:
    """A new label needs a row in sql/seeds/metric_label.csv: English, Ukrainian, Russian."""
    labels = rows(LABELS)
    assert {row["label_en"] for row in labels} == {row["label_en"] for row in rows()}
    assert not [row for row in labels if not (row["label_uk"] and row["label_ru"])]
    # A label that was copied without being translated; the same in both languages it may well be.
    assert not [row for row in labels if row["label_en"] in (row["label_uk"], row["label_ru"])]


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
