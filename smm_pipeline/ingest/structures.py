"""Declared structures as SQL.

Belongs here: the type of a structure, and the search for places where a record holds something of another kind than
its structure says. Does not belong here: reading records (records.py), and what the fields mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as MappingOf
from typing import Any

from smm_pipeline.quoting import quoted, sql_text

_EACH = "[*]"


def sql_type(structure: Any) -> str:
    """DuckDB type of a declared structure: text stands for itself, a mapping for a struct, a list for a list."""
    if isinstance(structure, MappingOf):
        return "struct(" + ", ".join(f"{quoted(str(n))} {sql_type(t)}" for n, t in structure.items()) + ")"
    if _is_list(structure):
        return sql_type(structure[0]) + "[]"
    return "json" if structure == "JSON" else "varchar"


def misfits_sql(structure: MappingOf[str, Any], record: str, text: str) -> str:
    """SQL of the reasons `bad_structure:<field>` of a record, separated by spaces; empty where it fits.

    `from_json` makes NULL of what should be a list and is not, and an object of NULLs of what should be an object. So
    the text of a record is looked at again only where it has such a place: parsing is what costs, and few have one.

    Args:
        structure: the fields of a record.
        record: SQL of the parsed record.
        text: SQL of its JSON.
    """
    cases = []
    for steps, container in _containers(structure, ()):
        path = sql_text("$" + "".join(s if s == _EACH else '."' + s.replace('"', '\\"') + '"' for s in steps))
        found = f"json_extract({text}, {path})"
        if _EACH in steps:
            wrong = f"len(list_filter({found}, lambda _smm_part: {_is_other_kind('_smm_part', container)})) > 0"
        else:
            wrong = _is_other_kind(found, container)
        reason = "bad_structure:" + ".".join(s for s in steps if s != _EACH)
        cases.append(f"case when {_is_suspect(record, steps, container)} and {wrong} then {sql_text(reason)} end")
    return f"concat_ws(' ', {', '.join(cases)})" if cases else "''"


def _is_other_kind(part: str, container: Any) -> str:
    """SQL that says whether a part of a record is of another kind; PHP writes an empty object as an empty list."""
    if _is_list(container):
        return f"json_type({part}) not in ('NULL', 'ARRAY')"
    return f"json_type({part}) not in ('NULL', 'OBJECT') and cast({part} as varchar) <> '[]'"


def _containers(structure: Any, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every list and object within a structure, with the way to it."""
    if isinstance(structure, MappingOf):
        inner = [(str(name), part) for name, part in structure.items()]
    else:
        inner = [(_EACH, structure[0])] if _is_list(structure) else []
    for step, part in inner:
        if not isinstance(part, str):
            yield (*steps, step), part
            yield from _containers(part, (*steps, step))


def _is_suspect(value: str, steps: Sequence[str], container: Any, depth: int = 0) -> str:
    """SQL that says whether anything at the end of the way looks like what `from_json` makes of another kind."""
    if not steps:
        if _is_list(container):
            return f"{value} is null"
        return " and ".join([f"{value} is not null", *(f"{value}.{quoted(str(n))} is null" for n in container)])
    step, rest = steps[0], steps[1:]
    if step == _EACH:
        element = f"_smm_element_{depth}"
        return f"len(list_filter({value}, lambda {element}: {_is_suspect(element, rest, container, depth + 1)})) > 0"
    return f"{value} is not null and {_is_suspect(f'{value}.{quoted(step)}', rest, container, depth)}"


def _is_list(structure: Any) -> bool:
    return isinstance(structure, Sequence) and not isinstance(structure, str)
