"""The page as text: complete, escaped, self-contained. What a browser makes of it is tested in tests/ui."""

from __future__ import annotations

import json
import re
from datetime import date
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import vl_convert

from smm_pipeline.errors import SmmError
from smm_pipeline.reporting.charts import TimeAxis, benefit_by_community, supporters_over_time
from smm_pipeline.reporting.figures import bucket
from smm_pipeline.reporting.headlines import headlines
from smm_pipeline.reporting.report import render, write_report
from smm_pipeline.reporting.serving import open_serving
from smm_pipeline.reporting.summary import read_summary
from smm_pipeline.settings import Settings
from tests.quarter_rows import FIRST, quarter
from tests.serving_fixture import SILENT_CLUB, publish_rows

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
MAX_BYTES = 3_000_000


class Page(HTMLParser):
    """Tags with attributes, and the text of each heading, of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[str] = []
        self.scripts: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data: str) -> None:
        if self._open in {"h1", "h2"} and data.strip():
            self.headings.append(data.strip())
        if self._open == "script" and data.strip():
            self.scripts.append(data)

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    rows: dict[str, Any] = dict(quarter())
    rows["dim_community"][0]["community_name"] = HOSTILE
    for row in rows["kpi_daily_benefit"]:
        if row["community_id"] == rows["dim_community"][0]["community_id"]:
            row["community_name"] = HOSTILE
    return publish_rows(tmp_path_factory.mktemp("shop"), rows)


@pytest.fixture(scope="module")
def html(settings: Settings) -> str:
    return write_report(settings).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_sections_answer_the_owners_questions_in_order(page: Page) -> None:
    assert page.headings == [
        "What the communities brought",
        "In short",
        "What kind of purchase was it?",
        "Which community works?",
        "How much depends on the counting rule?",
        "Which posts sold?",
        "Do the communities grow?",
        "Who talks about the shop?",
        "How good is the data?",
        "What does each number mean?",
    ]


def test_page_is_small_and_names_nothing_outside_itself(html: str, page: Page) -> None:
    assert len(html.encode()) < MAX_BYTES
    for _, attributes in page.tags:
        for name in ("src", "href", "data", "action", "poster", "srcset"):
            assert (attributes.get(name) or "#").startswith("#")
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert style
    assert "@import" not in style
    assert "url(" not in style


def test_names_from_feeds_never_become_code(html: str, page: Page) -> None:
    assert HOSTILE not in html
    assert "&lt;img src=x" in html
    assert not page.attributes("img")
    assert [a.get("type") for a in page.attributes("script")] == ["application/json", "module"]
    assert HOSTILE in json.dumps(json.loads(page.scripts[0]))


def test_policy_allows_only_the_pages_own_script(page: Page) -> None:
    (policy,) = [a["content"] for a in page.attributes("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-eval" not in policy


def test_tables_have_captions_and_charts_have_descriptions(page: Page) -> None:
    assert len(page.attributes("caption")) == len(page.attributes("table"))
    assert len(page.attributes("table")) >= 8
    charts = [a for a in page.attributes("div") if a.get("class") == "chart"]
    assert len(charts) == 7
    assert all(a["role"] == "img" and a["aria-label"] for a in charts)
    assert page.attributes("html") == [{"lang": "en"}]


def test_every_chart_is_valid_vega_lite(page: Page) -> None:
    specs = json.loads(page.scripts[0])["specs"]
    assert len(specs) == 7
    for spec in specs.values():
        assert vl_convert.vegalite_to_vega(spec, show_warnings=False)["marks"]


def test_definitions_come_from_the_dictionary(html: str) -> None:
    assert "net_revenue_lower_amount" in html
    assert "undercounts: apps and messengers often send no referrer" in html


def test_names_of_the_engine_are_words_on_the_page(tmp_path: Path) -> None:
    """Channels that are none, tables, and posts: the id of a post tells an owner nothing."""
    amounts = [{"channel": c, "model": "first", "credited_revenue_amount": 5} for c in ("(phone)", "(marketplace)")]
    amounts.append({"channel": "Email", "model": "markov", "credited_revenue_amount": 5})  # not drawn
    post = {"network": "facebook", "community_id": "104", "post_id": "104000_113", "sessions": 3, "orders": 1}
    shown = {"post_date_local": FIRST, "post_hour_local": 18, "post_type": "photo", "net_revenue_amount": 5}
    rows: dict[str, list[dict[str, Any]]] = {
        "kpi_daily_attribution": [{"date_local": FIRST, **amount} for amount in amounts],
        "kpi_post_performance": [
            post | shown | {"hashtags": "#kozak #lamps"},
            post | shown | {"post_id": "104000_114", "product_group": "garden"},
        ],
    }
    text = render(publish_rows(tmp_path, rows))
    words = text.partition("<script")[0]
    # The dictionary quotes the codes that stand in the published tables.
    codes = [f"{mark}{code}{end}" for code in ("(phone)", "(marketplace)") for mark, end in ('""', "><")]
    assert [code for code in (*codes, "104000_113", '"markov"', ">markov<") if code in text] == []
    said = (
        "By phone or staff",
        "Marketplaces",
        "#kozak #lamps",
        ">Garden<",
        ", 18:00",
        "Daily benefit, in the file kpi_",
    )
    assert [part for part in said if part not in words] == []


def test_hosts_that_no_rule_knows_are_listed(html: str, tmp_path: Path) -> None:
    """Ten of them, most visited first; no table where there is none."""
    visits: dict[str, Any] = {"date_local": FIRST, "rule_id": "referral", "channel": "Referral", "network": "(none)"}
    hosts = [
        visits | {"unknown_host": f"host{n}.example", "sessions": n, "example_landing_path": f"/page{n}"}
        for n in range(1, 12)
    ]
    amount = {"date_local": FIRST, "channel": "Direct", "model": "first", "credited_revenue_amount": 5}
    shown = render(publish_rows(tmp_path, {"data_visit_rule": hosts, "kpi_daily_attribution": [amount]}))
    caption = "<caption>Hosts that no channel rule knows, most visited first</caption>"
    table = shown.partition(caption)[2].partition("</table>")[0]
    assert re.findall(r"host\d+\.example", table) == [f"host{n}.example" for n in range(11, 1, -1)]
    assert "/page11" in table
    assert caption not in html


def test_days_without_a_silent_feed_are_marked(html: str, tmp_path: Path) -> None:
    """At the top, and by table and day in the section on the data; a page that lacks nothing has neither."""
    benefit = [{**row, "date_local": date(2026, 3, n)} for n in (1, 2) for row in quarter()["kpi_daily_benefit"][:1]]
    settings = publish_rows(tmp_path, {"kpi_daily_benefit": benefit}, books=SILENT_CLUB, feeds=("shop", "club"))
    shown = render(settings).replace("\N{NO-BREAK SPACE}", " ")
    assert "Not everything came: up to 1 of 2 days are incomplete, without club." in shown
    section = shown.partition("<caption>Days that are incomplete, not zero</caption>")[2].partition("</table>")[0]
    cells = re.findall(
        r">([^<>]+)</t[hd]>", section.partition('<th scope="row">Daily supporters')[2].partition("</tr>")[0]
    )
    assert cells == ["Incomplete", "club", "2 Mar 2026", "2 Mar 2026", "1 day"]
    assert "Not everything came" not in html
    assert "incomplete, not zero" not in html


def test_same_file_gives_the_same_page(settings: Settings, html: str) -> None:
    assert render(settings) == html


def test_the_script_of_the_charts_is_bundled_once(
    settings: Settings, html: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bundling takes longer than all else; what is kept is the same, and without it the page is made all the same."""

    def fail(**_kwargs: object) -> str:
        raise AssertionError("bundled again")

    monkeypatch.setattr(vl_convert, "javascript_bundle", fail)
    assert render(settings) == html
    [kept] = settings.reports.glob(".charts-*.js")
    monkeypatch.undo()
    kept.unlink()
    assert render(settings) == html


