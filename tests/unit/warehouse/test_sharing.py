"""The copy for people outside the shop: figures of fewer than five persons are merged, or hidden, and sums stay."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest

from smm_pipeline.catalog import load_catalog
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import PROJECT_ROOT
from smm_pipeline.warehouse.sharing import few_merged, share, shared_tables
from tests.commands import smm
from tests.project_catalog import project_catalog
from tests.serving_fixture import publish_rows

CATALOG = project_catalog()
COUNTS_OF_PERSONS = {"customers", "new_customers", "visitors", "buyers", "attended", "buying_members"}


def _cell(day: str, community: str, customers: int, orders: int, net: int, margin: int | None = 1) -> dict[str, Any]:
    row = {"date_local": day, "network": "vk", "community_id": community, "benefit_class": "anyway", "currency": "UAH"}
    counts = {"customers": customers, "orders": orders, "orders_without_amount": 0}
    return {**row, **counts, "net_revenue_amount": net, "margin_amount": margin}


ROWS = [
    # Seven stay; two and none are few, and five are merged with them, or the two could be had by subtraction.
    _cell("2026-03-01", "large", 7, 8, 80),
    _cell("2026-03-01", "few", 2, 2, 20, None),
    _cell("2026-03-01", "next", 5, 6, 60),
    _cell("2026-03-01", "refund", 0, 0, -5),
    # Nobody to merge with.
    _cell("2026-03-02", "few", 3, 3, 30),
    # Nothing to merge; one customer with six orders is one person.
    _cell("2026-03-03", "large", 6, 6, 60),
    _cell("2026-03-04", "one", 1, 6, 60),
    _cell("2026-03-04", "tie_a", 4, 4, 40),
    _cell("2026-03-04", "tie_b", 6, 6, 60),
    _cell("2026-03-04", "tie_c", 6, 6, 60),
]
VOICE = {"date_local": "2026-03-01", "brand": "Kozak", "is_own": True, "mentions": 1}


def test_few_are_merged_and_sums_stay(tmp_path: Path) -> None:
    home = tmp_path / "instance"
    smm(home, "init")
    assert "SMM-305" in smm(home, "share").stderr
    settings = publish_rows(home, {"kpi_daily_benefit": ROWS, "kpi_daily_share_of_voice": [VOICE]})
    target = tmp_path / "out" / "for others.duckdb"
    done = smm(home, "share", "--out", str(target))
    assert done.returncode == 0, done.stderr
    with duckdb.connect(str(target), read_only=True) as con:
        cells = con.execute(
            "select cast(date_local as varchar), network, community_id, customers, orders, "
            "cast(net_revenue_amount as integer), cast(margin_amount as integer), currency "
            "from kpi.kpi_daily_benefit order by 1, 3"
        ).fetchall()
        tables = {row[0] for row in con.execute("select table_name from duckdb_tables()").fetchall()}
        comment = con.execute("select comment from duckdb_columns() where column_name = 'net_revenue_upper_amount'")
        said = comment.fetchone()
        about = con.execute("select comment from duckdb_tables() where table_name = 'kpi_daily_benefit'").fetchone()
    assert cells == [
        ("2026-03-01", "(few)", "(few)", None, 8, 75, None, "UAH"),
        ("2026-03-01", "vk", "large", 7, 8, 80, 1, "UAH"),
        ("2026-03-02", "(few)", "(few)", None, None, None, None, "UAH"),
        ("2026-03-03", "vk", "large", 6, 6, 60, 1, "UAH"),
        # One and four are five: the next larger ones may stay.
        ("2026-03-04", "(few)", "(few)", None, 10, 100, 2, "UAH"),
        ("2026-03-04", "vk", "tie_b", 6, 6, 60, 1, "UAH"),
        ("2026-03-04", "vk", "tie_c", 6, 6, 60, 1, "UAH"),
    ]
    assert {"kpi_daily_benefit", "kpi_daily_share_of_voice", "metric_dictionary"} <= tables
    # Credit by order and day is about single persons, and nothing says how to merge it.
    assert not tables & {"kpi_daily_attribution", "kpi_post_performance", "_publication"}
    assert said is not None
    assert said[0].startswith("Net revenue, upper bound: ")
    assert about is not None
    assert about[0].endswith(" Grain: one row per day, community and benefit class.")
    with pytest.raises(SmmError) as caught:
        share(settings.serving_file, settings.serving_file, CATALOG)
    assert caught.value.code == "SMM-107"


TRAFFIC = {
    "date_local": "2026-03-01",
    "network": "vk",
    "community_id": "c",
    "currency": "UAH",
    "visitors": 8,
    "sessions": 12,
    "orders_without_amount": 0,
}
MENTIONS = {"date_local": "2026-03-01", "brand": "Kozak", "mentions": 3}
SEGMENT = {"month_start_date": "2026-03-01", "dimension": "city", "currency": "UAH", "members": 100}
MANY = {**SEGMENT, "orders": 30, "customers": 20, "net_revenue_amount": 300}


def test_a_file_in_place_of_a_folder_is_told_of(tmp_path: Path) -> None:
    """Taking away what was begun is refused there too, and does not stand before the reason."""
    home = tmp_path / "instance"
    smm(home, "init")
    settings = publish_rows(home, {"kpi_daily_benefit": ROWS})
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(SmmError, match=r"SMM-107: the copy cannot be written: .*file"):
        share(settings.serving_file, tmp_path / "file" / "x.duckdb", CATALOG)


def test_a_copy_that_breaks_off_leaves_nothing_behind(tmp_path: Path) -> None:
    """The target is a folder: the copy is whole and cannot be put there."""
    home = tmp_path / "instance"
    smm(home, "init")
    settings = publish_rows(home, {"kpi_daily_benefit": ROWS})
    (tmp_path / "out" / "x.duckdb" / "inner").mkdir(parents=True)
    with pytest.raises(SmmError, match="SMM-107"):
        share(settings.serving_file, tmp_path / "out" / "x.duckdb", CATALOG)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["x.duckdb"]


def test_what_few_of_many_did_is_left_out(tmp_path: Path) -> None:
    """Eight visitors, one of whom bought for 2568.00: nobody outside learns what she paid."""
    home = tmp_path / "instance"
    smm(home, "init")
    rows = {
        "kpi_daily_social_traffic": [
            {**TRAFFIC, "landing_section": "one", "orders": 1, "net_revenue_amount": 2568},
            {**TRAFFIC, "landing_section": "five", "orders": 5, "net_revenue_amount": 500},
            # Of eight orders all but three buyers' had no amount.
            {
                **TRAFFIC,
                "landing_section": "three",
                "orders": 8,
                "orders_without_amount": 5,
                "net_revenue_amount": 30,
            },
            {**TRAFFIC, "landing_section": "none", "orders": 0, "net_revenue_amount": 0},
        ],
        "kpi_daily_media_interest": [
            {**MENTIONS, "author_class": "media", "linked_sessions": 4, "linked_orders": 0},
            {**MENTIONS, "author_class": "user", "linked_sessions": 50, "linked_orders": 4},
            {**MENTIONS, "author_class": "blogger", "linked_sessions": 5, "linked_orders": 5},
        ],
        "kpi_segment_benefit": [
            {**SEGMENT, "segment": "(few)", "orders": 2, "customers": None, "net_revenue_amount": 55},
            {**SEGMENT, "segment": "Kyiv", "orders": 6, "customers": 5, "net_revenue_amount": 60},
            # How many of them were a benefit, another dimension could tell of three.
            {**MANY, "segment": "Lviv", "benefit_orders": 15, "benefit_net_revenue_amount": 150},
        ],
    }
    publish_rows(home, rows)
    target = tmp_path / "copy.duckdb"
    assert smm(home, "share", "--out", str(target)).returncode == 0
    with duckdb.connect(str(target), read_only=True) as con:
        traffic = con.execute(
            "select landing_section, sessions, orders, cast(net_revenue_amount as integer) "
            "from kpi.kpi_daily_social_traffic order by 1"
        ).fetchall()
        media = con.execute(
            "select author_class, mentions, linked_sessions, linked_orders from kpi.kpi_daily_media_interest order by 1"
        ).fetchall()
        segments = con.execute(
            "select segment, members, orders, cast(net_revenue_amount as integer) "
            "from kpi.kpi_segment_benefit where segment <= 'Kyiv' order by 1"
        ).fetchall()
        benefits = con.execute(
            "select segment, orders, benefit_orders, benefit_net_revenue_amount, new_customers "
            "from kpi.kpi_segment_benefit where segment > 'Kyiv' order by 1"
        ).fetchall()
    # Of eight orders in twelve visits the rest is four visits without one.
    assert traffic == [("five", 12, 5, 500), ("none", 12, 0, 0), ("one", 12, None, None), ("three", 12, None, None)]
    assert media == [("blogger", 3, 5, 5), ("media", 3, None, None), ("user", 3, 50, None)]
    assert segments == [("(few)", 100, None, None), ("Kyiv", 100, 6, 60)]
    assert benefits == [("Lviv", 30, None, None, None)]


def test_no_money_of_buyers_is_without_a_count_of_them() -> None:
    """Where a row's persons are no buyers, what was bought stands under what counts the buyers."""
    for spec in shared_tables(CATALOG):
        covered = {*spec.unshared, *(name for columns in spec.parts.values() for name in columns)}
        money = {column.name for column in spec.columns if column.name.endswith("revenue_amount")}
        assert money <= covered or "customers" in (spec.persons or ()), spec.name


