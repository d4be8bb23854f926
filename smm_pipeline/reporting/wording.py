"""How numbers and codes read for people: the same on the terminal and in the HTML page.

Belongs here: formatting of money, counts, shares and days, and the names of benefit classes, attribution models
and author classes. A missing value is a dash, never a zero. Does not belong here: layout.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

UNKNOWN = "\N{EN DASH}"
_SPACE = "\N{NO-BREAK SPACE}"

BENEFIT_CLASSES: dict[str, str] = {
    "D1_recommendation": "On recommendation",
    "D2_impulse": "On impulse",
    "D3_considered": "After consideration",
    "D4_deferred": "Deferred to the right day",
    "anyway": "Touched, no clear benefit",
    "no_social_touch": "No social touch",
}
"""Benefit classes in the order of reading; the first four are benefits."""

BENEFITS: tuple[str, ...] = tuple(BENEFIT_CLASSES)[:4]

CLASS_MEANINGS: dict[str, str] = {
    "D1_recommendation": "bought because someone recommended, or as an active member",
    "D2_impulse": "saw a fresh post, wanted it, bought within hours",
    "D3_considered": "compared for a week or more, then a community convinced",
    "D4_deferred": "saw or saved it earlier, bought when payday or a holiday came",
    "anyway": "came through a community, but nothing shows that it mattered",
    "no_social_touch": "no visit from a community is known",
}

MODELS: dict[str, str] = {
    "first": "First visit",
    "last": "Last visit",
    "last_non_direct": "Last visit that was not direct",
    "linear": "All visits equally",
}

UNKNOWN_COMMUNITY = "(unknown)"
MENTION = "(mention)"
_CHANNELS = {
    "(marketplace)": "Marketplaces",
    "(no visit)": "No visit known",
    "(phone)": "By phone or staff",
}
_NETWORKS = {
    MENTION: "Media and bloggers",
    "(unknown)": "Network not known",
    "linkedin": "LinkedIn",
    "ok": "OK",
    "tiktok": "TikTok",
    "vk": "VK",
    "whatsapp": "WhatsApp",
    "youtube": "YouTube",
}

METRIC_MEANINGS: dict[tuple[str, str], str] = {
    ("checks", "not_passed_share"): "checks of the tables that found something",
    ("deliveries", "failed_share"): "files that could not be read; the table of feeds says whose",
    ("events", "bot_share"): "events of known bots, left out of every visit",
    ("events", "without_visitor_share"): "events without a visitor's id, mostly without consent: no visit knows them",
    ("feed", "silent_share"): "days on which a daily feed had given nothing for four days or more",
    ("feeds", "late_share"): "rows that were first given more than three days after their day",
    ("feeds", "restated_share"): "rows that were given with another content as well; the newest counts",
    ("identity", "shared_account_share"): "of the orders under an account those under one that many use: not used",
    ("identity", "shared_device_share"): "of the orders whose device is known those of a device that many use",
    ("identity", "shared_member_share"): "members said to be more customers than one person has addresses: not used",
    ("order_to_visit", "channel_disagreement_share"): "orders whose own note names another channel than their visit",
    ("order_to_visit", "matched_by_customer_window_share"): "joined through the customer, near in time: less sure",
    ("order_to_visit", "matched_by_none_share"): "orders that no visit could be found for: their touches are unknown",
    ("order_to_visit", "matched_by_order_attribution_share"): "known only by the shop system's own note of the visit",
    ("order_to_visit", "matched_by_order_ref_share"): "joined by the order number in an event: sure",
    ("order_to_visit", "matched_by_visit_order_ref_share"): "joined by the order number in a visit: sure",
    ("orders", "countable_share"): "orders that count as sales: neither cancelled, failed nor tests",
    ("orders", "marketplace_share"): "orders from marketplaces, which no visit can belong to",
    ("orders", "missing_rate_share"): "of the orders in other currencies those without a known rate: worth unknown",
    ("orders", "without_margin_share"): "orders of unknown margin, such as goods without a cost: their cells have none",
    ("orders", "without_amount_share"): "orders whose worth is unknown and in no sum, such as a missing rate",
    ("records", "rejected_share"): "records refused with a reason; the table of feeds says whose",
    ("refunds", "missing_rate_share"): "of the refunds in other currencies those without a known rate: worth unknown",
    (
        "sessions",
        "dark_social_at_most_share",
    ): "direct visits that began on a product or an article: links that told no source",
    ("sessions", "referrer_spam_share"): "visits that were none: known spam and floods of robots, in no figure",
    ("sessions", "social_without_community_share"): "visits from a network that name no community",
    ("sessions", "unassigned_share"): "visits that no rule gives a channel",
}
"""What each data quality metric says, by subject and metric."""

AUTHORS: dict[str, str] = {"media": "Media", "blogger": "Bloggers", "user": "Users"}


def money(amount: Decimal | None, currency: str | None) -> str:
    """An amount to the unit with its currency, e.g. `1,234,568 UAH`."""
    return UNKNOWN if amount is None else f"{amount:,.0f}{_SPACE}{currency or ''}".rstrip()


def money_range(lower: Decimal | None, upper: Decimal | None, currency: str | None) -> str:
    """Two bounds with one currency, e.g. `1,200 to 1,500 UAH`."""
    if lower is None or upper is None:
        return UNKNOWN
    return f"{lower:,.0f} to {money(upper, currency)}"


def count(number: Decimal | float | None, *, signed: bool = False) -> str:
    """A whole number with separators; `signed` shows the plus of a gain."""
    if number is None:
        return UNKNOWN
    return f"{number:+,.0f}" if signed else f"{number:,.0f}"


def counted(number: int | None, one: str, many: str = "") -> str:
    """A number with its noun: 1 day, 2 days; `many` where the plural is not `one` with an s."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def share(part: Decimal | float | None, digits: int = 1) -> str:
    """A share 0..1 as a percentage, e.g. `12.3%`."""
    return UNKNOWN if part is None else f"{part * 100:.{digits}f}%"


def ratio(part: Decimal | float | None, whole: Decimal | float | None) -> float | None:
    """Divide `part` by `whole`; None where that is unknown."""
    return None if part is None or not whole else float(part) / float(whole)


def day(value: date | None) -> str:
    """A day as people write it, e.g. `3 Mar 2026`."""
    return UNKNOWN if value is None else f"{value.day} {value:%b %Y}".replace(" ", _SPACE)


def community(name: str) -> str:
    """The name of a community, or words for the visits and orders whose community nobody knows."""
    return "Community not known" if name == UNKNOWN_COMMUNITY else name


def channel(code: str) -> str:
    """The name of a channel, or words for the orders that have none."""
    return _CHANNELS.get(code, code)


def title(table: str) -> str:
    """The name of a published table in words."""
    return phrase(table.removeprefix("kpi_"))


def moment(value: date | None, hour: int | None) -> str:
    """A day with the hour of it, e.g. `3 Mar 2026, 18:00`."""
    return day(value) if hour is None else f"{day(value)}, {hour:02}:00"


def network(code: str) -> str:
    """The name of a social network as it writes itself."""
    return _NETWORKS.get(code, phrase(code))


def phrase(code: str) -> str:
    """A code such as `matched_share` as words."""
    words = code.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def metric_label(metric: str) -> str:
    """A data quality metric in words: every one is a share, so the suffix says nothing."""
    return phrase(metric.removesuffix("_share"))
