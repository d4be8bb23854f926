"""The top of the HTML page: one sentence and the large numbers.

Belongs here: the words around the figures of the summary. Does not belong here: the sections below (sections.py).
"""

from __future__ import annotations

from smm_pipeline.reporting.page import Headline
from smm_pipeline.reporting.summary import Summary, bound, orders_of, sum_known, total
from smm_pipeline.reporting.wording import UNKNOWN, community, count, counted, money, money_range, network, ratio, share


def lead(summary: Summary) -> str:
    """The page in one sentence."""
    benefit = total(summary.benefits)
    part = share(ratio(benefit, summary.net_revenue_amount))
    return (
        f"The communities are credited with {money(benefit, summary.currency)} of net revenue, {part} of the order "
        f"book, from {count(orders_of(summary.benefits))} of {counted(summary.orders, 'order')}."
    )


def warning(summary: Summary) -> str:
    """What is missing in the numbers of the page; empty when nothing is."""
    never = (
        f"Nothing ever came from {', '.join(summary.feeds_never_delivered)}." if summary.feeds_never_delivered else ""
    )
    if not summary.incomplete:
        return never
    # Tables of posts and mailings count days that lie far about their own.
    worst = max(summary.incomplete, key=lambda i: (i.table_name.startswith("kpi_daily_"), i.unit == "day", i.days))
    feeds = ", ".join(sorted({feed for i in summary.incomplete for feed in i.feeds}))
    return (
        f"Not everything came: up to {worst.days} of {counted(worst.days_in_all, worst.unit)} are incomplete, "
        f"without {feeds}. "
        f"Their numbers are too small, or missing, and no zeros; the section on the data lists them. {never}".rstrip()
    )


def headlines(summary: Summary) -> list[Headline]:
    """The numbers at the top of the page."""
    book, currency = summary.net_revenue_amount, summary.currency
    touched, benefit = total(summary.touched), total(summary.benefits)
    lower, upper = bound(summary.classes, "lower_amount"), bound(summary.classes, "upper_amount")
    by_visits = bound(summary.benefits, "lower_amount")
    touched_orders = orders_of(summary.touched)
    best = summary.strongest_community
    return [
        Headline("Order book", money(book, currency), f"net revenue of {counted(summary.orders, 'order')}", "observed"),
        Headline(
            "With a social touch",
            money(touched, currency),
            f"{share(ratio(touched, book))} of the order book, {counted(touched_orders, 'order')}; "
            f"lower to upper bound {money_range(lower, upper, currency)}",
            "observed",
        ),
        Headline(
            "Benefit of the communities",
            money(benefit, currency),
            f"{share(ratio(benefit, book))} of the order book; {money(by_visits, currency)} of it shown by a visit",
            "credited",
        ),
        Headline(
            "Supporters gained",
            count(summary.supporters_gained, signed=True),
            "members of all own communities",
            "observed",
        ),
        Headline(
            "Mentions by media and bloggers",
            count(sum_known((summary.media_mentions, summary.blogger_mentions))),
            f"{count(summary.media_mentions)} by media, {count(summary.blogger_mentions)} by bloggers",
            "observed",
        ),
        Headline(
            "Strongest community",
            community(best.community_name) if best else UNKNOWN,
            f"{money(best.net_revenue_amount, currency)} of benefit on {network(best.network)}" if best else "",
            "credited",
        ),
    ]
