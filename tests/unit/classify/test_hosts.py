"""Which hosts and spellings are known: the region's networks, whole labels only, and GA4's own list."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from smm_pipeline.ingest import web_requests
from smm_pipeline.settings import PROJECT_ROOT
from tests.unit.classify.helpers import classify, from_referrers

GA4_LIST = PROJECT_ROOT.parent / "shared" / "data" / "reference" / "ga4_source_categories.csv"
GA4_CHANNEL = {
    "SOURCE_CATEGORY_SEARCH": "Organic Search",
    "SOURCE_CATEGORY_SHOPPING": "Organic Shopping",
    "SOURCE_CATEGORY_SOCIAL": "Organic Social",
    "SOURCE_CATEGORY_VIDEO": "Organic Video",
}

# Networks, apps, forums and review sites from which the region's shops get visits.
SOCIAL_OF_THE_REGION = {
    "https://vk.com/": "vk", "https://vk.ru/": "vk", "https://m.vk.com/": "vk", "https://away.vk.com/away.php": "vk",
    "https://vkvideo.ru/": "vk", "android-app://com.vkontakte.android/": "vk",
    "https://ok.ru/": "ok", "https://m.ok.ru/": "ok", "https://odnoklassniki.ru/": "ok",
    "android-app://ru.ok.android/": "ok",
    "https://t.me/": "telegram", "https://telegram.me/": "telegram", "https://web.telegram.org/": "telegram",
    "android-app://org.telegram.messenger/": "telegram", "android-app://org.telegram.messenger.web/": "telegram",
    "https://dzen.ru/": "dzen", "https://max.ru/": "max", "https://web.max.ru/": "max", "https://rutube.ru/": "rutube",
    "https://my.mail.ru/": "mymail", "https://www.livejournal.com/": "livejournal", "https://pikabu.ru/": "pikabu",
    "https://wa.me/": "whatsapp", "https://web.whatsapp.com/": "whatsapp", "android-app://com.whatsapp/": "whatsapp",
    "https://www.viber.com/": "viber", "android-app://com.viber.voip/": "viber",
    "https://l.facebook.com/": "facebook", "https://lm.facebook.com/": "facebook",
    "https://m.facebook.com/": "facebook",
    "https://l.instagram.com/": "instagram", "android-app://com.instagram.android/": "instagram",
    "https://www.threads.net/": "threads", "https://l.threads.com/": "threads",
    "https://x.com/": "x", "https://t.co/": "x", "https://bsky.app/": "bluesky", "https://discord.com/": "discord",
    "https://discord.gg/": "discord", "https://lnkd.in/": "linkedin", "https://out.reddit.com/": "reddit",
    "https://www.tiktok.com/": "tiktok", "https://pin.it/": "pinterest",
    "https://otzovik.com/": "otzovik", "https://irecommend.ru/": "irecommend", "https://www.otzyvua.net/": "otzyvua",
    "https://forum.ixbt.com/": "ixbt", "https://www.drive2.ru/": "drive2", "https://4pda.to/": "4pda",
    "https://www.babyblog.ru/": "babyblog", "https://habr.com/": "habr",
    "https://vk.me/": "vk",
    "android-app://com.instagram.barcelona/": "threads", "android-app://com.twitter.android/": "x",
    "android-app://org.thunderdog.challegram/": "telegram", "https://telegram.dog/": "telegram",
    "android-app://tw.nekomimi.nekogram/": "telegram", "ios-app://686449807/": "telegram",
    "android-app://com.facebook.katana/": "facebook", "android-app://com.facebook.orca/": "messenger",
    "https://m.me/": "messenger", "https://api.whatsapp.com/": "whatsapp",
    "android-app://xyz.blueskyweb.app/": "bluesky",
    "https://app.slack.com/": "slack", "https://otzyvru.com/": "otzyvru", "https://www.otzyvru.com/": "otzyvru",
    "https://de.trustpilot.com/": "trustpilot", "https://yell.ru/": "yell", "https://zoon.ru/": "zoon",
    "https://2gis.kz/": "2gis", "https://go.2gis.com/": "2gis", "android-app://ru.dublgis.dgismobile/": "2gis",
    "https://maps.google.com.ua/": "google_maps", "https://maps.app.goo.gl/": "google_maps",
    "android-app://com.google.android.apps.maps/": "google_maps", "https://reviews.yandex.ru/": "yandex_maps",
    "https://maps.yandex.kz/": "yandex_maps", "https://vidhuk.ua/": "vidhuk", "https://club.osinka.ru/": "osinka",
    "https://forum.onliner.by/": "onliner", "https://conf.7ya.ru/": "7ya", "https://forumodua.com/": "forumodua",
}  # fmt: skip

# Where goods are compared and bought, assistants before Referral, and hosts that only pass on.
OTHERS_OF_THE_REGION = {
    "https://hotline.ua/": ("Organic Shopping", "organic_shopping_source"),
    "https://price.ua/": ("Organic Shopping", "organic_shopping_source"),
    "https://rozetka.com.ua/": ("Organic Shopping", "organic_shopping_source"),
    "https://ek.ua/": ("Organic Shopping", "organic_shopping_source"),
    "https://www.wildberries.ge/": ("Organic Shopping", "organic_shopping_source"),
    "https://yuanbao.tencent.com/": ("AI Assistants", "ai_source"),
    "https://giga.chat/": ("AI Assistants", "ai_source"),
    "https://linktr.ee/": ("Referral", "link_page"),
    "https://taplink.cc/": ("Referral", "link_page"),
    "https://clck.ru/": ("Referral", "short_link"),
    "https://vk.cc/": ("Referral", "short_link"),
    # GA4's list calls these social; of which network is still unknown.
    "https://bit.ly/": ("Organic Social", "organic_social_source"),
}

# Forums that are not listed: by the label before their site, by their pages' names; and what only looks like one.
FORUMS = {
    "https://forum.mytown.com.ua/": ("forum_telltale", "mytown.com.ua"),
    "https://forums.mytown.kz/t/1": ("forum_telltale", "mytown.kz"),
    "https://mytown.by/forum/viewtopic.php?t=5": ("forum_telltale", "mytown.by"),
    "http://club.mytown.ru/showthread.php?t=5": ("forum_telltale", "mytown.ru"),
    "https://mytown.by/forum": ("forum_telltale", "mytown.by"),
    "https://forum.com.ua/": ("referral", ""),
    "https://mytown.by/forumnews/": ("referral", ""),
    "https://mytown.by/news/forum-of-mothers": ("referral", ""),
    "https://forum.awd.ru/": ("organic_social_source", "awd"),
}

SPELLINGS = {
    "vk": "vk", "vkontakte": "vk", "telegram": "telegram", "tg": "telegram", "ok": "ok", "odnoklassniki": "ok",
    "facebook": "facebook", "fb": "facebook", "instagram": "instagram", "ig": "instagram", "insta": "instagram",
    "threads": "threads", "viber": "viber", "whatsapp": "whatsapp", "x": "x", "twitter": "x", "tiktok": "tiktok",
    "dzen": "dzen", "max": "max", "discord": "discord",
}  # fmt: skip

# Each contains the name of a network inside a label, or wears it as a prefix.
TRAPS = (
    "chatgpt.com", "target.com", "walmart.com", "ixbt.com", "netflix.com", "fedex.com", "book.ru",
    "facebook.com.evil.net", "notvk.com", "about.me", "smok.ru", "climax.ru", "mail.ru", "myfacebook.com", "vk.com.ua",
)  # fmt: skip


def test_social_hosts_of_the_region_are_social_of_their_network(tmp_path: Path) -> None:
    assert len(SOCIAL_OF_THE_REGION) >= 48
    visits = from_referrers(tmp_path, SOCIAL_OF_THE_REGION)
    got = {v["page_referrer"]: (v["channel"], v["network"]) for v in visits}
    assert got == {referrer: ("Organic Social", network) for referrer, network in SOCIAL_OF_THE_REGION.items()}


def test_browsers_within_apps_are_of_their_network(tmp_path: Path) -> None:
    """Every package that the user agents of apps are read as; one without a network would be Referral."""
    packages = {package: f"in-app://{package}/" for package in web_requests.APPS.values()}
    visits = from_referrers(tmp_path, packages.values())
    assert {v["page_referrer"]: v["channel"] for v in visits} == dict.fromkeys(packages.values(), "Organic Social")
    networks = {v["page_referrer"]: v["network"] for v in visits}
    assert networks["in-app://com.zhiliaoapp.musically/"] == "tiktok"
    assert networks["in-app://com.facebook.orca/"] == "messenger"


def test_other_hosts_of_the_region_by_their_rules(tmp_path: Path) -> None:
    visits = from_referrers(tmp_path, OTHERS_OF_THE_REGION)
    assert {v["page_referrer"]: (v["channel"], v["rule_id"]) for v in visits} == OTHERS_OF_THE_REGION
    assert {v["network"] for v in visits} == {"", "(unknown)"}


def test_forums_that_no_list_names_tell_themselves(tmp_path: Path) -> None:
    visits = from_referrers(tmp_path, FORUMS)
    assert {v["page_referrer"]: (v["rule_id"], v["network"]) for v in visits} == FORUMS
    assert {v["channel"] for v in visits if v["rule_id"] == "forum_telltale"} == {"Organic Social"}


def test_a_click_id_shows_what_stood_behind_a_short_link(tmp_path: Path) -> None:
    visits = classify(
        tmp_path,
        [
            {"page_location": "https://shop.example/?igshid=1", "page_referrer": "https://linktr.ee/ourshop"},
            {"page_location": "https://shop.example/?fbclid=1", "page_referrer": "https://bit.ly/"},
            # t.co is X's own: an address that came from Facebook was passed on there.
            {"page_location": "https://shop.example/?fbclid=1", "page_referrer": "https://t.co/a1"},
            {
                "page_location": "https://shop.example/?utm_source=tg&utm_medium=post",
                "page_referrer": "https://clck.ru/",
            },
            {"page_location": "https://shop.example/?utm_source=taplink", "page_referrer": "https://l.instagram.com/"},
        ],
    )
    assert [(v["channel"], v["network"]) for v in visits] == [
        ("Organic Social", "instagram"),
        ("Organic Social", "facebook"),
        ("Organic Social", "x"),
        ("Organic Social", "telegram"),
        ("Referral", "instagram"),
    ]


def test_bare_spellings_are_their_network(tmp_path: Path) -> None:
    visits = classify(tmp_path, [{"utm_source": s, "utm_medium": "post"} for s in SPELLINGS])
    got = {v["utm_source"]: (v["channel"], v["network"]) for v in visits}
    assert got == {spelling: ("Organic Social", network) for spelling, network in SPELLINGS.items()}


def test_names_inside_other_names_are_not_social(tmp_path: Path) -> None:
    visits = from_referrers(tmp_path, [f"https://{host}/" for host in TRAPS])
    assert not [v["page_referrer"] for v in visits if v["channel"] == "Organic Social"]


def test_longest_listed_host_wins(tmp_path: Path) -> None:
    hosts = [
        "yandex.ru",
        "zen.yandex.ru",
        "market.yandex.ru",
        "alice.yandex.ru",
        "disk.yandex.ru",
        "google.com",
        "gemini.google.com",
    ]
    visits = from_referrers(tmp_path, [f"https://{host}/" for host in hosts])
    assert [v["channel"] for v in visits] == [
        "Organic Search",
        "Organic Search",
        "Organic Shopping",
        "AI Assistants",
        "Referral",
        "Organic Search",
        "AI Assistants",
    ]


@pytest.mark.skipif(not GA4_LIST.is_file(), reason=f"GA4's source list is not at {GA4_LIST}")
@pytest.mark.parametrize("medium", ["", "referral"])
def test_every_source_of_ga4_has_ga4s_channel(tmp_path: Path, medium: str) -> None:
    with GA4_LIST.open(encoding="utf-8") as file:
        expected = {row["source"]: GA4_CHANNEL[row["source_category"]] for row in csv.DictReader(file)}
    visits = classify(tmp_path, [{"utm_source": source, "utm_medium": medium} for source in expected])
    wrong = [(v["utm_source"], v["channel"]) for v in visits if v["channel"] != expected[v["utm_source"]]]
    assert not wrong


@pytest.mark.skipif(not GA4_LIST.is_file(), reason=f"GA4's source list is not at {GA4_LIST}")
def test_every_referring_host_of_ga4_has_ga4s_channel_unless_it_takes_payments(tmp_path: Path) -> None:
    with GA4_LIST.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if "." in r["source"] and not r["source"].endswith("stripe.com")]
    expected = {f"https://{r['source']}/": GA4_CHANNEL[r["source_category"]] for r in rows}
    visits = from_referrers(tmp_path, expected)
    assert not [(r, v["channel"]) for v in visits if v["channel"] != expected[r := v["page_referrer"]]]
