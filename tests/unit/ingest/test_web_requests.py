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


IN_APP = {
    SAFARI + " [FBAN/FBIOS;FBAV/458.0.0.33;FBBV/1;FBDV/iPhone15,2]": "in-app://com.facebook.katana/",
    PHONE + " [FB_IAB/FB4A;FBAV/458.0.0.33.109;]": "in-app://com.facebook.katana/",
    PHONE + " [FB_IAB/Orca-Android;FBAV/452.0.0.1;]": "in-app://com.facebook.orca/",
    SAFARI + " Instagram 325.0.3.34.90 (iPhone15,2; iOS 17_4; uk_UA)": "in-app://com.instagram.android/",
    PHONE + " Barcelona 325.0.0.30.109 Android (34/14)": "in-app://com.instagram.barcelona/",
    PHONE + " musical_ly_2023405030 JsSdk/1.0 NetType/WIFI AppName/musical_ly": "in-app://com.zhiliaoapp.musically/",
    PHONE
    + " Telegram-Android/11.3.3 (Google Pixel 8; Android 14; SDK 34; AVERAGE)": "in-app://org.telegram.messenger/",
    PHONE + " VKAndroidApp/8.70-21000": "in-app://com.vkontakte.android/",
    SAFARI + " Twitter for iPhone/10.34": "in-app://com.twitter.android/",
    SAFARI + " [LinkedInApp]/9.29.6318": "in-app://com.linkedin.android/",
    SAFARI + " [Pinterest/iOS]": "in-app://com.pinterest/",
    # Robots of networks, and browsers of one's own.
    "Pinterest/0.2 (+https://www.pinterest.com/bot.html)": None,
    "TelegramBot (like TwitterBot)": None,
    "LinkedInBot/1.0": None,
    SAFARI: None,
    DESKTOP: None,
    "": None,
}


@pytest.mark.parametrize("agent", IN_APP)
def test_a_browser_within_an_app_names_its_app_where_it_tells_no_referrer(
    con: duckdb.DuckDBPyConnection, agent: str
) -> None:
    asked = "select referrer_or_app(r, a) from (select unnest([null, '', ' - ', 'https://t.me/']) as r, ? as a)"
    rows = con.execute(asked, [agent]).fetchall()
    assert [row[0] for row in rows] == [IN_APP[agent], IN_APP[agent], IN_APP[agent], "https://t.me/"]


def test_without_a_user_agent_there_is_no_app(con: duckdb.DuckDBPyConnection) -> None:
    assert con.execute("select referrer_or_app('', null), referrer_or_app(null, null)").fetchone() == (None, None)
