"""A mapping that DuckDB cannot resolve: the error names the expression at fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ingest_fixture import Instance

MAPPING = """
format:
  kind: jsonl
  structure: {day: VARCHAR, kind: VARCHAR, amount: VARCHAR, payer: {country: VARCHAR}, parts: [{label: VARCHAR}]}
source_system: test
let: {spent: amount}
skip: [{where: kind = 'test', reason: test_cost}]
extracted_ts: day
combine: {by: day, each: spent, into: bills}
tables:
  smm_cost:
    from: unnest(parts) as part
    where: amount <> ''
    key_occurrence: cost_id
    columns:
      cost_date: day
      kind: lower(kind)
      network: part.label
      campaign: upper(payer.country)
      cost_amount: spent
"""


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lower(kind)", "lower(knd)", "tables.smm_cost.kind: lower(knd) cannot be resolved: Referenced column"),
        ("cost_amount: spent", "cost_amount: spnt", "did you mean spent?"),
        ("payer.country", "payer.cuntry", "tables.smm_cost.campaign: upper(payer.cuntry) cannot be resolved: "),
        ("payer.country", "payer.cuntry", "did you mean country?"),
        ("payer.country", "pyer.country", "did you mean payer?"),
        ("part.label", "part.label + 1", "tables.smm_cost.network: part.label + 1 cannot be resolved: No function"),
        ("unnest(parts)", "unnest(prts)", "tables.smm_cost.from: unnest(prts) as part cannot be resolved: "),
        ("unnest(parts)", "unnest(prts)", "did you mean parts?"),
        ("where: amount", "where: amont", "tables.smm_cost.where: amont <> '' cannot be resolved: "),
        ("by: day", "by: dya", "combine.by: dya cannot be resolved: "),
        ("each: spent", "each: spnt", "did you mean spent?"),
        ("{spent: amount}", "{other: kind, spent: amont}", "let.spent: amont cannot be resolved: "),
        ("where: kind =", "where: knd =", "skip.test_cost: knd = 'test' cannot be resolved: "),
        # Computed while the statement is planned, before any record.
        ("lower(kind)", "chr(99999999)", "tables.smm_cost.kind: chr(99999999) cannot be resolved: Invalid UTF8"),
        ("cost_amount: spent", "cost_amount: cast('x' as int)", "tables.smm_cost.cost_amount: cast('x' as int) cannot"),
        ("extracted_ts: day", "extracted_ts: dya", "extracted_ts: dya cannot be resolved: "),
    ],
)
def test_the_expression_at_fault_is_named(tmp_path: Path, old: str, new: str, told: str) -> None:
    shop = Instance(tmp_path, {"costs": 'mapping = "costs.yml"'})
    assert MAPPING.count(old) == 1
    (tmp_path / "costs.yml").write_text(MAPPING.replace(old, new), encoding="utf-8")
    shop.deliver("costs", "a.jsonl", "{}")
    [result] = shop.ingest()
    assert result.error is not None
    assert result.error.code == "SMM-204"
    assert result.error.where == "costs.yml (feed costs)"
    assert told in result.error.what


def test_a_mapping_at_fault_leaves_out_its_feed_only(tmp_path: Path) -> None:
    shop = Instance(tmp_path, {"costs": 'mapping = "costs.yml"', "good": 'mapping = "followers_jsonl.yml"'})
    for name, old, new in (
        ("a", "lower(kind)", "chr(99999999)"),
        ("b", "cost_date: day", "cost_date: {expr: day, time: {format: '%Q'}}"),
    ):
        assert MAPPING.count(old) == 1
        (tmp_path / "costs.yml").write_text(MAPPING.replace(old, new), encoding="utf-8")
        shop.deliver("costs", "a.jsonl", "{}")
        shop.deliver("good", f"{name}.jsonl", f'{{"community": "{name}", "day": "2026-03-01", "followers": 1}}')
        bad, good = shop.ingest()
        assert (bad.error.code if bad.error else "", good.status) == ("SMM-204", "loaded")


def test_the_mapping_itself_can_be_resolved(tmp_path: Path) -> None:
    """Else the cases above would show nothing."""
    shop = Instance(tmp_path, {"costs": 'mapping = "costs.yml"'})
    (tmp_path / "costs.yml").write_text(MAPPING, encoding="utf-8")
    row = '{"day": "2026-03-01", "kind": "ads", "amount": "5", "payer": {"country": "ua"}, "parts": [{"label": "x"}]}'
    shop.deliver("costs", "a.jsonl", row)
    assert [r.status for r in shop.ingest()] == ["loaded"]
    assert shop.rows("select kind, network, campaign, cost_amount from raw.smm_cost") == [("ads", "x", "UA", 5)]