def test_page_without_any_data_says_so(tmp_path: Path) -> None:
    text = render(publish_rows(tmp_path, {}))
    assert text.count("Nothing in this period, or no feed brings it.") == 7
    # A number that is none, not a part of a word such as unanswered.
    assert not re.search(r"\bnan\b", text.split("<script")[0].lower())


def test_no_serving_file_writes_no_page(tmp_path: Path, settings: Settings) -> None:
    with pytest.raises(SmmError) as caught:
        write_report(settings.model_copy(update={"home": tmp_path}))
    assert caught.value.code == "SMM-305"
    assert not (tmp_path / "reports").exists()


def test_a_page_that_cannot_be_written_is_an_error_with_a_code(tmp_path: Path) -> None:
    settings = publish_rows(tmp_path, {})
    settings.reports.write_text("a file where the folder should be")
    with pytest.raises(SmmError) as caught:
        write_report(settings)
    assert caught.value.code == "SMM-107"
    assert "move it away" in caught.value.hint


@pytest.mark.parametrize(("days", "step"), [(1, "day"), (100, "day"), (101, "week"), (400, "week"), (401, "month")])
def test_long_periods_are_drawn_in_coarser_steps(days: int, step: str) -> None:
    last = FIRST.fromordinal(FIRST.toordinal() + days - 1)
    assert bucket(FIRST, last) == step


