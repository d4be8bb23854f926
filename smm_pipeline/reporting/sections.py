"""What the HTML page says of the communities, section by section.

Belongs here: the sections with their words, tables and charts, filled from figures.py. Does not belong here:
what it says of the data themselves (data_sections.py), queries, drawing and layout. Everything a person reads is text
by now; the template only places it.
"""

from __future__ import annotations

from smm_pipeline.reporting import charts, figures
from smm_pipeline.reporting.charts import TimeAxis
from smm_pipeline.reporting.data_sections import definitions, quality
from smm_pipeline.reporting.page import Chart, Section, Table, filled
from smm_pipeline.reporting.serving import Serving
from smm_pipeline.reporting.summary import ClassTotal, Summary
from smm_pipeline.reporting.wording import (
    AUTHORS,
    BENEFIT_CLASSES,
    CLASS_MEANINGS,
    MODELS,
    UNKNOWN,
    channel,
    community,
    count,
    moment,
    money,
    money_range,
    network,
    phrase,
    ratio,
    share,
)


def sections(source: Serving, summary: Summary) -> list[Section]:
    """All sections of the page, in order."""
    first, last = (day or summary.published_at.date() for day in (summary.first_date, summary.last_date))
    axis = TimeAxis(first, last, figures.bucket(first, last))
    currency = summary.currency or ""
    return [
        _benefit(source, summary, axis, currency),
        _communities(source, currency),
        _attribution(source, currency),
        _posts(source, currency),
        _supporters(source, axis),
        _media(source, axis),
        quality(source, summary),
        definitions(source),
    ]


def _benefit(source: Serving, summary: Summary, axis: TimeAxis, currency: str) -> Section:
    over_time = figures.benefit_over_time(source, axis.step)
    rows = [_class_row(c, summary) for c in summary.classes if summary.orders]
    columns = ("Class", "What it means", "Orders", "Net revenue", "Share", "Of it social, lower to upper bound")
    drawn = (
        Chart(
            "benefit-totals",
            f"Benefit by class, net revenue in {currency}",
            "Bars of net revenue per benefit with the range from lower to upper bound, as in the table.",
            charts.benefit_totals(summary.classes, currency),
        ),
        Chart(
            "benefit-over-time",
            f"Benefit per {axis.step}, net revenue in {currency}",
            f"Stacked bars of the net revenue of the four benefits per {axis.step}.",
            charts.benefit_over_time(over_time, axis, currency),
        ),
    )
    return Section(
        "benefit",
        "What kind of purchase was it?",
        "Every order belongs to exactly one class, so the classes add up to the order book. How much of a class the "
        "communities brought lies between two bounds, the line over each bar: the lower counts the orders with a visit "
        "from a community, the upper adds promo codes, actions of members, the order's own attribution and direct "
        "visits to a page just posted. Clicks undercount, because apps and messengers often send no referrer; so "
        "even orders without a known touch have an upper bound.",
        drawn if over_time else (),
        filled(Table("Orders and net revenue by benefit class", columns, rows, words=2)),
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
            ", ".join(map(network, r["networks"])),
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
    columns = ("Community", "Network", "Visits", "Engaged share", "Orders touched", "Orders with benefit", "Benefit")
    return Section(
        "communities",
        "Which community works?",
        "Visits are those that came from the community; engaged are those that lasted, went on to a second page or "
        "bought, as GA4 counts them. Orders touched had such a visit, or another sign of the "
        "community, in their past; those with a benefit fall into one of the four benefit classes.",
        (chart,) if by_class else (),
        filled(Table("Communities by credited benefit", columns, rows, words=2)),
    )


def _attribution(source: Serving, currency: str) -> Section:
    # Eight points in a line would show nothing; the other models are in the published file.
    found = [{**r, "channel": channel(r["channel"])} for r in figures.attribution(source) if r["model"] in MODELS]
    models = [m for m in MODELS if any(r["model"] == m for r in found)]
    rows = []
    for name in dict.fromkeys(r["channel"] for r in found):
        by_model = {r["model"]: r["amount"] for r in found if r["channel"] == name}
        rows.append((name, *(money(by_model.get(m), currency) for m in models)))
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
        "answer does not depend on the rule; where they lie apart, quote the rule with the number. Four more models "
        "are in the file, in kpi_daily_channel_attribution.",
        (chart,) if found else (),
        filled(table),
    )


def _posts(source: Serving, currency: str) -> Section:
    rows = [
        (
            moment(r["post_date_local"], r["post_hour_local"]),
            community(r["community_name"]),
            network(r["network"]),
            phrase(r["post_type"] or ""),
            r["hashtags"] or phrase(r["product_group"] or "") or UNKNOWN,
            count(r["reach"]),
            share(r["er_reach"]),
            count(r["sessions"]),
            count(r["orders"]),
            money(r["net_revenue_amount"], currency),
        )
        for r in figures.best_posts(source)
    ]
    columns = (
        "Posted", "Community", "Network", "Type", "About",
        "Reach", "Engagement of reach", "Visits", "Orders", "Net revenue",
    )  # fmt: skip
    return Section(
        "posts",
        "Which posts sold?",
        "Posts in the order of the net revenue of the orders they are credited with, whether or not these count as a "
        "benefit. A post is named by its hour and its hashtags or, without any, the product group that it shows; its "
        "id is in the table kpi_post_performance of the published file. A dash means that the network does not tell.",
        tables=filled(Table(f"The best {len(rows)} posts", columns, rows, words=5)),
    )


def _supporters(source: Serving, axis: TimeAxis) -> Section:
    over_time = figures.supporters_over_time(source, axis.step)
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
    most = f", the {len(charts.PALETTE)} communities that changed most" if len(rows) > len(charts.PALETTE) else ""
    chart = Chart(
        "supporters",
        f"Members gained since the start of the period{most}",
        "One line per community: members gained from the start of the period on.",
        charts.supporters_over_time(over_time, axis),
    )
    columns = ("Community", "Network", "Members", "Joined", "Left", "Gained", "Active core")
    return Section(
        "supporters",
        "Do the communities grow?",
        "Members and active core as of the last day known; joined and left only where the network tells them. "
        "Gained is joined less left, or the change of the member count since the first day known where the network "
        "does not tell both. The "
        "active core is the smallest group of members that gives half of all actions.",
        (chart,) if over_time else (),
        filled(Table("Supporters by community", columns, rows, words=2)),
    )


def _media(source: Serving, axis: TimeAxis) -> Section:
    over_time = figures.mentions_over_time(source, axis.step)
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
        f"Mentions of the own brand per {axis.step}",
        f"Stacked bars of mentions per {axis.step}, by media, bloggers and users.",
        charts.mentions_over_time(over_time, axis),
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
        "Mentions found by the monitoring service. Linked visits came from a page, or its site, that had spoken of the "
        "shop with a link in the four weeks before. Linked orders were placed in such a visit; the orders touched by "
        "media and bloggers, in the table of communities, had one at any time in the weeks before them, so they are "
        "more. Share of voice is a brand's part of all mentions of the brands watched.",
        (*((mentions_chart,) if over_time else ()), *((voice_chart,) if voice else ())),
        filled(
            Table("Interest of media, bloggers and users", interest_columns, interest),
            Table("Share of voice by brand", brand_columns, brands),
        ),
    )
