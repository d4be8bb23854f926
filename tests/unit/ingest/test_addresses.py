"""Addresses: which a text holds, which of them are the shop's, and what they lose at the door."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from smm_pipeline.ingest.addresses import MAX_CHARACTERS, OWN_HOSTS, own_hosts_pattern
from smm_pipeline.ingest.values import define_macros

HOSTS = ("shop.example", "www.kram.example", "магазин.рф")


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        define_macros(connection, {OWN_HOSTS: own_hosts_pattern(HOSTS)})
        yield connection


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://a.example/p, then http://b.example.", ["https://a.example/p", "http://b.example"]),
        ("(https://a.example/p)", ["https://a.example/p"]),
        ("https://a.example/lamp_(green) fine", ["https://a.example/lamp_(green)"]),
        ("[lamp](https://a.example/p?x=1#y)!", ["https://a.example/p?x=1#y"]),
        ("«https://a.example/p» “https://b.example/q”", ["https://a.example/p", "https://b.example/q"]),
        ("HTTPS://A.example/P?", ["HTTPS://A.example/P"]),
        ("https://a.example/p\u00a0next\nhttps://b.example/лампа…", ["https://a.example/p", "https://b.example/лампа"]),
        ('<a href="https://a.example/p">', ["https://a.example/p"]),
        ("<a href='https://a.example'>", ["https://a.example"]),
        ("[https://a.example/p](https://a.example/q)", ["https://a.example/p", "https://a.example/q"]),
        (
            "https://a.example/p,https://b.example/q;HTTP://c.example",
            ["https://a.example/p", "https://b.example/q", "HTTP://c.example"],
        ),
        (
            "**https://a.example** \u2018https://b.example\u2019s <https://c.example/p|Lamp>",
            ["https://a.example", "https://b.example", "https://c.example/p"],
        ),
        ("https://a.example—this https://b.example\u200b", ["https://a.example", "https://b.example"]),
        ("a.example/p and ftp://a.example", []),
        ("", []),
        (None, []),
    ],
)
def test_links_of_a_text(con: duckdb.DuckDBPyConnection, text: str | None, expected: list[str]) -> None:
    assert con.execute("select links_of(cast(? as varchar))", [text]).fetchone() == (expected,)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://other.example/x then https://shop.example/p, yes", "https://shop.example/p"),
        ("https://www.shop.example/p1?x=1 and https://shop.example/p2", "https://www.shop.example/p1?x=1"),
        ("HTTPS://Shop.Example", "HTTPS://Shop.Example"),
        ("http://m.shop.example./p", "http://m.shop.example./p"),
        ("https://shop.example:8443/p", "https://shop.example:8443/p"),
        ("https://shop.example?utm_source=x", "https://shop.example?utm_source=x"),
        ("https://kram.example/p", "https://kram.example/p"),
        ("https://xn--80aairftm.xn--p1ai/p https://Магазин.РФ/q", "https://xn--80aairftm.xn--p1ai/p"),
        # The shop's name within another host, its path or its login.
        ("https://shop.example.ua/p", None),
        ("https://myshop.example/p", None),
        ("https://shop.example@other.example/p", None),
        ("https://shop.example:1@other.example/p", None),
        ("https://foo@bar@shop.example/p", "https://foo@bar@shop.example/p"),
        # Browsers read a backslash as a slash.
        ("https://other.example\\@shop.example/p", None),
        ("https://other.example\\.shop.example/p", None),
        ("https://other.example/shop.example/p", None),
        ("https://other.example/?to=https://shop.example/p", None),
        ("https://shop-example/p", None),
        ("shop.example/p", None),
        (None, None),
    ],
)
def test_first_link_to_the_shop(con: duckdb.DuckDBPyConnection, text: str | None, expected: str | None) -> None:
    assert con.execute("select shop_link(cast(? as varchar))", [text]).fetchone() == (expected,)


def test_a_shop_without_hosts_has_no_links() -> None:
    with duckdb.connect() as con:
        define_macros(con, {OWN_HOSTS: own_hosts_pattern([])})
        assert con.execute("select shop_link('https:// https://shop.example/p')").fetchone() == (None,)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/p?utm_source=tg&fbclid=1#top", "https://shop.example/p?utm_source=tg&fbclid=1#top"),
        ("https://shop.example/p?email=a@b.c&utm_source=tg", "https://shop.example/p?utm_source=tg"),
        ("https://shop.example/p?utm_source=tg&ref=a%40b.c", "https://shop.example/p?utm_source=tg"),
        ("https://shop.example/p?Phone=380501234567", "https://shop.example/p"),
        ("https://user:secret@shop.example/p?x=1", "https://shop.example/p?x=1"),
        ("https://shop.example/p?reset_token=1&x=2#access_token=9", "https://shop.example/p?x=2"),
        ("https://shop.example/p?product_name=lamp", "https://shop.example/p?product_name=lamp"),
        ("/checkout?first_name=Olha&step=2", "/checkout?step=2"),
        ("android-app://org.telegram.messenger/", "android-app://org.telegram.messenger/"),
        ("https://t.me/s/shop?q=a?b@c", "https://t.me/s/shop"),
        ("https://kram.example/john.doe@mail.com/p?u=1&q=%2B380501234567", "https://kram.example/(e-mail)/p?u=1"),
        ("https://kram.example/u/john%40mail.com", "https://kram.example/u/(e-mail)"),
        ("https://kram.example/u=john%2540mail.com,a@b.c?x=1", "https://kram.example/u=(e-mail),(e-mail)?x=1"),
        ("https://kram.example/p?next=%2Fu%3Fe%3Da%2540b.c&x=1", "https://kram.example/p?x=1"),
        ("https://kram.example/p?x=1#john.doe@mail.com", "https://kram.example/p?x=1"),
        ("https://kram.example/p?x=1#a\njohn.doe@mail.com", "https://kram.example/p?x=1"),
        ("https://kram.example/p?x=1#q=%2b380501234567", "https://kram.example/p?x=1"),
        ("https://kram.example/p?q=+380501234567&x=1", "https://kram.example/p?x=1"),
        ("https://kram.example/p?q=%2B38+%28050%29%20123-45-67&x=1", "https://kram.example/p?x=1"),
        ("https://kram.example/p?q=call%20%2B380501234567", "https://kram.example/p"),
        # No persons: a handle, nine digits, sixteen, a barcode after a blank, a plus between words.
        ("https://video.example/@kram/live?x=1", "https://video.example/@kram/live?x=1"),
        ("https://kram.example/p?q=%2B123456789", "https://kram.example/p?q=%2B123456789"),
        ("https://kram.example/p?q=%2B1234567890123456", "https://kram.example/p?q=%2B1234567890123456"),
        ("https://kram.example/p?q=lamp+4820000000017", "https://kram.example/p?q=lamp+4820000000017"),
        ("https://kram.example/p?q=c%2B%2B+lamp", "https://kram.example/p?q=c%2B%2B+lamp"),
        # A login before a scheme, and one after it.
        ("a@http://b@kram.example/p", "kram.example/p"),
        ("", ""),
    ],
)
def test_addresses_lose_what_is_personal(con: duckdb.DuckDBPyConnection, url: str, expected: str) -> None:
    assert con.execute("select _smm_url(?)", [url]).fetchone() == (expected,)


LONG = "https://shop.example/"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (LONG + "p" * 8_171, LONG + "p" * 8_171),
        (LONG + "я" * 8_171, LONG + "я" * 8_171),
        (LONG + "p" * 8_172, LONG + "p" * 8_171),
        (LONG + "p" * 8_172 + "?utm_source=vk", LONG + "p" * 8_171),
        (LONG + "p" * 8_160 + "?utm_source=vk", LONG + "p" * 8_160),
        (LONG + "?utm_source=vk#" + "z" * 100_000, LONG + "?utm_source=vk"),
        (LONG + "?x=" + "y" * 100_000, LONG),
        # What is long is some program's state; the tags behind it stay.
        (LONG + "?state=" + "y" * 100_000 + "&utm_source=vk", LONG + "?utm_source=vk"),
        # Whole parameters alone: half a campaign would be another campaign. 8,192 is 21, a mark, and 2,042 times four.
        (LONG + "?" + "a=1&" * 2_041 + "b=2&utm_campaign=spring", LONG + "?" + "a=1&" * 2_041 + "b=2"),
        (LONG + "?" + "a=1&" * 2_041 + "b=?2345&x=1", LONG + "?" + "a=1&" * 2_040 + "a=1"),
        # Nothing of an e-mail address, wherever the cut would be.
        (LONG + "p" * 8_165 + "john@mail.com", (LONG + "(e-mail)")),
        (LONG + "p" * 8_165 + "/john@mail.com", (LONG + "p" * 8_165 + "/(e-mail)")[:8_192]),
    ],
)
def test_addresses_are_cut_to_a_bounded_length(con: duckdb.DuckDBPyConnection, url: str, expected: str) -> None:
    [found] = con.execute("select _smm_url(?)", [url]).fetchone() or [None]
    assert found == expected
    assert len(expected) <= MAX_CHARACTERS
