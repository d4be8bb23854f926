"""The figures of the short answer: what the communities brought.

Belongs here: the figures themselves, taken from the serving file, and their form for `--json`. Does not belong
here: how they look (terminal.py, report.py), and any rule of measurement: those are in sql/.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TypeVar

from smm_pipeline.reporting.figures import media_interest, supporters
from smm_pipeline.reporting.serving import MONTHLY, Serving, open_serving
from smm_pipeline.reporting.wording import BENEFIT_CLASSES, BENEFITS, MENTION, UNKNOWN_COMMUNITY

TOP_COMMUNITIES = 5
_Number = TypeVar("_Number", int, Decimal)


@dataclass(frozen=True)
class ClassTotal:
    """Orders of one benefit class over the whole period; amounts in shop currency. None is unknown."""

    benefit_class: str
    orders: int | None
    net_revenue_amount: Decimal | None
    lower_amount: Decimal | None
    upper_amount: Decimal | None


@dataclass(frozen=True)
class CommunityTotal:
    """Orders credited to one community with a benefit (classes D1 to D4)."""

    network: str
    community_id: str
    community_name: str
    orders: int | None
    net_revenue_amount: Decimal | None


@dataclass(frozen=True)
class QualityTotal:
    """One data quality metric over the whole period; share is numerator / denominator, 0..1."""

    subject: str
    metric: str
    numerator: float | None
    denominator: float | None
    share: float | None


@dataclass(frozen=True)
class Incomplete:
    """Days of one KPI table, of `days_in_all`, on which daily feeds gave nothing; `feeds` are their names.

    Of a table of months they are months.
    """

    table_name: str
    unit: Literal["day", "month"]
    days: int
    days_in_all: int
    feeds: tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """What the serving file says in short. None is unknown: the feed behind the figure is absent."""

    first_date: date | None
    last_date: date | None
    published_at: datetime
    build_id: str
    currency: str | None
    classes: tuple[ClassTotal, ...]
    communities: tuple[CommunityTotal, ...]
    strongest_community: CommunityTotal | None
    supporters_gained: int | None
    media_mentions: int | None
    blogger_mentions: int | None
    quality: tuple[QualityTotal, ...]
    incomplete: tuple[Incomplete, ...]
    feeds_never_delivered: tuple[str, ...]

    @property
    def orders(self) -> int | None:
        """Orders of the whole order book."""
        return orders_of(self.classes)

    @property
    def net_revenue_amount(self) -> Decimal | None:
        """Net revenue of the whole order book."""
        return total(self.classes)

    @property
    def touched(self) -> tuple[ClassTotal, ...]:
        """Classes of orders with a social touch."""
        return tuple(c for c in self.classes if c.benefit_class != "no_social_touch")

    @property
    def benefits(self) -> tuple[ClassTotal, ...]:
        """Classes that count as a benefit: D1 to D4."""
        return tuple(c for c in self.classes if c.benefit_class in BENEFITS)

    def as_dict(self) -> dict[str, Any]:
        """Every figure for `--json`: dates as ISO text, amounts as decimal text so that no cent is lost."""
        figures = asdict(self) | {
            "orders": self.orders,
            "net_revenue_amount": self.net_revenue_amount,
            "touched_orders": orders_of(self.touched),
            "touched_net_revenue_amount": total(self.touched),
            "benefit_amount": total(self.benefits),
            "benefit_lower_amount": bound(self.benefits, "lower_amount"),
            "social_lower_amount": bound(self.classes, "lower_amount"),
            "social_upper_amount": bound(self.classes, "upper_amount"),
        }
        return {name: _plain(value) for name, value in figures.items()}


def summarize(serving: Path) -> Summary:
    """Read the summary from a serving file.

    Raises:
        SmmError: SMM-305 when there is no readable serving file.
    """
    with open_serving(serving) as source:
        return read_summary(source)


def read_summary(source: Serving) -> Summary:
    """Read the summary from an open serving file, and limit that to the days of the order book.

    A feed may reach further back than the orders; figures of different periods side by side would mislead. Days after
    the last order are within the period where orders should have come and did not: they are named, not cut off.
    """
    period = source.row(_PERIOD_SQL)
    publication = source.row("select build_id, published_at, first_date, last_date from kpi._publication")
    first, last = (period[name] or publication[name] for name in ("first_date", "last_date"))
    source.limit_to(first or date.min, last or date.max)
    communities = _communities(source)
    return Summary(
        first_date=first,
        last_date=last,
        published_at=publication["published_at"],
        build_id=publication["build_id"],
        currency=period["currency"],
        classes=_classes(source),
        communities=communities[:TOP_COMMUNITIES],
        strongest_community=_strongest(communities),
        supporters_gained=sum_known(row["gained"] for row in supporters(source)),
        media_mentions=_mentions(source, "media"),
        blogger_mentions=_mentions(source, "blogger"),
        quality=tuple(QualityTotal(**row) for row in source.rows(_QUALITY_SQL)),
        incomplete=tuple(Incomplete(**{**row, "feeds": tuple(row["feeds"])}) for row in source.rows(_INCOMPLETE_SQL)),
        feeds_never_delivered=tuple(
            str(row["feed"]) for row in source.rows("select feed from kpi._feeds where deliveries = 0 order by feed")
        ),
    )


def orders_of(classes: Sequence[ClassTotal]) -> int | None:
    """Orders of some classes together, as far as they are known."""
    return sum_known(c.orders for c in classes)


def total(classes: Sequence[ClassTotal]) -> Decimal | None:
    """Net revenue of some classes together, as far as it is known."""
    return sum_known(c.net_revenue_amount for c in classes)


def bound(classes: Sequence[ClassTotal], name: str) -> Decimal | None:
    """Lower or upper amount of some classes together, None when any of them is unknown."""
    amounts = [getattr(c, name) for c in classes]
    return None if None in amounts else sum(amounts, Decimal(0))


_PERIOD_SQL = """
    select
        min(date_local) as first_date,
        greatest(max(date_local), (
            select max(date_local)
            from kpi._completeness
            where table_name = 'kpi_daily_benefit' and state = 'incomplete'
        )) as last_date,
        max(currency) as currency
    from kpi.kpi_daily_benefit