def test_of_two_equals_one_is_taken_by_its_key() -> None:
    """Two of three are not enough: of two rows of five the first by key joins them, on every run the same."""
    spec = CATALOG["kpi.kpi_daily_benefit"]
    rows = [_cell("2026-03-01", c, n, n, n) for c, n in (("b", 5), ("a", 5), ("few", 3))]
    with duckdb.connect() as con:
        columns = ", ".join(f"{c.name} {c.type}" for c in spec.columns)
        con.execute(f"create table cell ({columns})")
        for row in rows:
            con.execute(f"insert into cell ({', '.join(row)}) values ({', '.join('?' * len(row))})", [*row.values()])
        query = f"select community_id, cast(net_revenue_amount as integer) from ({few_merged(spec, 'cell')})"
        assert con.execute(query).fetchall() == [("(few)", 8), ("b", 5)]
        con.execute("delete from cell")
        assert con.execute(query).fetchall() == []


def test_a_table_about_persons_says_how_many() -> None:
    """Segments are merged by their own SQL, over the month, before they are published."""
    silent = [
        spec.name
        for spec in shared_tables(CATALOG)
        if not spec.persons and {c.name for c in spec.columns} & COUNTS_OF_PERSONS
    ]
    assert silent == ["kpi_segment_benefit"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("persons: []\nunshared: [reached]", "unknown columns in persons, parts or unshared: ['reached']"),
        ("persons: []\nparts: {mentions - posts: [reach]}", "unknown columns in persons, parts or unshared: ['posts']"),
        ("persons: []\nunshared: [brand]", "unshared names what is of the key or under parts: ['brand']"),
        ("persons: []\nparts: {mentions: [reach]}\nunshared: [reach]", "of the key or under parts: ['reach']"),
        ("unshared: [reach]", "a table without persons is not in"),
    ],
)
def test_a_wrong_word_about_the_copy_is_told(tmp_path: Path, line: str, said: str) -> None:
    for folder in ("sql", "expectations"):
        shutil.copytree(PROJECT_ROOT / folder, tmp_path / folder)
    table = tmp_path / "sql" / "kpi" / "kpi_daily_share_of_voice.yml"
    table.write_text(table.read_text(encoding="utf-8").replace("persons: []", line), encoding="utf-8")
    with pytest.raises(SmmError, match="SMM-105") as caught:
        load_catalog(tmp_path)
    assert said in str(caught.value)
