"""Whether a mapping can be what it says: checked before any delivery is opened.

Belongs here: what a mapping's parts ask of each other and of the catalog. Does not belong here: the form of each part
(mapping.py, file_format.py), and names and types that only DuckDB can resolve (room ingest). Pure: no database.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from difflib import get_close_matches
from typing import Any, get_args

from smm_pipeline.catalog import Catalog, TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.feeds.expressions import problems_of
from smm_pipeline.feeds.file_format import DOCUMENT, GROUP_ROW, LINE, FileFormat, Kind
from smm_pipeline.feeds.mapping import DELIVERY_DATE, RESERVED_PREFIX, Mapping, TableRule


def check_mapping(mapping: Mapping, catalog: Catalog, constants: MappingOf[str, str], *, where: str) -> None:
    """Check a mapping against the contracts it fills.

    Raises:
        SmmError: SMM-204 naming every problem: unknown contract or column, a required column without a value, an
            expression that is not a plain scalar expression.
    """
    problems = [*_format_problems(mapping), *_name_problems(mapping)]
    for name, expression in expressions_of(mapping):
        if expression in mapping.structure:
            # The bare name of a field, whatever its letters, needs no quotes.
            continue
        problems += [f"{name}: {p}" for p in problems_of(expression)]
    for name, table in mapping.tables.items():
        spec = catalog.tables.get(f"raw.{name}")
        if spec is None:
            known = [t.name for t in catalog.layer("raw")]
            problems.append(f"tables.{name}: there is no such contract{_did_you_mean(name, known)}")
        else:
            problems += [f"tables.{name}: {p}" for p in _table_problems(table, spec, constants)]
    if problems:
        raise SmmError("SMM-204", "; ".join(problems), where=where, hint="see docs/mapping.md")


def _format_problems(mapping: Mapping) -> list[str]:
    problems = [*_kind_problems(mapping), *_encoding_problems(mapping.format), *_layout_problems(mapping)]
    if not mapping.tables:
        problems.append("tables: expected an entry per contract to fill")
    if not mapping.structure:
        problems.append("columns: or format.structure: is needed")
    if {"csv", "xlsx"} & set(mapping.format.kind) and not mapping.columns:
        problems.append("columns: must name the expected header")
    if mapping.extracted_ts and mapping.extracted_ts.is_dated:
        problems.append("extracted_ts.map: since and until are for columns of a contract with a day")
    return problems


def _name_problems(mapping: Mapping) -> list[str]:
    """What is wrong with the names of fields."""
    problems = []
    if extra := set(mapping.required) - set(mapping.structure):
        problems.append(f"required_columns: not among the columns: {', '.join(sorted(extra))}")
    names = [name for known in mapping.names_of.values() for name in known]
    if mapping.aliases and (twice := sorted({name for name in names if names.count(name) > 1})):
        problems.append(f"columns: a header's name for two columns: {', '.join(twice)}")
    if reserved := [c for c in (*mapping.structure, *mapping.let) if c.lower().startswith(RESERVED_PREFIX)]:
        problems.append(f"names must not begin with {RESERVED_PREFIX}: {', '.join(reserved)}")
    return [*problems, *_taken_names(mapping), *_group_problems(mapping), *_nest_problems(mapping)]


def _taken_names(mapping: Mapping) -> list[str]:
    """Names that mean two things: to the database `category` is `Category`, and one would win without a word."""
    problems = [
        f"{first} and {second} are one name to the database; leave one out, or name a column otherwise, as in "
        f"columns: {{other_name: [{second}]}}"
        for first, second in _twins(mapping.structure)
    ]
    problems += [
        f"let: {first} and {second} are one name to the database; expected a name of its own for each"
        for first, second in _twins(mapping.let)
    ]
    fields = {name.casefold(): name for name in mapping.structure}
    taken = {name: fields[name.casefold()] for name in mapping.let if name.casefold() in fields}
    problems += [f"let.{name}: there is a field {field}; expected a name of its own" for name, field in taken.items()]
    # A field may be named delivery_date: it then is what the source means by it.
    own = {DELIVERY_DATE, DOCUMENT} if mapping.format.document else {DELIVERY_DATE}
    second = [("let", name) for name in mapping.let if name.casefold() in own]
    if mapping.format.document and DOCUMENT in fields:
        second.append(("format.structure", fields[DOCUMENT]))
    defined = {name.casefold() for name in mapping.let}
    if mapping.combine and mapping.combine.into in {*own, *fields, *defined}:
        second.append(("combine.into", mapping.combine.into))
    return problems + [f"{key}: {name} has a meaning already; expected a name of its own" for key, name in second]


def _twins(structure: Any) -> Iterator[tuple[str, str]]:
    """Names beside each other that differ only in the letters that the database takes for one."""
    if isinstance(structure, MappingOf):
        known: dict[str, str] = {}
        for name, part in structure.items():
            # bytes.lower knows the letters of ASCII alone, as the database does.
            first = known.setdefault(name.encode().lower().decode(), name)
            if first != name:
                yield first, name
            yield from _twins(part)
    elif isinstance(structure, list):
        for part in structure:
            yield from _twins(part)


def _group_problems(mapping: Mapping) -> list[str]:
    carry = mapping.format.carry
    if carry is None:
        return []
    problems = []
    if not set(mapping.format.kind) <= {"csv", "xlsx"}:
        problems.append("format.carry: only csv and xlsx have rows that belong together")
    if carry.by not in mapping.required:
        problems.append(f"format.carry.by: must be a required column{_did_you_mean(carry.by, mapping.required)}")
    problems += [
        f"format.carry.columns: there is no column {name}{_did_you_mean(name, mapping.columns)}"
        for name in carry.columns
        if name not in mapping.columns
    ]
    if GROUP_ROW in mapping.columns:
        problems.append(f"columns: {GROUP_ROW} is the place of a row in its group where there is format.carry")
    return problems


def _nest_problems(mapping: Mapping) -> list[str]:
    nest = mapping.format.nest
    if nest is None:
        return []
    problems = []
    if mapping.format.kind != ("jsonl",):
        problems.append("format.nest: only jsonl has lines that are parts of others")
    if not isinstance(mapping.structure.get(nest.into), list):
        problems.append(
            f"format.nest.into: must be a list of the structure{_did_you_mean(nest.into, mapping.structure)}"
        )
    return problems


def _kind_problems(mapping: Mapping) -> list[str]:
    kinds, problems = mapping.format.kind, []
    if not kinds:
        problems.append(f"format.kind: expected one or more of {', '.join(get_args(Kind))}")
    if "lines" in kinds and (len(kinds) > 1 or mapping.columns or mapping.format.structure):
        problems.append(f"format.kind: lines stands alone, without columns: and structure:; its one field is {LINE}")
    if mapping.format.header_row == 0 and kinds != ("csv",):
        problems.append("format.header_row: 0 (no header) is for kind csv alone")
    twice = sorted({name for name in mapping.columns if mapping.columns.count(name) > 1})
    if mapping.format.header_row == 0 and twice:
        problems.append(f"columns: without a header each cell needs a name of its own; named twice: {', '.join(twice)}")
    return problems


def _encoding_problems(fmt: FileFormat) -> list[str]:
    if "encoding" in fmt.model_fields_set and not {"csv", "lines"} & set(fmt.kind):
        return ["format.encoding: only csv and lines have one; JSON is UTF-8 by its standard"]
    try:
        line_end = "\n".encode(fmt.encoding)
    except LookupError:
        return [f"format.encoding: {fmt.encoding!r} is not known to Python"]
    if "lines" in fmt.kind and line_end.removeprefix(codecs.BOM_UTF8) != b"\n":
        return [f"format.encoding: {fmt.encoding} has no line end of one byte, as lines need"]
    return []


def _layout_problems(mapping: Mapping) -> list[str]:
    fmt, problems = mapping.format, []
    if len(fmt.delimiter) > 1 and not fmt.header_row:
        problems.append("format.delimiter: without a header nothing tells which of several it is")
    if fmt.header_within and not {"csv", "xlsx"} & set(fmt.kind):
        problems.append("format.header_within: only csv and xlsx have a header")
    if fmt.header_within and "header_row" in fmt.model_fields_set:
        problems.append("format.header_within: expected one of header_row and header_within")
    if fmt.header_within and not mapping.required:
        problems.append("format.header_within: needs required columns, by which the header is known")
    if fmt.member and fmt.kind not in (("csv",), ("jsonl",), ("json",)):
        problems.append("format.member: out of an archive one kind of csv, jsonl and json is read, no others")
    return problems


def expressions_of(mapping: Mapping) -> list[tuple[str, str]]:
    """Every expression of a mapping, with the key at which it stands."""
    found = [(f"let.{name}", text) for name, text in mapping.let.items()]
    if mapping.combine:
        found += [("combine.by", mapping.combine.by), ("combine.each", mapping.combine.each)]
    found += [(f"skip.{rule.reason}", rule.where) for rule in mapping.skip]
    if mapping.extracted_ts:
        found.append(("extracted_ts", mapping.extracted_ts.expr))
    for name, table in mapping.tables.items():
        found.append((f"tables.{name}.where", table.where))
        if table.unnested:
            found.append((f"tables.{name}.from", table.unnested[0]))
        found += [(f"tables.{name}.{column}", rule.expr) for column, rule in table.columns.items()]
    return [(name, text) for name, text in found if text]


def _table_problems(table: TableRule, spec: TableSpec, constants: MappingOf[str, str]) -> list[str]:
    names = {c.name for c in spec.columns}
    problems = []
    if table.source != "records" and table.unnested is None:
        problems.append("from: must be records, or unnest(<list>) as <name>")
    problems += [f"there is no column {c}{_did_you_mean(c, names)}" for c in sorted(table.columns.keys() - names)]
    if table.key_occurrence and table.key_occurrence not in spec.key:
        problems.append(f"key_occurrence: must be one of the key columns {', '.join(spec.key)}")
    for name, rule in table.columns.items():
        if rule.is_dated and not spec.partition:
            problems.append(f"columns.{name}.map: since and until need a contract with a day, and {spec.name} has none")
    given = {*table.columns, *constants, "source_system", table.key_occurrence}
    for c in spec.columns:
        needed = c.rules.get("required") or c.name in spec.key
        if needed and c.name not in given and not (c.rules.get("local_date_of") or c.rules.get("empty_is_value")):
            problems.append(f"no value for the required column {c.name}; map it, or set constants.{c.name} of the feed")
    return problems


def _did_you_mean(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""
