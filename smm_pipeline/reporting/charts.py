"""The charts of the HTML page as Vega-Lite specifications.

Belongs here: how rows of figures.py are drawn. Does not belong here: queries, and the page around the charts. All
charts are as wide as their container and share `THEME`; colours stay apart for colour-blind readers (Okabe and Ito).
Legends are given to the page as text: Vega lays a legend out in one row, which a phone cuts off.
"""

from __future__ import annotations

import calendar
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import altair as alt

from smm_pipeline.reporting.serving import Row
from smm_pipeline.reporting.summary import ClassTotal
from smm_pipeline.reporting.wording import AUTHORS, BENEFIT_CLASSES, BENEFITS, MODELS, community, network

Spec = dict[str, Any]

TIME_LABELS = 10

CLASS_COLOURS = {
    "D1_recommendation": "#0072B2",
    "D2_impulse": "#E69F00",
    "D3_considered": "#009E73",
    "D4_deferred": "#CC79A7",
    "anyway": "#8A94A0",
    "no_social_touch": "#C9CED6",
}
_BENEFIT_COLOURS = {BENEFIT_CLASSES[name]: CLASS_COLOURS[name] for name in BENEFITS}
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7A5195", "#5F6B7A"]
_SHAPES = {
    "circle": "\N{BLACK CIRCLE}",
    "square": "\N{BLACK SQUARE}",
    "diamond": "\N{BLACK DIAMOND}",
    "triangle-up": "\N{BLACK UP-POINTING TRIANGLE}",
}
_QUIET = "#C9CED6"
_INK, _MUTED, _GRID = "#1F2933", "#52606D", "#E4E7EB"

THEME: Spec = {
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif",
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _MUTED, "titleColor": _MUTED, "labelFontSize": 12, "titleFontSize": 12,
        "titleFontWeight": "normal",
        "domainColor": _GRID, "tickColor": _GRID, "gridColor": _GRID, "labelLimit": 240,
    },
    "range": {"category": PALETTE},
}  # fmt: skip


@dataclass(frozen=True)
class Key:
    """One line of a legend: its mark as a character, the mark's colour, and what it stands for."""

    mark: str
    colour: str
    label: str


@dataclass(frozen=True)
class Drawing:
    """A chart without its legend, and the legend."""

    spec: Spec
    legend: tuple[Key, ...] = ()


@dataclass(frozen=True)
class TimeAxis:
    """The days that a chart over time covers, whether or not every one of them has a row, and its step."""

    first: date
    last: date
    step: str


def benefit_totals(classes: Sequence[ClassTotal], currency: str) -> Drawing:
    """Net revenue per benefit class as bars, the range from lower to upper bound as a line over each."""
    rows = [
        {
            "label": BENEFIT_CLASSES[c.benefit_class],
            "class": c.benefit_class,
            "amount": c.net_revenue_amount,
            "lower": c.lower_amount,
            "upper": c.upper_amount,
        }
        for c in classes
        if c.benefit_class in BENEFITS
    ]
    base = _chart(rows).encode(y=alt.Y("label:N", sort=None, title=None))
    bars = base.mark_bar(cornerRadiusEnd=2, height={"band": 0.62}).encode(
        x=alt.X("amount:Q", axis=_amounts(f"Net revenue, {currency}")),
        color=alt.Color("class:N", scale=_scale({name: CLASS_COLOURS[name] for name in BENEFITS}), legend=None),
        tooltip=_tooltip(label="Class", amount="Net revenue", lower="Lower bound", upper="Upper bound"),
    )
    ranges = base.mark_rule(color=_INK, strokeWidth=1.5).encode(x="lower:Q", x2="upper:Q")
    ends = [base.mark_tick(color=_INK, thickness=1.5, height=10).encode(x=f"{end}:Q") for end in ("lower", "upper")]
    return _drawing(alt.layer(bars, ranges, *ends), height=190)


def benefit_over_time(rows: Sequence[Row], axis: TimeAxis, currency: str) -> Drawing:
    """Net revenue of D1 to D4 per day, week or month, stacked."""
    labelled = [{**row, "label": BENEFIT_CLASSES[row["benefit_class"]]} for row in _steps(rows, axis.step)]
    chart = _chart(labelled).mark_bar(orient="vertical", stroke="white", strokeWidth=0.5).encode(
        x=_time(axis),
        x2="period_end:T",
        y=alt.Y("amount:Q", stack="zero", axis=_amounts(f"Net revenue, {currency}")),
        color=alt.Color("label:N", scale=_scale(_BENEFIT_COLOURS), legend=None),
        order=alt.Order("benefit_class:O"),
        tooltip=[_when(axis.step), *_tooltip(label="Class", amount="Net revenue")],
    )  # fmt: skip
    return _drawing(chart, height=280, legend=_legend(_BENEFIT_COLOURS))


