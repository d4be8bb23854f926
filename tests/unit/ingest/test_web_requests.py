"""What requests and user agents tell; user agents as browsers and robots really write them."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from smm_pipeline.ingest.values import define_macros

SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1"
IPAD = "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 Version/16.6 Mobile/15E148 Safari/604.1"
TABLET = "Mozilla/5.0 (Linux; Android 13; SM-X200) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36"
PHONE = "Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 Chrome/124.0.0.0 Mobile Safari/537.36"
DESKTOP = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36 Edg/124.0"


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        define_macros(connection, {})
        yield connection


@pytest.mark.parametrize(
    ("agent", "is_robot", "device"),
    [
        (SAFARI, False, "mobile"),
        (IPAD, False, "tablet"),
        (TABLET, False, "tablet"),
        (DESKTOP, False, "desktop"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True, "desktop"),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", True, "desktop"),
        ("TelegramBot (like TwitterBot)", True, "desktop"),
        ("Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)", True, "desktop"),
        ("python-requests/2.32", True, "desktop"),
        ("curl/8.7.1", True, "desktop"),
        (DESKTOP.replace("Chrome", "HeadlessChrome"), True, "desktop"),
        ("-", True, None),
        ("", True, None),
        (None, True, None),
    ],
)
def test_user_agents(con: duckdb.DuckDBPyConnection, agent: str | None, is_robot: bool, device: str | None) -> None:
    row = con.execute("select is_robot(a), device_of(a) from (select cast(? as varchar) as a)", [agent]).fetchone()
    assert row == (is_robot, device)


def test_a_maker_of_phones_is_no_robot(con: duckdb.DuckDBPyConnection) -> None:
    """Cubot: the word alone is not enough."""
    assert con.execute("select is_robot(?), device_of(?)", [PHONE, PHONE]).fetchone() == (False, "mobile")


@pytest.mark.parametrize(
    ("method", "target", "status", "kind"),
    [
        ("GET", "/p/lamp?file=a.css", "200", "page_view"),
        ("GET", "/p/lamp", "304", "page_view"),
        ("POST", "/cart", "200", "form"),
        ("GET", "/A.CSS?v=3", "200", "file"),
        ("GET", "/p", "301", "redirect"),
        ("GET", "/p", "404", "error_answer"),
        ("GET", "/p", "000", "error_answer"),
        ("HEAD", "/p", "200", "other_method"),
        ("GET", "/p", "", None),
    ],
)
def test_kinds_of_requests(
    con: duckdb.DuckDBPyConnection, method: str, target: str, status: str, kind: str | None
) -> None:
    assert con.execute("select request_kind(?, ?, ?)", [method, target, status]).fetchone() == (kind,)
