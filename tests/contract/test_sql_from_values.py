"""No value gets into SQL but through a function that quotes it: the code keeps the rule, and the rule bites."""

from __future__ import annotations

import pytest

from smm_pipeline.settings import PROJECT_ROOT
from tests.contract.sql_of_values import problems

MODULES = [path for folder in ("smm_pipeline", "tools", "bench") for path in (PROJECT_ROOT / folder).rglob("*.py")]


def test_the_code_makes_no_sql_of_values() -> None:
    assert len(MODULES) > 150
    assert not [problem for path in MODULES for problem in problems(path.read_text(encoding="utf-8"), path.name)]


# The body of a function of `con`, `name`, which its callers give, and `source`, an object; what is found in it.
BAD = {
    """con.execute(f"select * from t where x = '{name}'")""": "name in single quotes",
    """con.execute(f"select * from t where x like '%{quoted(name)}%'")""": "quoted(name) in single quotes",
    """where = f"x = '{source.name}'"; con.execute(f"select * from t where {where}")""": "source.name in single quotes",
    """part = f"{quoted(name)} between date '{source.first}' and current_date\"""": "source.first in single quotes",
    """con.execute(f'select * from "{name}"')""": "name in double quotes",
    """query = f'create or replace temp view "{name}" as select 1'""": "name in double quotes",
    """con.execute(f"select * from {source.name}")""": "source.name",
    """con.execute(f"select * from {str(name)}")""": "str(name)",
    """table = source.table; con.execute(f"drop table {table}")""": "table",
    """x, y = source.row; con.sql(f"delete from t where y = {y}")""": "y",
    """for (table,) in con.execute("show tables").fetchall(): con.execute(f"drop table {table}")""": "table",
    """con.execute(f"select {', '.join(column.name for column in source.columns)} from t")""":
        "', '.join((column.name for column in source.columns))",
    """con.execute("select * from t where x = %s" % name)""": "'select * from t where x = %s' % name",
    """con.execute("select * from t where x = " + source.name)""": "'select * from t where x = ' + source.name",
    """con.execute("select * from {}".format(source.name))""": "'select * from {}'.format(source.name)",
    """con.execute(source.query)""": "source.query",
    """names = [r[0] for r in con.execute("show tables").fetchall()]; con.execute(f"drop table {names[0]}")""":
        "names[0]",
}  # fmt: skip
GOOD = (
    """con.execute("select * from t where x = ?", [name])""",
    """con.execute(f"select * from {quoted(name)} where x = {sql_text(source.name)}")""",
    """con.execute(f"select {', '.join(quoted(c.name) for c in source.columns)} from {relation(source)}")""",
    """con.execute(f"select * from t where regexp_matches(x, '^{_PATTERN}$') limit {len(name)}")""",
    """where = f"x = {sql_text(name)}" if name else "true"; con.execute(f"select * from t where {where}")""",
    """con.execute(f"insert into t values ({', '.join('?' for _ in source.row)})", source.row)""",
    """raise ValueError(f"the shop's name, {name}, is one of the source's: {source.name}")""",
)


@pytest.mark.parametrize("body", BAD)
def test_a_planted_mistake_is_found(body: str) -> None:
    assert problems(_function(body), "m.py") == [f"m.py:2: {BAD[body]}"]


@pytest.mark.parametrize("body", GOOD)
def test_parameters_quoting_functions_and_constants_are_let_through(body: str) -> None:
    assert problems(_function(body)) == []


def _function(body: str) -> str:
    return f"def of(con, name, source):\n    {body}\n"