def test_the_strongest_community_is_one_that_is_known(tmp_path: Path) -> None:
    """Not the orders whose community nobody knows, and no page of media, however many stand before it."""
    day = {"date_local": date(2026, 3, 1), "benefit_class": "D2_impulse", "orders": 1, "currency": "UAH"}
    known = ("vk", "9", "Kozak Home", 10)
    others = [("facebook", "(unknown)", "(unknown)", 900)]
    others += [("(mention)", f"news{n}.example", f"news{n}.example", 100 + n) for n in range(6)]
    rows = [
        {**day, "network": network, "community_id": i, "community_name": name, "net_revenue_amount": amount}
        for network, i, name, amount in (*others, known)
    ]
    with open_serving(publish_rows(tmp_path, {"kpi_daily_benefit": rows}).serving_file) as source:
        [told] = [h for h in headlines(read_summary(source)) if h.label == "Strongest community"]
    assert (told.value, "on VK" in told.detail) == ("Kozak Home", True)


def test_communities_of_one_name_stay_two(tmp_path: Path) -> None:
    """Their ids tell them apart, in the legend of the lines and beside the bars."""
    named = [("telegram", "-1", "Lamps"), ("telegram", "-2", "Lamps"), ("vk", "3", "Lamps")]
    labels = ["Lamps (Telegram)", "Lamps (Telegram), -1", "Lamps (Telegram), -2", "Lamps (VK)"]
    day = date(2026, 3, 1)
    gained = [
        {"period_start": day, "network": n, "community_id": i, "community_name": name, "gained": 5}
        for n, i, name in named
    ]
    lines = supporters_over_time(gained, TimeAxis(day, day, "day"))
    assert [key.label for key in lines.legend] == labels[1:]
    amounts = [
        {"network": n, "community_id": i, "community_name": name, "benefit_class": "D2_impulse", "amount": 5}
        for n, i, name in named
    ]
    bars = json.dumps(benefit_by_community(amounts, "UAH").spec)
    assert [f'"{label}"' in bars for label in labels] == [False, True, True, True]
    row = {"date_local": day, "network": "telegram", "members": 5, "members_net": 5}
    rows = {"kpi_daily_supporters": [{**row, "community_id": i} for _, i, _ in named[:2]]}
    rows["dim_community"] = [{"network": n, "community_id": i, "community_name": name} for n, i, name in named[:2]]
    html = render(publish_rows(tmp_path, rows))
    assert [label in html for label in labels] == [True, True, True, False]
