"""Messages of DuckDB as it writes them, with values that nobody may read in a log."""

from __future__ import annotations

import duckdb
import pytest

from smm_pipeline.masking import EMAIL, without_persons, without_values

STUMBLES = [
    "select cast(x as timestamp) from (values ('jane@shop.example')) as t (x)",
    "select cast(x as date) from (values ('jane@shop.example')) as t (x)",
    "select cast(x as integer) from (values ('O''Neil jane')) as t (x)",
    "select cast(x as decimal(4, 2)) from (values ('jane \"the\" one')) as t (x)",
    "select strptime(x, '%Y-%m-%d') from (values ('jane')) as t (x)",
    "select error('no such person: +380 44 123 45 67, jane@shop.example') as x",
    "select cast(x as json) from (values ('{jane')) as t (x)",
]


@pytest.mark.parametrize("query", STUMBLES)
def test_no_value_is_repeated(query: str) -> None:
    with duckdb.connect() as con, pytest.raises(duckdb.Error) as caught:
        con.execute(query).fetchall()
    told = without_values(str(caught.value))
    assert "jane" not in told
    assert "Neil" not in told
    assert "44 123" not in told
    assert "Error: " in told


@pytest.mark.parametrize(
    "address", ["олена@пошта.укр", "o.shevchenko+shop@mail.example", r"\u043e\u043b@mail.example", "ö@ü.de"]
)
def test_addresses_of_any_script_are_masked(address: str) -> None:
    """By Python and by DuckDB alike; what stands around one stays."""
    for text in (f'{{"mail":"{address}","n":1}}', f"a;{address};b", f"<{address}>"):
        masked = text.replace(address, "(...)")
        assert without_persons(text) == masked
        with duckdb.connect() as con:
            assert con.execute("select regexp_replace(?, ?, '(...)', 'g')", [text, EMAIL]).fetchall() == [(masked,)]


def test_words_without_values_stay() -> None:
    assert without_values("Binder Error: no such column\nLINE 1: ...") == "Binder Error: no such column"
    assert without_values("") == ""
