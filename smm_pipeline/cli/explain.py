"""Explanations as `smm explain` shows them, within 80 columns.

Belongs here: an order and a figure as text. Does not belong here: finding out what stands behind them (room explain).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

from smm_pipeline.catalog import Catalog
from smm_pipeline.cli.instance import open_books
from smm_pipeline.errors import SmmError
from smm_pipeline.explain import Wanted, explain_figure, explain_order, is_figure
from smm_pipeline.reporting.wording import CLASS_MEANINGS, counted
from smm_pipeline.settings import Settings

WIDTH = 80
SHOWN_FILES = 5
_RULES = {
    "D4a": "bought on a due day, and the buyer had saved or wished for it before",
    "D4b": "bought on a due day after an old touch that showed it, and little looking since",
    "D3": "the item was compared over days, and a touch or sign came just before",
    "D2": "first seen within hours of a fresh post that showed it",
    "D1a": "a friend's code was used",
    "D1b": "the buyer recommended, passed on or commented a post that showed it",
    "D1c": "a touch showed what was bought",
    "D1d": "the buyer was of the active core of a touched community then",
    "anyway": "touched, but no touch showed what was bought",
    "none": "no touch was found",
}
_HINTS = {
    "direct_after_post": "a direct visit to a page that a post linked to in the two days before",
    "order_note": "the shop system's own note names a network",
    "survey": "the buyer named a network when asked",
}
_MONEY = ("gross_revenue_amount", "refund_amount", "net_revenue_amount", "margin_amount")
Row = Mapping[str, Any]


def explain(settings: Settings, catalog: Catalog, subject: str, wanted: Wanted) -> dict[str, Any]:
    """What stands behind an order, or behind a figure where the subject is the name of a KPI.

    Raises:
        SmmError: SMM-501 for a day, community or part of an order, SMM-801 or SMM-802 for a subject that is not one.
    """
    with open_books(settings, catalog) as (con, _):
        if is_figure(catalog, subject):
            return explain_figure(con, catalog, settings, wanted)
        if wanted.day or wanted.community or wanted.of:
            raise SmmError("SMM-501", "--date, --community and --of are of a KPI; an order is explained as a whole")
        return explain_order(con, catalog, settings, subject)


def explain_text(data: dict[str, Any]) -> str:
    """An explanation for people."""
    lines = _order(data) if data["kind"] == "order" else _figure(data)
    return "\n".join([*lines, *_files(data["files"]), *_settings(data["settings"])])


def _order(data: dict[str, Any]) -> list[str]:
    order = data["order"]
    book = "in the order book" if order.get("is_countable") else f"not counted: {order.get('excluded_reason')}"
    lines = [f"order {order['order_key']} of {order['order_date_local']}, {order.get('status', 'no status')}, {book}"]
    amounts = ", ".join(f"{_words(name)} {order[name]:,.2f}" for name in _MONEY if name in order)
    lines += _wrapped(amounts or f"its worth is unknown{_without_rate(order)}", 2)
    buyer = order.get("customer_key") or order.get("user_key")
    lines.append(f"  buyer {buyer}" if buyer else "  the buyer left no identifier")
    return [*lines, *_visits(data), *_touches(data), *_class(data), *_credits(data)]


def _without_rate(order: Row) -> str:
    if not order.get("is_rate_missing") or "original_amount" not in order:
        return ""
    return f": {order['original_amount']:,.2f} {order['currency']}, and no rate is known for its day"


def _visits(data: dict[str, Any]) -> list[str]:
    if not data["visits"]:
        return ["visit: none was found"]
    lines = ["visit, by every way of finding it (* counts)"]
    for visit in data["visits"]:
        session = visit["session"]
        mark = "*" if visit["is_chosen"] else "-"
        lines += _wrapped(f"{mark} {visit['method']}, {visit['confidence']}: visit {visit['session_key']}", 2)
        lines += _wrapped(f"{session.get('channel', 'no channel')} by rule {session.get('rule_id', '?')}", 6)
        lines += _wrapped(_place(session) + _by(session, "community_method"), 6)
    lines += ["visitors whose visits count as the buyer's"] if data["visitors"] else []
    return lines + [_known(v) for v in data["visitors"]]


def _known(visitor: Row) -> str:
    confidence = f", {visitor['confidence']}" if "confidence" in visitor else ""
    return f"  {visitor['visitor_key']} by {visitor['method']}{confidence}"


def _touches(data: dict[str, Any]) -> list[str]:
    named = (data["benefit"] or {}).get("touch_id")
    # A sign is no touch: the class counts none either.
    signs = sum(touch["touch_kind"] == "member_sign" for touch in data["touches"])
    found = counted(len(data["touches"]) - signs, "touch", "touches")
    found += f" and {counted(signs, 'sign')} of a member" if signs else ""
    lines = [f"{found}, newest first" + (" (* is named)" if named else "")]
    for touch in data["touches"]:
        mark = "*" if touch["touch_id"] == named else "-"
        kind = touch.get("action") or touch["touch_kind"]
        lines += _wrapped(f"{mark} {kind} {_age(touch['age_seconds'])} before: {_place(touch)}", 2)
        shows = (
            f"shows what was bought ({touch['match_reason']})" if touch.get("match_reason") else "shows something else"
        )
        core = "; of the active core then" if touch.get("is_core_member") else ""
        lines += _wrapped(
            f"the buyer's by {touch['reason']}; post {touch.get('post_method', 'none')}; {shows}{core}", 6
        )
    return lines


def _class(data: dict[str, Any]) -> list[str]:
    benefit = data["benefit"]
    if benefit is None:
        return ["class: none, since it is not in the order book"]
    meaning = _RULES.get(benefit["rule_id"]) or CLASS_MEANINGS.get(benefit["benefit_class"], "")
    lines = [*_wrapped(f"class {benefit['benefit_class']} by rule {benefit['rule_id']}: {meaning}", 0)]
    due = "a due day" if benefit.get("is_due") else "no due day"
    views = f"{benefit.get('item_views', 0)} views in {counted(benefit.get('viewing_sessions', 0), 'visit')}"
    lines.append(f"  {counted(benefit['touches'], 'touch', 'touches')}, {views}, {due}")
    hints = [f"{_HINTS[hint['hint']]} ({_place(hint)})" for hint in data["hints"]]
    return [*lines, *(line for hint in hints for line in _wrapped(f"counts in the upper bound: {hint}", 2))]


def _credits(data: dict[str, Any]) -> list[str]:
    given = [*data["credits"], *data["model_credits"]]
    lines = ["credit by model"] if given else []
    for model, rows in groupby(given, key=lambda c: c["model"]):
        lines.append(f"  {model}")
        for row in rows:
            if row.get("credited_orders"):
                worth = (
                    f"{row['credited_revenue_amount']:>12,.2f}" if "credited_revenue_amount" in row else f"{'?':>12}"
                )
                # Rules credit visits; Markov and Shapley whatever stands on the path, however often.
                visit = f"{row['touch_position']} of {row['path_length']}: " if "touch_position" in row else ""
                lines.append(_cut(f"    {row['credited_orders']:.3f} {worth}  {visit}{row['channel']}, {_place(row)}"))
    lines += ["changed since, kpi._credit_changes has how"] if data["credit_changes"] else []
    for change in data["credit_changes"]:
        feeds = f" from {change['feeds']}" if change["feeds"] else ""
        what = _reclassed(change) if change["old_class"] else ", ".join(change["models"])
        lines += _wrapped(f"{change['changed_at']:%Y-%m-%d %H:%M} by {change['reason']}{feeds}: {what}", 2)
    return lines


def _reclassed(change: Row) -> str:
    """What the class of the order was and what it became, each with its rule and the touch that it is credited to."""
    before, since = (
        f"{known['benefit_class']} by rule {known['rule_id']}, {_place({k: v for k, v in known.items() if v})}"
        if known
        else "none, as it left the order book"
        for known in (change["old_class"], change["new_class"])
    )
    return f"class {before}, became {since}"


def _figure(data: dict[str, Any]) -> list[str]:
    day = f" of {data['day']}" if data["day"] else ""
    lines = [f"{data['table']}{day}", *_wrapped(data["description"], 2), *_wrapped(data["grain"], 2)]
    lines += ["  its day waits to be built again: smm run"] if data["is_stale"] else []
    missing = data["missing_feeds"]
    lines += _wrapped(f"incomplete, without {missing}", 2) if missing else []
    for column in data["columns"]:
        if (wanted := data["unknown_zeros"].get(column["column_name"])) is not None:
            feed = f"a feed of {' or '.join(wanted)}" if wanted else "a feed of its figure"
            lines += _wrapped(f"{column['label_en']}: unknown where {feed} is missing", 2)
    for row in data["figures"]:
        lines += ["", *_wrapped(", ".join(_value(row[name]) for name in data["key"] if name in row), 0)]
        lines += [_cut(f"  {c['label_en']}: {_told(c['column_name'], row)}") for c in data["columns"]]
    lines += _more(data["rows"], len(data["figures"]), "row")
    lines += ["", "how it is computed"]
    for column in data["columns"]:
        lines += _wrapped(f"{column['label_en']} ({column['column_name']}, {column['basis']})", 2)
        lines += _wrapped(f"= {column['formula']}", 6)
        lines += _wrapped(f"mind: {column['caveat']}", 6) if column["caveat"] else []
    lines += ["", "rows behind it"]
    for part in data["behind"]:
        among = "" if part["is_exact"] else " looked at, what belongs to it among them"
        lines += _wrapped(f"{part['table']}: {counted(part['rows'], 'row')}{among}", 2)
        for row in part["first_rows"] if part["is_read_directly"] else ():
            lines += _wrapped(", ".join(f"{name} {_value(value)}" for name, value in row.items()), 6)
    for name in data["not_followed"]:
        lines += _wrapped(f"{name}: read too, and nothing tells which rows", 2)
    for name in data["made_of"]:
        lines += _wrapped(f"smm explain {name} has the rows of each of its days", 2)
    lines += ["", "rules that decided about these rows"] if data["rules"] else []
    for rule in data["rules"]:
        counts = ", ".join(f"{value} {rows:,}" for value, rows in rule["rows"].items())
        lines += _wrapped(f"{rule['table']}.{rule['column']}: {counts}", 2)
    return [*lines, ""]


def _files(files: Sequence[Row]) -> list[str]:
    """The files by contract, the first of each feed."""
    lines = ["files behind it"] if files else ["no file behind it is known"]
    for (table, feed), group in groupby(files, key=lambda f: (f["table"], f["feed"])):
        found = list(group)
        among = "" if found[0]["is_exact"] else " looked at"
        lines.append(f"  {table} from {feed}: {counted(sum(f['rows'] for f in found), 'row')}{among}")
        for file in found[:SHOWN_FILES]:
            first, last = file["first_row"], file["last_row"]
            where = f"record {first}" if first == last else f"records {first} to {last}"
            lines += _wrapped(f"{Path(file['file']).as_posix()} ({file['delivery_id']}), {where}", 4)
        lines += _more(len(found), min(len(found), SHOWN_FILES), "file", 4)
    return lines


def _settings(settings: Row) -> list[str]:
    values = ", ".join(f"{name} {value}" for name, value in settings.items())
    return ["settings of these rules", *_wrapped(values, 2)] if values else []


def _more(total: int, shown: int, noun: str, indent: int = 2) -> list[str]:
    return [f"{' ' * indent}and {counted(total - shown, f'more {noun}')}"] if total > shown else []


def _place(row: Row) -> str:
    """Network, community and post, as far as they are known."""
    parts = [str(row[name]) for name in ("network", "community_id") if name in row]
    post = f" post {row['post_id']}" if "post_id" in row else ""
    return ("/".join(parts) or "no network") + post


def _by(row: Row, column: str) -> str:
    return f" by {row[column]}" if column in row else ""


def _age(seconds: int) -> str:
    hours = seconds / 3600
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} days"


def _told(name: str, row: Row) -> str:
    """A figure; a reason that there is none of stands for nothing to say, and is not unknown."""
    value = row.get(name)
    return "none" if value is None and name.endswith("reason") else _value(value)


def _value(value: Any) -> str:
    """A value without needless digits; what is unknown is said to be."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case Decimal() | float():
            return f"{value:,.4f}".rstrip("0").rstrip(".")
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
    return str(value)


def _words(name: str) -> str:
    return name.removesuffix("_amount").replace("_", " ")


def _wrapped(text: str, indent: int) -> list[str]:
    space = " " * indent
    return wrap(text, WIDTH, initial_indent=space, subsequent_indent=space + "  ", break_on_hyphens=False)


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
