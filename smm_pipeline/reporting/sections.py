"""What the HTML page says, section by section.

Belongs here: the sections with their words, tables and charts, filled from figures.py. Does not belong here:
queries, drawing and layout. Everything a person reads is text by now; the template only places it.
"""

from __future__ import annotations

from itertools import groupby

from smm_pipeline.reporting import charts, figures
from smm_pipeline.reporting.page import Chart, Section, Table
from smm_pipeline.reporting.serving import Row, Serving
from smm_pipeline.reporting.summary import ClassTotal, Summary
from smm_pipeline.reporting.wording import (
    AUTHORS,
    BENEFIT_CLASSES,
    CLASS_MEANINGS,
    MODELS,
    community,
    count,
    day,
    metric_label,
    money,
    money_range,
    network,
    phrase,
    ratio,
    share,
)


def sections(source: Serving, summary: Summary) -> list[Section]:
    """All sections of the page, in order."""
    step = figures.bucket(summary.first_date, summary.last_date)
    currency = summary.currency or ""
    return [
        _benefit(source, summary, step, currency),
        _communities(source, currency),
        _attribution(source, currency),
        _posts(source, currency),
        _supporters(source, step),
        _media(source, step),
        _quality(summary),
        _definitions(source),
    ]


def _benefit(source: Serving, summary: Summary, step: str, currency: str) -> Section:
    over_time = figures.benefit_over_time(source, step)
    rows = [_class_row(c, summary) for c in summary.classes]
    drawn = (
        Chart(
            "benefit-totals",
            f"Net revenue by benefit, {currency}",
            "Bars of net revenue per benefit class with the range from lower to upper bound, as in the table.",
            charts.benefit_totals(summary.classes, currency),
        ),
        Chart(
            "benefit-over-time",
            f"Net revenue per {step}, {currency}",
            f"Stacked bars of net revenue per {step} and benefit class.",
            charts.benefit_over_time(over_time, step, currency),
        ),
    )
    return Section(
        "benefit",
        "What kind of purchase was it?",
        "Every order belongs to exactly one class, so the classes add up to the order book. The line over each bar "
        "starts at the lower bound, the orders with a visit from a community, and ends at the upper bound, which adds "
        "promo codes, actions of members, the order's own attribution and direct visits to a page just posted: clicks "
        "undercount, because apps and messengers often send no referrer.",
        drawn if over_time else (),
        (
            Table(
                "Orders and net revenue by benefit class",
                ("Class", "What it means", "Orders", "Net revenue", "Share", "Lower to upper bound"),
                rows,
                words=2,
            ),
        )
        if summary.orders
        else (),
    )


def _class_row(c: ClassTotal, summary: Summary) -> tuple[str, ...]:
    return (
        BENEFIT_CLASSES[c.benefit_class],
        CLASS_MEANINGS[c.benefit_class],
        count(c.orders),
        money(c.net_revenue_amount, summary.currency),
        share(ratio(c.net_revenue_amount, summary.net_revenue_amount)),
        money_range(c.lower_amount, c.upper_amount, summary.currency),
    )


def _communities(source: Serving, currency: str) -> Section:
    by_class = figures.benefit_by_community(source)
    rows = [
        (
            community(r["community_name"]),
            network(r["network"]),
            count(r["sessions"]),
            share(r["engaged_share"]),
            count(r["orders"]),
            count(r["benefit_orders"]),
            money(r["amount"], currency),
        )
        for r in figures.communities(source)
    ]
    chart = Chart(
        "benefit-by-community",
        f"Benefit by community, {currency}",
        "Stacked bars of net revenue per community and benefit class, the strongest first.",
        charts.benefit_by_community(by_class, currency),
    )
    columns = ("Community", "Network", "Visits", "Engaged visits", "Orders touched", "Orders with benefit", "Benefit")
    return Section(
        "communities",
        "Which community works?",
        "Visits are those that came from the community. Orders touched had such a visit, or another sign of the "
        "community, in their past; those with a benefit fall into one of the four benefit classes.",
        (chart,) if by_class else (),
        (Table("Communities by credited benefit", columns, rows, words=2),) if rows else (),
    )


def _attribution(source: Serving, currency: str) -> Section:
    found = figures.attribution(source)
    models = [m for m in MODELS if any(r["model"] == m for r in found)]
    rows = []
    for channel in dict.fromkeys(r["channel"] for r in found):
        by_model = {r["model"]: r["amount"] for r in found if r["channel"] == channel}
        rows.append((channel, *(money(by_model.get(m), currency) for m in models)))
    chart = Chart(
        "attribution",
        f"Credited net revenue by channel and model, {currency}",
        "For each channel one point per attribution model; the further apart, the more the credit depends on the rule.",
        charts.attribution(found, currency),
    )
    table = Table("Credited net revenue by channel and model", ("Channel", *(MODELS[m] for m in models)), rows)
    return Section(
        "attribution",
        "How much depends on the counting rule?",
        "Four rules share out the same order book, each to the cent. Where the points of a channel lie together the "
        "answer does not depend on the rule; where they lie apart, quote the rule with the number.",
        (chart,) if found else (),
        (table,) if found else (),
    )


