"""Which days of a KPI table are complete, worked out by hand for feeds that fall silent in every way.

February 20 to March 20. `press` gives every day but March 11 and 12. So does `news` but for March 9, and a file
without records came in the night after. `blogs` and `club` give two days out of three from March 1 on; `blogs` last on
the 17th, `club` last on the 11th. `guests` comes now and then, `old` was given up after March 5. `begun` gives every
day from March 3 on but the 9th and 10th, `quiet` but the 7th; `weekend` gives nothing on Saturdays and Sundays. `few`
and `many` give every day but March 18, with two records a day and fifty. `visits` came in files every three days, the
last of them on March 3, with records now and then.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Literal

import duckdb
import pytest

from smm_pipeline.catalog import Catalog, ColumnSpec, TableSpec
from smm_pipeline.settings import Feed, Settings, Shop
from smm_pipeline.warehouse.completeness import completeness_sql, lineage
from tests.project_catalog import project_catalog

# Days of March; 0 and less are the last of February.
TWO_OF_THREE = [1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17]
GIVEN = {
    "press": [n for n in range(-8, 21) if n not in (11, 12)],
    "news": [n for n in range(-8, 21) if n != 9],
    "blogs": TWO_OF_THREE,
    "club": TWO_OF_THREE[:8],
    "guests": [2, 19],
    "old": [1, 2, 3, 4, 5],
    "begun": [n for n in range(3, 21) if n not in (9, 10)],
    "quiet": [n for n in range(3, 21) if n != 7],
    "weekend": [n for n in range(-8, 21) if n % 7 not in (0, 1)],
    "few": [n for n in range(1, 21) if n != 18],
    "many": [n for n in range(1, 21) if n != 18],
    "visits": [-8, 2],
}
ROWS_OF_A_DAY = {"few": 2, "many": 50}
FILLS = {
    "club": "community_day",
    "guests": "member_activity",
    "begun": "shop_order",
    "quiet": "shop_order",
    "weekend": "shop_order",
    "few": "search_position_day",
    "many": "survey_answer",
    "visits": "community_message",
}
BOOKS = """
create schema core;
create schema kpi;
create schema meta;
create table core.fct_feed_day (feed varchar, date_local date);
create table core.fct_feed_arrival (feed varchar, date_local date, given_rows bigint);
create table kpi.data_quality (date_local date, subject varchar, metric varchar);
create table meta.delivery (feed varchar, delivery_id varchar, extracted_ts timestamptz);
create table meta.delivery_count (feed varchar, delivery_id varchar, table_name varchar, rows_in bigint);
-- Half past midnight on March 10 in Kyiv.
insert into meta.delivery values ('news', 'empty', timestamptz '2026-03-09 22:30:00+00');
insert into meta.delivery_count values ('news', 'empty', '(records)', 0);
-- Every three days, the last one on March 3.
insert into meta.delivery
select 'visits', 'v' || n, timestamptz '2026-03-03 08:00:00+00' - n * interval 3 day from range(5) as r (n);
-- A feed that brought nothing of a contract is not missed there.
insert into meta.delivery_count values ('press', 'a', 'raw.community_day', 0);
"""


def _table(layer: Literal["raw", "core", "kpi"], name: str, *sources: str, partition: str | None = "day") -> TableSpec:
    """A table with days, made from others."""
    sql = " union all ".join(f"select day from {source}" for source in sources) or None
    columns = (ColumnSpec("day", "DATE", "Day"),)
    is_kpi = layer == "kpi"
    return TableSpec(layer, name, name, "day", ("day",), columns, partition=partition, sql=sql, publish=is_kpi)


_TABLES = (
    *(_table("raw", name) for name in ("mention", "community_day", "member_activity", "smm_cost", "shop_order")),
    *(_table("raw", name) for name in ("search_position_day", "survey_answer", "community_message")),
    _table("raw", "community", partition=None),
    _table("core", "fct_member", "raw.community_day", "raw.member_activity", "raw.community"),
    _table("kpi", "voice", "raw.mention"),
    _table("kpi", "supporters", "core.fct_member"),
    _table("kpi", "costs", "raw.smm_cost", partition=None),
    _table("kpi", "sales", "raw.shop_order"),
    _table("kpi", "places", "raw.search_position_day"),
    _table("kpi", "answers", "raw.survey_answer"),
    _table("kpi", "talk", "raw.community_message"),
)
CATALOG = Catalog({spec.full_name: spec for spec in _TABLES})
States = dict[str, dict[int, tuple[str, str | None]]]


def _day(number: int) -> date:
    return date(2026, 3, 1) + timedelta(days=number - 1)


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Iterator[States]:
    """State and missing feeds by table and day of March."""
    feeds = {name: Feed(vendor="ga4") for name in GIVEN if name != "old"}
    shop = Shop(name="Kozak", time_zone="Europe/Kyiv", currency="UAH")
    settings = Settings(home=Path(tmp_path_factory.mktemp("shop")), shop=shop, feeds=feeds)
    with duckdb.connect() as con:
        con.execute(BOOKS)
        for feed, days in GIVEN.items():
            con.executemany("insert into core.fct_feed_day values (?, ?)", [(feed, _day(n)) for n in days])
            if rows := ROWS_OF_A_DAY.get(feed):
                given = [(feed, _day(n), rows) for n in days]
                con.executemany("insert into core.fct_feed_arrival values (?, ?, ?)", given)
            con.execute(
                "insert into meta.delivery_count values (?, 'b', ?, 1)", [feed, f"raw.{FILLS.get(feed, 'mention')}"]
            )
            # From its third day on each of them is a daily feed; guests and visits never are.
            daily = [(_day(n), f"feed:{feed}") for n in days[2:]]
            if daily:
                con.executemany("insert into kpi.data_quality values (?, ?, 'silent_share')", daily)
        found: States = {}
        for table, day, state, missing in con.execute(completeness_sql(CATALOG, settings)).fetchall():
            found.setdefault(table, {})[(day - _day(0)).days] = (state, missing)
        yield found


def test_every_table_has_every_day(states: States) -> None:
    assert states.keys() == {"voice", "supporters", "costs", "sales", "places", "answers", "talk"}
    assert all(list(days) == list(range(-8, 21)) for days in states.values())


def test_one_day_of_a_regular_feed_is_missed_at_once(states: States) -> None:
    """Not a day of which it said that there was nothing, nor one of a feed with quiet days that is not long silent."""
    days = states["voice"]
    assert {day: found for day, found in days.items() if found[0] != "complete"} == {
        11: ("incomplete", "press"),
        12: ("incomplete", "press"),
        18: ("unknown", "blogs"),
        19: ("unknown", "blogs"),
        20: ("unknown", "blogs"),
    }
    assert days[6] == days[9] == ("complete", None)


def test_days_before_and_after_a_gap_make_up_the_fortnight(states: States) -> None:
    """Six days before it and ten after it; five and five around a weekend are none, nor is a single day missed."""
    days = states["sales"]
    assert {day: found for day, found in days.items() if found[0] != "complete"} == {
        9: ("incomplete", "begun"),
        10: ("incomplete", "begun"),
    }


def test_a_feed_is_missed_for_as_long_as_it_is_silent(states: States) -> None:
    days = states["supporters"]
    assert [day for day, found in days.items() if found == ("incomplete", "club")] == list(range(12, 21))
    assert {found for day, found in days.items() if 1 <= day < 12} == {("complete", None)}


def test_a_day_without_any_of_few_records_is_no_silence(states: States) -> None:
    """Two orders a day let one day in seven go without, fifty none: e^-2 = 0.135, and 0.865^17 = 0.08 is not rare."""
    assert {found for day, found in states["places"].items() if day >= 1} == {("complete", None)}
    assert [day for day, found in states["answers"].items() if found == ("incomplete", "many")] == [18]


def test_a_feed_whose_deliveries_stop_is_missed_however_seldom_it_has_records(states: States) -> None:
    """Seventeen days after the last are more than twice three, and four."""
    days = states["talk"]
    assert [day for day, found in days.items() if found == ("incomplete", "visits")] == list(range(4, 21))
    assert days[1] == days[3] == ("complete", None)


def test_what_no_feed_brought_yet_is_unknown(states: States) -> None:
    assert set(states["costs"].values()) == {("unknown", None)}
    assert states["supporters"][0] == ("unknown", None)


def test_the_lineage_of_a_table_is_what_it_is_made_from() -> None:
    """Through other tables, and of contracts with days alone; in the project's own catalog what its zeros need."""
    assert lineage(CATALOG) == {
        "voice": ["raw.mention"],
        "supporters": ["raw.community_day", "raw.member_activity"],
        "costs": ["raw.smm_cost"],
        "sales": ["raw.shop_order"],
        "places": ["raw.search_position_day"],
        "answers": ["raw.survey_answer"],
        "talk": ["raw.community_message"],
    }
    made_from = lineage(project_catalog())
    assert {"raw.shop_order", "raw.web_event", "raw.community_post"} <= set(made_from["kpi_daily_benefit"])
    assert made_from["kpi_daily_competitors"] == ["raw.community_day", "raw.community_post"]
    assert "data_quality" not in made_from
