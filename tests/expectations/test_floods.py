"""A flood of visits: told of whatever its source, and left out where a site that no list knows sends no readers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from smm_pipeline.settings import Settings, Shop
from smm_pipeline.validation import validate
from smm_pipeline.warehouse.build import window_parameters
from smm_pipeline.warehouse.connection import tune
from smm_pipeline.warehouse.schema import ensure_schema, relation
from tests.project_catalog import project_catalog

FIRST = date(2026, 3, 1)
FLOOD = FIRST + timedelta(days=10)
USUAL, FLOODED = 4, 400
SHOP = Shop(name="Example", time_zone="UTC", currency="UAH", own_hosts=("shop.example",))
USUAL_AND_FLOOD = f"""
    select
        cast(day as date) as day, 1 as pages,
        unnest(range(case when day = date '{FLOOD}' then {FLOODED} else {USUAL} end)) as n
    from unnest(generate_series(date '{FIRST}', date '{FLOOD}', interval 1 day)) as d (day)"""


@contextmanager
def built(tmp_path: Path, visits: str, referrer: str | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Core and KPI tables of events: a row of `visits` has a day, its number `n` and how many `pages` it sees."""
    catalog = project_catalog()
    settings = Settings(home=tmp_path, shop=SHOP)
    values = {**settings.sql_parameters(), **window_parameters(FIRST, FLOOD, settings)}
    with duckdb.connect(str(tmp_path / "flood.duckdb")) as con:
        tune(con, settings.warehouse)
        ensure_schema(con, catalog, settings)
        con.execute(
            f"""
            insert into staging.stg_web_event by name
            select
                'ga4' as source_system, 'p' as property_id, 'page_view' as event_name,
                'v' || day || '-' || n as visitor_key,
                'e' || day || '-' || n || '-' || page as event_key, day as event_date_local,
                cast(day as timestamp) + to_minutes(600 + cast(n as integer)) + to_seconds(page) as event_ts,
                'https://shop.example/' || page as page_url, case when page = 0 then $referrer end as page_referrer
            from (select *, unnest(range(pages)) as page from ({visits}))""",
            {"referrer": referrer},
        )
        for spec in catalog.build_order:
            if spec.layer in ("core", "kpi"):
                used = {parameter: values[parameter] for parameter in spec.parameters}
                con.execute(f"insert into {relation(spec)} by name {spec.sql}", used)
        yield con


def test_a_hundred_times_the_visits_of_a_day_are_told_and_those_of_a_known_network_counted(tmp_path: Path) -> None:
    sessions = project_catalog()["core.fct_session"]
    told = {}
    with built(tmp_path, USUAL_AND_FLOOD, "https://t.me/") as con:
        for day in (FLOOD - timedelta(days=1), FLOOD):
            rows = f"(select * from {relation(sessions)} where session_date_local = date '{day}')"
            found = validate(con, sessions, relation=rows, days=[day])
            told[day] = [(v.check_id, v.severity) for v in found if v.status != "passed"]
        counted = con.execute(
            """select date_local, sum(sessions) from kpi.kpi_daily_social_traffic
            where network = 'telegram' group by 1 order by 1 desc limit 2"""
        ).fetchall()
    assert told == {FLOOD - timedelta(days=1): [], FLOOD: [("visits_of_the_day_usual", "warning")]}
    assert counted == [(FLOOD, FLOODED), (FLOOD - timedelta(days=1), USUAL)]


@pytest.mark.parametrize(
    ("referrer", "visits", "readers", "found"),
    [
        ("https://traffic.example/", 99, 0, ("Referral", "referral")),
        ("https://traffic.example/", 100, 0, ("Referrer Spam", "referrer_flood")),
        ("https://traffic.example/", 100, 1, ("Referrer Spam", "referrer_flood")),
        ("https://traffic.example/", 100, 2, ("Referral", "referral")),
        ("https://vk.com/", 500, 0, ("Organic Social", "organic_social_source")),
        (None, 500, 0, ("Direct", "direct")),
    ],
)
def test_a_flood_is_a_hundred_visits_of_a_site_that_no_list_knows_of_which_hardly_one_reads(
    tmp_path: Path, referrer: str | None, visits: int, readers: int, found: tuple[str, str]
) -> None:
    pages = f"case when n < {readers} then 2 else 1 end"
    of_a_day = f"select date '{FLOOD}' as day, n, {pages} as pages from range({visits}) as r (n)"
    with built(tmp_path, of_a_day, referrer) as con:
        rows = con.execute("select channel, rule_id, count(*) from core.fct_session group by all").fetchall()
        in_figures = con.execute(
            "select sum(numerator), sum(denominator) from kpi.data_quality where metric = 'referrer_spam_share'"
        )
        spam = in_figures.fetchone()
    assert rows == [(*found, visits)]
    assert spam == (visits if found[0] == "Referrer Spam" else 0, visits)
