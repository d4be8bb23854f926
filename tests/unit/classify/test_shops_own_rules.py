"""What a shop says in smm.toml goes before what is shipped, and the rule's id says so; spam is told by name."""

from __future__ import annotations

from pathlib import Path

from smm_pipeline.channel_settings import ChannelHost, ChannelRule, Channels
from tests.unit.classify.helpers import classify, from_referrers

OURS = Channels(
    spam_hosts=("Spam.town.example", "спам.рф"),
    hosts=(
        ChannelHost(source="talk.town.example", category="social", network="town", kind="forum"),
        ChannelHost(source="TownApp", category="social", network="town"),
        ChannelHost(source="chatgpt.com", category="search", network="chatgpt"),
        ChannelHost(source="town-mail.*", category="link_page"),
    ),
    rules=(
        ChannelRule(id="own_partners", channel="Affiliates", source=("partner*", "a+b (c)"), medium=("post", "*link*")),
        ChannelRule(id="own_cards", channel="Email", campaign=("Card-*",), category="social"),
        ChannelRule(id="own_late", channel="SMS", source=("partner*",)),
    ),
)

VISITS = {
    "https://talk.town.example/t/1": ("Organic Social", "town", "own_host:organic_social_source"),
    "https://m.talk.town.example/": ("Organic Social", "town", "own_host:organic_social_source"),
    "https://town.example/": ("Referral", "", "referral"),
    "https://chatgpt.com/": ("Organic Search", "", "own_host:organic_search_source"),
    "https://town-mail.com.ua/": ("Referral", "", "own_host:link_page"),
    "https://a.spam.town.example/": ("Referrer Spam", "", "own_host:referrer_spam"),
    "https://xn--80ayhh.xn--p1ai/": ("Referrer Spam", "", "own_host:referrer_spam"),
    "https://semalt.com/crawler.php": ("Referrer Spam", "", "referrer_spam"),
    "https://site1.free-share-buttons.com/": ("Referrer Spam", "", "referrer_spam"),
    "https://notsemalt.com/": ("Referral", "", "referral"),
}
TAGGED = [
    ({"utm_source": "partner7", "utm_medium": "post"}, ("Affiliates", "", "own_partners")),
    ({"utm_source": "A+B (c)", "utm_medium": "our link here"}, ("Affiliates", "", "own_partners")),
    ({"utm_source": "aab (c)", "utm_medium": "post"}, ("Unassigned", "", "unassigned")),
    ({"utm_source": "partner7", "utm_medium": "banner"}, ("SMS", "", "own_late")),
    ({"utm_source": "our partner", "utm_medium": "post"}, ("Unassigned", "", "unassigned")),
    ({"utm_source": "vk", "utm_campaign": "card-7"}, ("Email", "vk", "own_cards")),
    ({"utm_source": "x.example", "utm_campaign": "card-7"}, ("Unassigned", "", "unassigned")),
    ({"utm_source": "townapp", "utm_medium": "cpc"}, ("Paid Social", "town", "own_host:paid_social")),
    ({"utm_source": "semalt.com", "utm_medium": "referral"}, ("Referrer Spam", "", "referrer_spam")),
]


def test_sources_of_the_shop_go_before_shipped_ones(tmp_path: Path) -> None:
    visits = classify(
        tmp_path,
        [{"page_location": "https://shop.example/", "page_referrer": r} for r in VISITS],
        channels=OURS,
    )
    assert {v["page_referrer"]: (v["channel"], v["network"], v["rule_id"]) for v in visits} == VISITS


def test_rules_of_the_shop_are_tried_first_and_in_their_order(tmp_path: Path) -> None:
    visits = classify(tmp_path, [tags for tags, _ in TAGGED], channels=OURS)
    got = [(v["channel"], v["network"], v["rule_id"]) for v in visits]
    assert got == [verdict for _, verdict in TAGGED]


def test_without_them_the_shipped_lists_decide(tmp_path: Path) -> None:
    visits = from_referrers(
        tmp_path, ["https://talk.town.example/", "https://chatgpt.com/", "https://spam.town.example/"]
    )
    assert [v["rule_id"] for v in visits] == ["referral", "ai_source", "referral"]
