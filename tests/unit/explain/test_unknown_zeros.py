"""`smm explain` of a figure that is published as unknown where the work database holds 0."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from smm_pipeline.cli.explain import explain_text
from smm_pipeline.explain import Wanted, explain_figure
from smm_pipeline.settings import load_settings
from smm_pipeline.warehouse.connection import connect
from smm_pipeline.warehouse.schema import ensure_schema
from tests.commands import smm
from tests.project_catalog import project_catalog
from tests.serving_fixture import SILENT_SHOP, fill_dictionary, give_everything

CATALOG = project_catalog()


def test_a_zero_that_is_published_as_unknown_is_explained_as_such(tmp_path: Path) -> None:
    """The shop's feed is silent on March 2, and gave March 1."""
    smm(tmp_path, "init")
    toml = tmp_path / "smm.toml"
    feeds = "".join(f'\n[feeds.{feed}]\nvendor = "woocommerce"\n' for feed in ("shop", "all"))
    toml.write_text(toml.read_text(encoding="utf-8") + feeds, encoding="utf-8")
    settings = load_settings(tmp_path)
    with connect(settings) as con:
        ensure_schema(con, CATALOG, settings)
        fill_dictionary(con)
        give_everything(con, ["vk"])
        for statement in SILENT_SHOP:
            con.execute(statement)
        con.execute(
            "insert into kpi.kpi_daily_social_traffic by name select unnest([date '2026-02-27', date '2026-03-02']) as "
            "date_local, 'vk' as network, '1' as community_id, 'home' as landing_section, 4 as sessions, 0 as orders"
        )
        told = {
            day: explain_figure(con, CATALOG, settings, Wanted("kpi_daily_social_traffic.orders", day))
            for day in (date(2026, 2, 27), date(2026, 3, 2))
        }
    known, unknown = told.values()
    assert known["figures"][0]["orders"] == 0
    assert known["missing_feeds"] is None
    assert "orders" not in unknown["figures"][0]
    assert unknown["missing_feeds"] == "shop"
    assert (known["unknown_zeros"], unknown["unknown_zeros"]) == ({}, {"orders": ["shop_order"]})
    assert "incomplete, without shop" in explain_text(unknown)
    assert "Orders in the visit: unknown where a feed of shop_order is missing" in explain_text(unknown)
    assert "incomplete" not in explain_text(known)