"""


# Shares per day of data_quality, summed over the period, then the engine's books, which know no day.
_QUALITY_SQL = """
    select *
    from (
    select
        -- Late and restated rows are told of all feeds together; which feed, data_quality says.
        case when metric in ('late_share', 'restated_share') then 'feeds' else subject end as subject,
        metric,
        cast(sum(numerator) as double) as numerator,
        cast(sum(denominator) as double) as denominator,
        cast(sum(numerator) as double) / nullif(cast(sum(denominator) as double), 0) as share
    from data_quality
    group by 1, metric
    -- Of feeds those are told that were silent.
    having not starts_with(subject, 'feed:') or sum(numerator) > 0
    union all
    select
        'deliveries',
        'failed_share',
        cast(sum(failed_deliveries) as double),
        cast(sum(deliveries) as double),
        cast(sum(failed_deliveries) as double) / nullif(cast(sum(deliveries) as double), 0)
    from kpi._feeds
    having count(*) > 0
    union all
    select
        'records',
        'rejected_share',
        cast(sum(rejected_records) as double),
        cast(sum(records) as double),
        cast(sum(rejected_records) as double) / nullif(cast(sum(records) as double), 0)
    from kpi._feeds
    having count(*) > 0
    union all
    select
        'checks',
        'not_passed_share',
        cast(count(*) filter (where status <> 'passed') as double),
        cast(count(*) as double),
        count(*) filter (where status <> 'passed') / nullif(cast(count(*) as double), 0)
    from kpi._checks
    having count(*) > 0
    )
    order by subject, metric
"""


_HAS_VISITS_SQL = """
    select
        exists (select 1 from kpi_daily_social_traffic)
        or exists (select 1 from data_quality where subject = 'sessions') as has_visits
"""


_INCOMPLETE_SQL = f"""
    select
        table_name,
        case when table_name in {MONTHLY} then 'month' else 'day' end as unit,
        count(*) filter (where state = 'incomplete') as days,
        count(*) as days_in_all,
        list_sort(list_distinct(flatten(
            list(string_split(missing_feeds, ', ')) filter (where state = 'incomplete')
        ))) as feeds
    from _completeness
    group by table_name
    having count(*) filter (where state = 'incomplete') > 0
    order by table_name
"""


def _classes(source: Serving) -> tuple[ClassTotal, ...]:
    rows = source.rows(
        """
        select
            benefit_class,
            cast(sum(orders) as bigint) as orders,
            sum(net_revenue_amount) as net_revenue_amount,
            sum(net_revenue_lower_amount) as lower_amount,
            sum(net_revenue_upper_amount) as upper_amount
        from kpi_daily_benefit
        group by benefit_class
        """
    )
    known = {row["benefit_class"]: ClassTotal(**row) for row in rows}
    has_orders = any(c.orders is not None for c in known.values())
    # Without any visit no class but the last can be told.
    has_visits = source.row(_HAS_VISITS_SQL)["has_visits"]
    nothing = Decimal(0)
    return tuple(
        known.get(name)
        or (
            ClassTotal(name, 0, nothing, nothing, nothing)
            if has_orders and (has_visits or name == "no_social_touch")
            else ClassTotal(name, None, None, None, None)
        )
        for name in BENEFIT_CLASSES
    )


def _communities(source: Serving) -> tuple[CommunityTotal, ...]:
    rows = source.rows(
        """
        select
            network,
            community_id,
            arg_max(community_name, date_local) as community_name,
            cast(sum(orders) as bigint) as orders,
            sum(net_revenue_amount) as net_revenue_amount
        from kpi_daily_benefit
        where benefit_class in (select unnest($benefits))
        group by network, community_id
        order by net_revenue_amount desc nulls last, network, community_id
        """,
        {"benefits": list(BENEFITS)},
    )
    return tuple(CommunityTotal(**row) for row in rows)


def _strongest(communities: Sequence[CommunityTotal]) -> CommunityTotal | None:
    """The first that is a community: not the orders of unknown ones, and no page of media or bloggers."""
    known = (c for c in communities if c.network != MENTION and UNKNOWN_COMMUNITY not in (c.network, c.community_id))
    return next((c for c in known if c.net_revenue_amount is not None), None)


def _mentions(source: Serving, author_class: str) -> int | None:
    """Mentions of the own brand by one class of authors; None when the own brand is not monitored."""
    by_class = {row["author_class"]: row["mentions"] for row in media_interest(source)}
    mentions = by_class.get(author_class, 0) if by_class else None
    return None if mentions is None else int(mentions)


def sum_known(numbers: Iterable[_Number | None]) -> _Number | None:
    """Sum of the known numbers; None when none is."""
    known = [number for number in numbers if number is not None]
    return sum(known[1:], known[0]) if known else None


def _plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