def _posts(source: Serving, currency: str) -> Section:
    rows = [
        (
            day(r["post_date_local"]),
            community(r["community_name"]),
            network(r["network"]),
            phrase(r["post_type"] or ""),
            r["post_id"],
            count(r["reach"]),
            share(r["er_reach"]),
            count(r["sessions"]),
            count(r["orders"]),
            money(r["net_revenue_amount"], currency),
        )
        for r in figures.best_posts(source)
    ]
    columns = (
        "Posted", "Community", "Network", "Type", "Post",
        "Reach", "Engagement of reach", "Visits", "Orders", "Net revenue",
    )  # fmt: skip
    return Section(
        "posts",
        "Which posts sold?",
        "Posts in the order of the net revenue of the orders they are credited with. A dash means that the network "
        "does not tell.",
        tables=(Table(f"The best {len(rows)} posts", columns, rows, words=5),) if rows else (),
    )


def _supporters(source: Serving, step: str) -> Section:
    over_time = figures.supporters_over_time(source, step)
    rows = [
        (
            community(r["community_name"]),
            network(r["network"]),
            count(r["members"]),
            count(r["joined"]),
            count(r["departed"]),
            count(r["gained"], signed=True),
            count(r["active_core"]),
        )
        for r in figures.supporters(source)
    ]
    chart = Chart(
        "supporters",
        f"Members gained since the start of the period, the {len(charts.PALETTE)} communities that changed most",
        "One line per community: members gained since the first day known.",
        charts.supporters_over_time(over_time, step),
    )
    columns = ("Community", "Network", "Members", "Joined", "Left", "Gained", "Active core")
    return Section(
        "supporters",
        "Do the communities grow?",
        "Members and active core as of the last day known; joined and left only where the network tells them. "
        "Gained is joined less left, or the change of the member count where the network does not tell both. The "
        "active core is the smallest group of members that gives half of all actions.",
        (chart,) if over_time else (),
        (Table("Supporters by community", columns, rows, words=2),) if rows else (),
    )


def _media(source: Serving, step: str) -> Section:
    over_time = figures.mentions_over_time(source, step)
    voice = figures.share_of_voice(source)
    interest = [
        (
            AUTHORS.get(r["author_class"], str(r["author_class"])),
            count(r["mentions"]),
            count(r["first_time_outlets"]),
            count(r["reach"]),
            f"{count(r['positive'])} / {count(r['negative'])}",
            count(r["linked_sessions"]),
            count(r["linked_orders"]),
        )
        for r in figures.media_interest(source)
    ]
    brands = [
        (
            f"{r['brand']} (own)" if r["is_own"] else str(r["brand"]),
            count(r["mentions"]),
            share(r["mentions_share"]),
            count(r["reach"]),
            share(r["reach_share"]),
            count(r["engagements"]),
        )
        for r in voice
    ]
    mentions_chart = Chart(
        "mentions",
        f"Mentions of the own brand per {step}",
        f"Stacked bars of mentions per {step}, by media, bloggers and users.",
        charts.mentions_over_time(over_time, step),
    )
    voice_chart = Chart(
        "share-of-voice",
        "Share of voice",
        "Bars of each brand's share of all mentions; the own brand stands out.",
        charts.share_of_voice(voice),
    )
    interest_columns = (
        "Written by", "Mentions", "First-time outlets", "Reach", "Positive / negative",
        "Linked visits", "Linked orders",
    )  # fmt: skip
    brand_columns = ("Brand", "Mentions", "Share of mentions", "Reach", "Share of reach", "Engagements")
    return Section(
        "media",
        "Who talks about the shop?",
        "Mentions found by the monitoring service. Share of voice is a brand's part of all mentions of the brands "
        "watched.",
        (*((mentions_chart,) if over_time else ()), *((voice_chart,) if voice else ())),
        (
            *((Table("Interest of media, bloggers and users", interest_columns, interest),) if interest else ()),
            *((Table("Share of voice by brand", brand_columns, brands),) if brands else ()),
        ),
    )


def _quality(summary: Summary) -> Section:
    rows = [
        (phrase(q.subject), metric_label(q.metric), count(q.numerator), count(q.denominator), share(q.share, 2))
        for q in summary.quality
    ]
    columns = ("Subject", "Metric", "Counted", "Out of", "Share")
    return Section(
        "quality",
        "How good is the data?",
        "What arrived, what could be joined and what had to be rejected, over the whole period.",
        tables=(Table("Data quality", columns, rows, words=2),) if rows else (),
    )


def _definitions(source: Serving) -> Section:
    tables = [
        Table(
            name,
            ("Column", "Name", "How it is computed", "Basis", "Mind"),
            [_definition(r) for r in rows],
            words=5,
            folded=True,
        )
        for name, rows in groupby(figures.definitions(source), key=lambda r: str(r["table_name"]))
    ]
    return Section(
        "definitions",
        "What does each number mean?",
        "Observed is a fact in a feed, credited is given by a rule, estimated comes from a model. One list per table "
        "of the published file.",
        tables=tuple(tables),
    )


def _definition(row: Row) -> tuple[str, ...]:
    names = ("column_name", "label_en", "formula", "basis", "caveat")
    return tuple(row[name] or "" for name in names)