def benefit_by_community(rows: Sequence[Row], currency: str) -> Drawing:
    """Net revenue of D1 to D4 per community, stacked, the strongest community on top."""
    labelled = [
        {**row, "label": BENEFIT_CLASSES[row["benefit_class"]], "community": label}
        for row, label in zip(rows, _community_labels(rows), strict=True)
    ]
    count = len({row["community"] for row in labelled})
    chart = _chart(labelled).mark_bar(height={"band": 0.66}).encode(
        y=alt.Y("community:N", title=None, sort=alt.EncodingSortField("amount", op="sum", order="descending")),
        x=alt.X("amount:Q", axis=_amounts(f"Net revenue, {currency}")),
        color=alt.Color("label:N", scale=_scale(_BENEFIT_COLOURS), legend=None),
        order=alt.Order("benefit_class:O"),
        tooltip=_tooltip(community="Community", label="Class", amount="Net revenue"),
    )  # fmt: skip
    return _drawing(chart, height=max(120, 36 * count), legend=_legend(_BENEFIT_COLOURS))


def attribution(rows: Sequence[Row], currency: str) -> Drawing:
    """One point per channel and model: the further apart the points, the more the credit depends on the rule."""
    labelled = [{**row, "label": MODELS.get(row["model"], row["model"])} for row in rows]
    order = list(dict.fromkeys(row["channel"] for row in rows))
    colours = dict(zip(MODELS.values(), PALETTE, strict=False))
    shapes = dict(zip(MODELS.values(), _SHAPES, strict=True))
    base = _chart(labelled).encode(
        y=alt.Y("channel:N", sort=order, title=None),
        x=alt.X("amount:Q", axis=_amounts(f"Credited net revenue, {currency}")),
    )
    span = base.mark_line(color=_QUIET, strokeWidth=3).encode(detail="channel:N")
    points = base.mark_point(filled=True, size=110, opacity=0.95).encode(
        color=alt.Color("label:N", scale=_scale(colours), legend=None),
        shape=alt.Shape("label:N", scale=_scale(shapes), legend=None),
        tooltip=_tooltip(channel="Channel", label="Model", amount="Credited net revenue", orders="Credited orders"),
    )
    legend = tuple(Key(_SHAPES[shapes[label]], colour, label) for label, colour in colours.items())
    return _drawing(alt.layer(span, points), height=max(120, 34 * len(order)), legend=legend)


def supporters_over_time(rows: Sequence[Row], axis: TimeAxis) -> Drawing:
    """Members gained since the start of the period, a line for each community that changed most."""
    labelled = [{**row, "community": label} for row, label in zip(rows, _community_labels(rows), strict=True)]
    last = {row["community"]: abs(row["gained"]) for row in labelled}
    drawn = sorted(last, key=lambda label: (-last[label], label))[: len(PALETTE)]
    labelled = [row for row in labelled if row["community"] in drawn]
    colours = dict(zip(drawn, PALETTE, strict=False))
    chart = _chart(labelled).mark_line(strokeWidth=2.2).encode(
        x=_time(axis),
        y=alt.Y("gained:Q", title="Members gained", axis=alt.Axis(format=",d", tickCount=5)),
        color=alt.Color("community:N", scale=_scale(colours), legend=None),
        tooltip=[_when(axis.step), *_tooltip(community="Community", gained="Gained so far")],
    )  # fmt: skip
    return _drawing(chart, height=280, legend=_legend(colours))


def mentions_over_time(rows: Sequence[Row], axis: TimeAxis) -> Drawing:
    """Mentions of the own brand by who wrote them, stacked."""
    labelled = [
        {**row, "label": AUTHORS.get(row["author_class"], row["author_class"])} for row in _steps(rows, axis.step)
    ]
    colours = dict(zip(AUTHORS.values(), PALETTE, strict=False))
    chart = _chart(labelled).mark_bar(orient="vertical", stroke="white", strokeWidth=0.5).encode(
        x=_time(axis),
        x2="period_end:T",
        y=alt.Y("mentions:Q", stack="zero", title="Mentions", axis=alt.Axis(format=",d", tickCount=5)),
        color=alt.Color("label:N", scale=_scale(colours), legend=None),
        tooltip=[_when(axis.step), *_tooltip(label="Written by", mentions="Mentions")],
    )  # fmt: skip
    return _drawing(chart, height=240, legend=_legend(colours))


