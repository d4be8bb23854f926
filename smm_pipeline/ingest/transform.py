"""From records to typed rows of a contract.

Belongs here: the SELECT that evaluates a mapping over the record table of a piece: text, then typed values, then
reasons for refusing a row. Does not belong here: pseudonyms, keys and hashes (incoming.py), and what is already in the
warehouse (merge.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from smm_pipeline.catalog import ColumnSpec, TableSpec
from smm_pipeline.feeds import FeedSource
from smm_pipeline.feeds.constants import reads_constant
from smm_pipeline.feeds.mapping import DELIVERY_DATE, ColumnRule, CombineRule, Mapping, TableRule
from smm_pipeline.ingest.values import UNIX_FORMATS, known_text, mapped_text, typed, typed_cell, untimely_sql
from smm_pipeline.ingest.workbooks import TYPED_CELLS
from smm_pipeline.quoting import quoted, sql_day, sql_text
from smm_pipeline.settings import Settings

# A clock a day or two ahead is a clock; more is an error in the data, unless the contract knows of planned days.
FUTURE_DAYS = 2
_CARRIED = "_smm_delivery, _smm_row, _smm_extracted"


@dataclass(frozen=True)
class TablePlan:
    """How one mapping fills one contract."""

    spec: TableSpec
    rule: TableRule
    source: FeedSource
    settings: Settings

    @cached_property
    def rules(self) -> dict[str, ColumnRule]:
        """The rule of every column that has one; constants of the feed fill what the mapping does not name."""
        names = {c.name for c in self.spec.columns}
        constants = {k: ColumnRule(const=v) for k, v in self.source.feed.constants.items() if k in names}
        fixed = {"source_system": ColumnRule(const=self.source.mapping.source_system)}
        return {**fixed, **constants, **self.rule.columns}

    @cached_property
    def _constants(self) -> dict[str, str]:
        """Constants of the feed by the column that they fill where the mapping finds nothing for it.

        One that the mapping reads itself is where the mapping puts it, and nowhere else.
        """
        mapping = self.source.mapping
        given = self.source.feed.constants.items()
        return {name: value for name, value in given if name in self.rule.columns and not reads_constant(mapping, name)}

    @cached_property
    def persons(self) -> list[tuple[str, str]]:
        """Columns that hold pseudonyms, with their kind."""
        return [
            (c.name, str(c.rules["person"])) for c in self.spec.columns if "person" in c.rules and c.name in self.rules
        ]

    @property
    def may_leave_out(self) -> bool:
        """Whether a record can give this table no row at all."""
        return bool(self.rule.where) or self.rule.unnested is not None

    def typed_sql(self, now: datetime) -> str:
        """SELECT of every row with typed values and `_smm_reasons`."""
        columns = [c for c in self.spec.columns if c.name in self.rules]
        cells = [_cell_name(c) for c in columns if self._is_cell(c)]
        found = [f"{_is_typed_cell(self.rules[c.name])} as {_cell_name(c)}" for c in columns if self._is_cell(c)]
        texts = self._level(self._rows(), [f"{self._text(c)} as {quoted(c.name)}" for c in columns] + found)
        # A level of its own: a macro copies its argument to each place of use, and DuckDB plans every copy.
        trimmed = self._level(texts, [f"_smm_trim({quoted(c.name)}) as {quoted(c.name)}" for c in columns] + cells)
        known = self._level(trimmed, [f"{self._known(c)} as {quoted(c.name)}" for c in columns] + cells)
        # Whether a vendor's name holds is judged by the row's day, which is typed later.
        dated_names = [c for c in columns if self.rules[c.name].is_dated]
        vendors = [_vendor_name(c) for c in dated_names]
        mapped = self._level(
            known,
            [f"{self._mapped(c)} as {quoted(c.name)}" for c in columns]
            + [f"{quoted(c.name)} as {_vendor_name(c)}" for c in dated_names]
            + cells,
        )
        values = self._level(
            mapped, [self._value(c) for c in columns] + [self._kept_text(c) for c in columns] + vendors
        )
        kept = [quoted(_text_name(c)) for c in columns if c.type != "VARCHAR"] + vendors
        dated = self._level(values, [self._final(c) for c in self.spec.columns] + kept)
        names = ", ".join(quoted(c.name) for c in self.spec.columns)
        reasons = ", ".join(r for c in self.spec.columns for r in self._reasons(c, now)) or "null"
        hindering = [c for c in self.spec.columns if not self.spec.keeps_unread or self._is_indispensable(c)]
        obstacles = ", ".join(r for c in hindering for r in self._reasons(c, now)) or "null"
        return (
            f"select {_CARRIED}, {names}, concat_ws(' ', {reasons}) as _smm_reasons, "
            f"concat_ws(' ', {obstacles}) = '' as _smm_is_kept from ({dated})"
        )

    def _rows(self) -> str:
        """Rows before any value: records, or elements of a list within them."""
        where = f"where coalesce(({self.rule.where}), false)" if self.rule.where else ""
        if self.rule.unnested is None:
            return f"select * from ({record_source(self.source)}) {where}"
        items, name = self.rule.unnested
        # Records without elements leave before anything is made of them: the filter sinks below the named expressions.
        unnested = (
            f"select *, unnest(_smm_items) as {quoted(name)}, "
            f"generate_subscripts(_smm_items, 1) as {quoted(name + '_no')} "
            f"from (select *, ({items}) as _smm_items from ({record_source(self.source)})) where len(_smm_items) > 0"
        )
        return f"select * from ({unnested}) {where}"

    def _level(self, inner: str, columns: list[str]) -> str:
        return f"select {_CARRIED}, {', '.join(c for c in columns if c)} from ({inner})"

    def _text(self, column: ColumnSpec) -> str:
        return _as_text(self.rules[column.name], self.source)

    def _known(self, column: ColumnSpec) -> str:
        known = _known(column)
        # Programs that count seconds write 0 where there is no time.
        is_counted = self.rules[column.name].time.format in UNIX_FORMATS and column.type in ("DATE", "TIMESTAMPTZ")
        return f"nullif({known}, '0')" if is_counted else known

    def _mapped(self, column: ColumnSpec) -> str:
        text = mapped_text(self.rules[column.name], quoted(column.name))
        constant = self._constants.get(column.name)
        return text if constant is None else f"coalesce({text}, {sql_text(constant)})"

    def _value(self, column: ColumnSpec) -> str:
        text = quoted(column.name)
        if column.rules.get("clean") == "url":
            return f"_smm_url({text}) as {text}"
        if column.rules.get("clean") == "url_path":
            return f"_smm_url(regexp_replace({text}, '[?#].*', '', 's')) as {text}"
        value = _typed(column.type, text, self.rules[column.name], self.source, _cell_name(column))
        return f"{value} as {text}"

    def _is_cell(self, column: ColumnSpec) -> bool:
        return column.type != "VARCHAR" and _may_be_cell(self.rules[column.name], self.source)

    def _kept_text(self, column: ColumnSpec) -> str:
        return "" if column.type == "VARCHAR" else f"{quoted(column.name)} as {quoted(_text_name(column))}"

    def _final(self, column: ColumnSpec) -> str:
        name = quoted(column.name)
        if column.name in self.rules:
            return name
        if instant := column.rules.get("local_date_of"):
            zone = sql_text(self.settings.shop.time_zone)
            return (
                f"cast(timezone({zone}, {quoted(str(instant))}) as date) as {name}"
                if instant in self.rules
                else _null(column)
            )
        return _null(column)

    def _is_needed(self, column: ColumnSpec) -> bool:
        needed = column.rules.get("required") or column.name in self.spec.key
        return bool(needed) and column.name != self.rule.key_occurrence

    def _is_indispensable(self, column: ColumnSpec) -> bool:
        """Whether nothing of a row can be kept when this column is wrong."""
        return self._is_needed(column) or column.name == self.spec.partition or "accepted" in column.rules

    def _reasons(self, column: ColumnSpec, now: datetime) -> list[str]:
        name, found = quoted(column.name), []
        cases = ""
        if column.name in self.rules and column.type != "VARCHAR":
            code = typed(column.type, name, self.rules[column.name], self.source.time_zone)[1]
            cases = f"when {name} is null and {quoted(_text_name(column))} is not null then {_reason(code, column)} "
        if self._is_needed(column):
            cases += f"when {name} is null then {_reason('missing', column)} "
        if accepted := column.rules.get("accepted"):
            known = ", ".join(map(sql_text, accepted))
            cases += f"when {name} not in ({known}) then {_reason('not_accepted', column)} "
        if column.rules.get("positive"):
            cases += f"when {name} <= 0 then {_reason('not_positive', column)} "
        if column.name == self.spec.partition:
            last = (now + timedelta(days=column.rules.get("max_days_ahead", FUTURE_DAYS))).date()
            first = self.settings.history_start
            cases += (
                f"when {name} < {sql_day(first)} or {name} > {sql_day(last)} then {_reason('out_of_range', column)} "
            )
        if cases:
            found.append(f"case {cases}end")
        if self.spec.partition and column.name in self.rules and self.rules[column.name].is_dated:
            found.append(untimely_sql(self.rules[column.name], _vendor_name(column), quoted(self.spec.partition)))
        return found


def record_source(source: FeedSource) -> str:
    """SELECT of the records that no skip rule takes out, with named expressions and the extraction time."""
    mapping = source.mapping
    extracted = "_smm_delivered"
    if mapping.extracted_ts:
        rule = mapping.extracted_ts
        value = _typed("TIMESTAMPTZ", f"_smm_trim({_as_text(rule, source)})", rule, source, _is_typed_cell(rule))
        extracted = f"coalesce({value}, _smm_delivered)"
    # Of the arrival only its time, and under a name that no field has: delivery_id is what a shop may call a field.
    arrived = (
        "select r.*, a.delivered_ts as _smm_delivered from _smm_record r join _smm_arrival a using (_smm_delivery)"
    )
    named = _named(mapping, arrived)
    skipped = " or ".join(f"coalesce(({rule.where}), false)" for rule in mapping.skip)
    where = f"where not ({skipped})" if skipped else ""
    has_own = any(name.lower() == DELIVERY_DATE for name in mapping.structure)
    day = f", cast(timezone({sql_text(source.time_zone)}, _smm_extracted) as date) as {DELIVERY_DATE}"
    records = f"select *{'' if has_own else day} from (select *, {extracted} as _smm_extracted from ({named}) {where})"
    return combined(records, mapping.combine) if mapping.combine else records


def combined(records: str, rule: CombineRule) -> str:
    """SELECT of records, equal ones as their first with the list of what all bring, and `_smm_parts`, their rows."""
    # Lists are made by grouping: a window would copy the list of many parts to each of them.
    return (
        f"with parts as (select *, ({rule.by}) as _smm_by, ({rule.each}) as _smm_each from ({records})), "
        f"groups as (select _smm_delivery, min(_smm_row) as _smm_row, list(_smm_row order by _smm_row) as _smm_parts, "
        f"list(_smm_each order by _smm_row) as {quoted(rule.into)} from parts "
        "group by _smm_delivery, _smm_by, case when _smm_by is null then _smm_row end) "
        "select * exclude (_smm_by, _smm_each) from parts join groups using (_smm_delivery, _smm_row)"
    )


def skipped_sql(source: FeedSource) -> str | None:
    """SELECT of delivery, row and reason of the records that a skip rule takes out; None without rules."""
    if not source.mapping.skip:
        return None
    cases = " ".join(f"when ({r.where}) then {sql_text(r.full_reason)}" for r in source.mapping.skip)
    return (
        f"select _smm_delivery, _smm_row, reason from (select *, case {cases} end as reason from "
        f"({_named(source.mapping, 'select * from _smm_record')})) where reason is not null"
    )


def _named(mapping: Mapping, records: str) -> str:
    """SELECT of records with the named expressions.

    One that names another stands in a SELECT around it: within one SELECT DuckDB would copy the other's whole text into
    it, and of names built on names the plan grows until planning takes longer than reading.
    """
    level: dict[str, str] = {}
    for name, text in mapping.let.items():
        if any(re.search(rf"\b{re.escape(known)}\b", text) for known in level):
            records, level = _select_also(level, records), {}
        level[name] = text
    return _select_also(level, records)


def _select_also(level: dict[str, str], inner: str) -> str:
    named = "".join(f", ({text}) as {quoted(name)}" for name, text in level.items())
    return f"select *{named} from ({inner})"


def _as_text(rule: ColumnRule, source: FeedSource) -> str:
    if rule.const is not None:
        return sql_text(rule.const)
    # The bare name of a field may be any text, a keyword too.
    expression = quoted(rule.expr) if rule.expr in source.mapping.structure else rule.expr
    return f"cast(({expression}) as varchar)"


def _may_be_cell(rule: ColumnRule, source: FeedSource) -> bool:
    """Whether a value is the bare cell of a workbook, which may be a number or a day and no text."""
    return "xlsx" in source.mapping.format.kind and rule.expr in source.mapping.structure


def _is_typed_cell(rule: ColumnRule) -> str:
    return f"coalesce(list_contains({TYPED_CELLS}, {sql_text(rule.expr)}), false)"


def _typed(type_: str, text: str, rule: ColumnRule, source: FeedSource, is_cell: str) -> str:
    """SQL of the typed value; `is_cell` says of a row whether its text was a typed cell."""
    value, _ = typed(type_, text, rule, source.time_zone)
    if type_ == "VARCHAR" or not _may_be_cell(rule, source):
        return value
    return f"case when {is_cell} then {typed_cell(type_, text, rule, source.time_zone)} else {value} end"


def _known(column: ColumnSpec) -> str:
    name = quoted(column.name)
    return f"coalesce({name}, '')" if column.rules.get("empty_is_value") else known_text(column.name, name)


def _reason(code: str, column: ColumnSpec) -> str:
    return sql_text(f"{code}:{column.name}")


def _null(column: ColumnSpec) -> str:
    value = "''" if column.rules.get("empty_is_value") else "null"
    return f"cast({value} as {column.type}) as {quoted(column.name)}"


def _cell_name(column: ColumnSpec) -> str:
    return quoted(f"_smm_cell_{column.name}")


def _vendor_name(column: ColumnSpec) -> str:
    return quoted(f"_smm_vendor_{column.name}")


def _text_name(column: ColumnSpec) -> str:
    return f"_smm_text_{column.name}"
