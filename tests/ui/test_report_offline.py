"""The report in headless Chromium: it opens from disk, draws every chart and asks nobody for anything."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from smm_pipeline.reporting.report import write_report
from tests.quarter_rows import quarter
from tests.serving_fixture import publish_rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
CHARTS = 7
# Texts of which a part lies beside the page; what is folded has no box.
OUTSIDE = """[...document.querySelectorAll('.legend li, .chart svg text, td, tbody th')].filter(e => {
    const box = e.getBoundingClientRect();
    return box.width > 0 && (box.left < 0 || box.right > document.documentElement.clientWidth);
}).map(e => e.textContent)"""
DRAWN = "html[data-charts=drawn]"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(publish_rows(tmp_path_factory.mktemp("shop"), quarter()))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Visit:
    """One page with all that it asked for and complained about."""

    def __init__(self, page: Page, report: Path) -> None:
        self.page = page
        self.requests: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._listen)
        page.goto(report.as_uri())
        page.wait_for_selector(DRAWN, timeout=30_000)

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)


@pytest.fixture
def visit(browser: Browser, report: Path) -> Iterator[Visit]:
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    yield Visit(context.new_page(), report)
    context.close()


def test_nothing_is_requested_but_the_file_itself(visit: Visit, report: Path) -> None:
    assert visit.requests == [report.as_uri()]


def test_every_chart_is_drawn_without_a_complaint(visit: Visit) -> None:
    assert visit.complaints == []
    assert visit.page.locator(".chart svg").count() == CHARTS
    for chart in visit.page.locator(".chart svg").all():
        box = chart.bounding_box()
        assert box is not None
        assert box["width"] > 600
        assert box["height"] > 80
    # Marks, not just axes: every chart has bars, points or lines.
    assert all(
        chart.locator("[role=graphics-symbol], .mark-rect path, .mark-line path").count() > 0
        for chart in visit.page.locator(".chart svg").all()
    )


def test_names_are_shown_as_they_are(visit: Visit) -> None:
    assert visit.page.get_by_role("rowheader", name="Kozak & friends <Odesa>").count() >= 1


def test_a_phone_shows_the_page_without_sideways_scrolling(browser: Browser, report: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 800})
    visit = Visit(context.new_page(), report)
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= 390
    # Nothing is cut off or hidden behind a scroll bar of its own either: tables, legends, labels of the axes.
    assert visit.page.evaluate("[...document.querySelectorAll('.scroll')].every(e => e.scrollWidth <= e.clientWidth)")
    assert visit.page.evaluate(OUTSIDE) == []
    assert visit.page.locator(".legend").count() == 5
    context.close()


def test_paper_shows_the_folded_definitions(visit: Visit) -> None:
    visit.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert visit.page.locator("details").count() == visit.page.locator("details[open]").count() > 0