def share_of_voice(rows: Sequence[Row]) -> Drawing:
    """Share of all mentions per brand; the own brand stands out."""
    base = _chart(rows).encode(
        y=alt.Y("brand:N", title=None, sort=[row["brand"] for row in rows]),
        x=alt.X("mentions_share:Q", title="Share of mentions", axis=alt.Axis(format=".0%", tickCount=5)),
    )
    bars = base.mark_bar(height={"band": 0.62}, cornerRadiusEnd=2).encode(
        color=alt.condition(alt.datum.is_own, alt.value(PALETTE[0]), alt.value(_QUIET)),
        tooltip=_tooltip(brand="Brand", mentions="Mentions"),
    )
    labels = base.mark_text(align="left", dx=6, color=_INK).encode(text=alt.Text("mentions_share:Q", format=".1%"))
    return _drawing(alt.layer(bars, labels), height=max(110, 34 * len(rows)))


def _community_labels(rows: Sequence[Row]) -> list[str]:
    """Name and network of each row's community, with its id where another one of its network is called the same."""
    keys = [(row["network"], row["community_id"]) for row in rows]
    labels = [f"{community(row['community_name'])} ({network(row['network'])})" for row in rows]
    shared = Counter(label for label, _ in set(zip(labels, keys, strict=True)))
    return [f"{label}, {key[1]}" if shared[label] > 1 else label for label, key in zip(labels, keys, strict=True)]


def _chart(rows: Sequence[Row]) -> alt.Chart:
    values = [{name: _value(value) for name, value in row.items()} for row in rows]
    return alt.Chart(alt.InlineData(values=values))


def _value(value: object) -> object:
    """A value as a chart takes it; amounts lose nothing that a pixel could show."""
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _drawing(
    chart: alt.Chart | alt.LayerChart | alt.FacetChart, *, height: int, legend: tuple[Key, ...] = ()
) -> Drawing:
    spec: Spec = chart.properties(width="container", height=height).to_dict()
    # The theme is given once by the page; the schema's address would be the only foreign one in it.
    del spec["config"], spec["$schema"]
    return Drawing(spec, legend)


def _steps(rows: Sequence[Row], step: str) -> list[Row]:
    """The rows with period_end, so that a bar covers exactly its day, week (from Monday) or month."""
    return [{**row, "period_end": _next(row["period_start"], step)} for row in rows]


def _next(start: date, step: str) -> date:
    days = {"day": 1, "week": 7, "month": calendar.monthrange(start.year, start.month)[1]}[step]
    return start + timedelta(days=days)


def _time(axis: TimeAxis) -> alt.X:
    """The time axis over the whole period, labelled at the first days of some steps."""
    starts = [_first(axis)]
    while (following := _next(starts[-1], axis.step)) <= axis.last:
        starts.append(following)
    marks = starts[:: max(1, math.ceil(len(starts) / TIME_LABELS))]
    labels = alt.Axis(
        format="%b %Y" if axis.step == "month" else "%-d %b", values=[_utc(mark) for mark in marks], grid=False
    )
    scale = alt.Scale(type="utc", domainMin=_utc(starts[0]), domainMax=_utc(_next(starts[-1], axis.step)))
    return alt.X("period_start:T", title=None, axis=labels, scale=scale)


def _first(axis: TimeAxis) -> date:
    """The first day of the step that the period begins in."""
    back = {"day": 0, "week": axis.first.weekday(), "month": axis.first.day - 1}[axis.step]
    return axis.first - timedelta(days=back)


def _utc(day: date) -> alt.DateTime:
    """A day as UTC throughout: a date alone is read as UTC and would slip by a day when shown in another zone."""
    return alt.DateTime(year=day.year, month=day.month, date=day.day, utc=True)


def _amounts(title: str) -> alt.Axis:
    return alt.Axis(
        title=title, tickCount=6, labelExpr="format(datum.value, '~s')", labelOverlap="greedy", labelSeparation=8
    )


def _when(step: str) -> alt.Tooltip:
    titles = {"day": "Day", "week": "Week from", "month": "Month from"}
    return alt.Tooltip("period_start:T", title=titles[step], timeUnit="utcyearmonthdate", format="%-d %b %Y")


def _tooltip(**titles: str) -> list[alt.Tooltip]:
    numbers = {"amount", "lower", "upper", "orders", "mentions", "gained"}
    return [
        alt.Tooltip(f"{name}:Q", title=title, format=",.0f")
        if name in numbers
        else alt.Tooltip(f"{name}:N", title=title)
        for name, title in titles.items()
    ]


def _scale(values: dict[str, str]) -> alt.Scale:
    """The scale that gives each label its colour or shape."""
    return alt.Scale(domain=list(values), range=list(values.values()))


def _legend(colours: dict[str, str]) -> tuple[Key, ...]:
    return tuple(Key(_SHAPES["circle"], colour, label) for label, colour in colours.items())
