"""Every file in sql/ stays in the subset that runs on DuckDB and Spark alike; every rule of the lint can fail."""

from __future__ import annotations

import pytest

from tests.contract.portable_sql import RULES, Rule, Schema, problems
from tests.project_catalog import project_catalog

EXAMPLE_SCHEMA: Schema = {
    "core": {
        "a": {"id": "BIGINT", "x": "VARCHAR", "y": "BIGINT", "j": "VARCHAR", "ts": "TIMESTAMPTZ", "d": "DATE"},
        "b": {"id": "BIGINT", "ts": "TIMESTAMPTZ", "d": "DATE"},
    }
}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_trips_on_its_example(rule: Rule) -> None:
    assert [p for p in problems(rule.example, EXAMPLE_SCHEMA) if p.startswith(rule.name)]


@pytest.mark.parametrize(
    ("sql", "is_portable"),
    [
        ("select date_diff('day', a.d, b.d) as days from core.a join core.b using (id)", True),
        ("select a.d - b.d as days from core.a join core.b using (id)", False),
        ("with c as (select max(d) as d from core.a) select b.d - c.d as days from core.b cross join c", False),
        ("select ts - interval 1 day as ts from core.a", True),
        ("select id - y as n from core.a", True),
        ("select arg_max(x, (ts, id)) filter (where x is not null) as x from core.a", True),
        ("select arg_min(id, (ts, id)) as id from core.a", True),
        ("select list_sort(list({'ts': ts, 'x': x})) as xs from core.a", True),
        ("select lag(ts) over (partition by x order by ts, id) as t from core.a qualify t > $partition_start", True),
        ("select y / nullif(id, 0) as share, y / 1000 as thousands from core.a", True),
        ("select x from core.a; select x from core.a", False),
        ("delete from core.a", False),
    ],
)
def test_judges_known_wordings(sql: str, is_portable: bool) -> None:
    assert (problems(sql, EXAMPLE_SCHEMA) == []) is is_portable


def test_all_sql_is_portable() -> None:
    catalog = project_catalog()
    schema: dict[str, dict[str, dict[str, str]]] = {}
    for spec in catalog:
        schema.setdefault(spec.layer, {})[spec.name] = {c.name: c.type for c in spec.stored_columns}
    found = [f"{spec.full_name}: {p}" for spec in catalog.build_order for p in problems(spec.sql or "", schema)]
    assert not found, "\n" + "\n".join(found)
