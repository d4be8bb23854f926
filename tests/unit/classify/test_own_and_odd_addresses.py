"""Whose referrer is the shop's own, and what addresses found in the wild do: they are classified, they never raise."""

from __future__ import annotations

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.classify.helpers import classify, from_referrers


@pytest.mark.parametrize(
    ("page", "referrer", "channel"),
    [
        ("https://shop.com.ua/", "https://shop.com.ua/cart", "Direct"),
        ("https://www.shop.com.ua/", "https://m.shop.com.ua/", "Direct"),
        ("https://shop.com.ua/", "https://blog.shop.com.ua/", "Direct"),
        ("https://m.shop.ua/", "https://blog.shop.ua/", "Direct"),
        # com.ua is a zone, not a site.
        ("https://shop.com.ua/", "https://other.com.ua/", "Referral"),
        ("https://shop.kiev.ua/", "https://forum.kiev.ua/", "Referral"),
        # Shops on one platform are different sites.
        ("https://one.myshopify.com/", "https://two.myshopify.com/", "Referral"),
        # A listed source stays one although the shop lives under its name.
        ("https://shop.prom.ua/", "https://prom.ua/", "Organic Shopping"),
        ("https://sites.google.com/view/shop", "https://www.google.com/", "Organic Search"),
        ("http://192.168.0.1/", "http://10.7.0.1/", "Referral"),
        ("", "https://shop.com.ua/", "Referral"),
    ],
)
def test_without_own_hosts_the_site_of_the_page_is_own(tmp_path: Path, page: str, referrer: str, channel: str) -> None:
    [visit] = classify(tmp_path, [{"page_location": page, "page_referrer": referrer}], own_hosts=[])
    assert visit["channel"] == channel


@pytest.mark.parametrize(
    ("own_host", "referrer", "channel"),
    [
        ("shop.example", "https://blog.shop.example/", "Direct"),
        ("www.shop.example", "https://shop.example/", "Direct"),
        ("https://Shop.Example/", "https://shop.example/", "Direct"),
        ("old-shop.example", "https://old-shop.example/", "Direct"),
        # The list says exactly what is own: the forum beside it is a community like any other.
        ("www.shop.example", "https://forum.example/", "Referral"),
        ("магазин.рф", "https://xn--80aairftm.xn--p1ai/", "Direct"),
        ("xn--80aairftm.xn--p1ai", "https://xn--80aairftm.xn--p1ai/", "Direct"),
    ],
)
def test_own_hosts_never_become_a_source(tmp_path: Path, own_host: str, referrer: str, channel: str) -> None:
    visit = {"page_location": "https://shop.example/", "page_referrer": referrer}
    [got] = classify(tmp_path, [visit], own_hosts=[own_host])
    assert got["channel"] == channel


LONG = 100_000
ODD_REFERRERS = {
    "https://xn--80aairftm.xn--p1ai/": "Referral",
    "https://МАГАЗИН.рф/": "Referral",
    "http://t.me:8080/x": "Organic Social",
    "http://t.me.:80/": "Organic Social",
    "http://[2001:db8::1]:8080/": "Referral",
    "http://localhost/": "Referral",
    " https://t.me/ ": "Organic Social",
    "https:\\\\t.me\\x": "Direct",
    "https://t.me\\@evil.example.net/": "Organic Social",
    "javascript:alert('https://t.me/')": "Direct",
    "data:text/html,<a href=//t.me/>": "Direct",
    "mailto:me@t.me": "Direct",
    "file:///C:/Users/me/t.me.html": "Direct",
    "https://": "Direct",
    "https:///t.me": "Direct",
    "//": "Direct",
    "?": "Direct",
    "%%%": "Direct",
    "https://%ZZ%/": "Referral",
    "https://t.me/" + "a" * LONG: "Organic Social",
    "https://" + "a" * LONG + ".t.me/": "Direct",
    "https://" + "a." * (LONG // 2) + "t.me/": "Direct",
    "\u0000": "Direct",
    "https://t.me/\u202e\U0001f600": "Organic Social",
}


def test_odd_referrers_are_classified(tmp_path: Path) -> None:
    got = {v["page_referrer"]: v["channel"] for v in from_referrers(tmp_path, ODD_REFERRERS)}
    assert got == ODD_REFERRERS


ODD_PAGES = {
    "https://shop.example/?utm_source=vk&x=" + "a" * LONG: "vk",
    "https://shop.example/?" + "a=1&" * (LONG // 4) + "utm_source=vk": "vk",
    "https://shop.example/?utm_source=" + "%D1%8F" * 10_000: "я" * 10_000,
    "https://shop.example/?utm_source=%F0%E5%EA%EB%E0%EC%E0": "%f0%e5%ea%eb%e0%ec%e0",
    "https://shop.example/?utm_source=100%": "100%",
    "https://shop.example/?utm_source=%": "%",
    "https://shop.example/?utm_source=%ZZ": "%zz",
    "https://shop.example/?utm_source=%C0%80": "%c0%80",
    "https://shop.example/?utm_source=%ED%A0%80": "%ed%a0%80",
    "https://shop.example/?utm_source=%F4%90%80%80": "%f4%90%80%80",
    "https://shop.example/?utm_source=%F0%9F%98%80": "\U0001f600",
    "https://shop.example/?utm_source=a%2Bb%26c%3Dd": "a+b&c=d",
    "https://shop.example/?utm_source": "(direct)",
    "https://shop.example/?utm_source=&utm_source": "(direct)",
    "https://shop.example?utm_source=vk": "vk",
    "SHOP.EXAMPLE:443/p?utm_source=vk#x?utm_source=ok": "vk",
    "https://shop.example/?a=https://x.y/?utm_source=vk": "(direct)",
    "javascript:void(0)": "(direct)",
    "https://user:p@ss@shop.example./?utm_source=vk": "vk",
    "https://shop.example/?utm_source=a%0Ab": "a\nb",
}


def test_odd_pages_are_classified(tmp_path: Path) -> None:
    visits = classify(tmp_path, [{"page_location": page} for page in ODD_PAGES])
    assert {v["page_location"]: v["source"] for v in visits} == ODD_PAGES


UNSAFE = st.sampled_from(["javascript:", "JAVASCRIPT:", "data:", "vbscript:", "mailto:", "about:", "tel:"])
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WITH_TAG = ANY_TEXT.map(lambda text: f"https://shop.example/?utm_source={text}")


# Each example is a classification of its own, which takes most of the time.
@settings(max_examples=4, deadline=None)
@given(
    texts=st.lists(ANY_TEXT | WITH_TAG, min_size=1, max_size=100),
    unsafe=st.lists(
        st.tuples(UNSAFE, st.text(string.ascii_letters + "(')@.", max_size=20)).map("".join), min_size=1, max_size=30
    ),
)
def test_any_text_is_classified_and_an_unsafe_scheme_is_no_site(texts: list[str], unsafe: list[str]) -> None:
    with TemporaryDirectory() as folder:
        visits = [{"page_location": text, "page_referrer": text[::-1]} for text in texts]
        assert len(classify(Path(folder), visits)) == len(visits)
        assert {v["channel"] for v in from_referrers(Path(folder), unsafe)} <= {"Direct"}
