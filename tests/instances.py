"""Instances that tests run: a small demo shop, and the fingerprint of what a run made of it.

Belongs here: what test modules need of an instance. Does not belong here: assertions.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path

import duckdb

from smm_pipeline.catalog import Catalog
from smm_pipeline.quoting import quoted
from smm_pipeline.shop import make_shop
from smm_pipeline.warehouse.schema import relation
from tests.project_catalog import project_catalog


def small_shop(home: Path, *, days: int = 6, scale: float = 0.04, seed: int = 11) -> Path:
    """Write a small demo shop; the same arguments give the same bytes."""
    make_shop(home, seed=seed, days=days, scale=scale)
    return home


def order_by_the_link_of_a_profile(home: Path) -> Path:
    """An order whose tags name the community and no post, as the link in a profile does: its post is a guess."""
    orders = home / "landing" / "orders"
    delivered = json.loads((orders / "orders_20260530_x20260530T213000Z.json").read_text(encoding="utf-8"))
    [order] = [order for order in delivered if order["number"] == "10017"]
    meta = [entry for entry in order["meta_data"] if not entry["key"].endswith("_utm_content")]
    for entry in meta:
        entry["value"] = re.sub(r"&utm_content=\w+", "", entry["value"])
    order |= {"id": 60000, "number": "11000", "order_key": "wc_order_profile", "customer_id": 0, "meta_data": meta}
    order["billing"] |= {"email": "profile@example.com", "last_name": "Buyer of a profile"}
    (orders / "orders_20260530_profile_x20260530T213100Z.json").write_text(json.dumps([order]), encoding="utf-8")
    return home


def keep_feeds(home: Path, names: set[str]) -> Path:
    """Take every other feed out of an instance's settings and landing folder."""
    config = home / "smm.toml"
    head, *sections = re.split(r"(?m)^(?=\[)", config.read_text(encoding="utf-8"))
    kept = [s for s in sections if not s.startswith("[feeds.") or s.partition("]")[0].removeprefix("[feeds.") in names]
    config.write_text(head + "".join(kept), encoding="utf-8")
    for folder in (home / "landing").iterdir():
        if folder.name not in names:
            shutil.rmtree(folder)
    return home


def copy_instance(source: Path, target: Path, *, landing: bool = True) -> Path:
    """A copy of an instance's settings, mappings and (unless told otherwise) deliveries, without anything built."""
    target.mkdir(parents=True)
    shutil.copy(source / "smm.toml", target / "smm.toml")
    shutil.copytree(source / "mappings", target / "mappings")
    if landing:
        shutil.copytree(source / "landing", target / "landing")
    return target


def fingerprints(database: Path, layer: str = "kpi", catalog: Catalog | None = None) -> dict[str, str]:
    """For each table of a layer the hash of its rows in key order, every column included."""
    specs = (catalog or project_catalog()).layer(layer)  # type: ignore[arg-type] # the layer's name comes from a test
    found = {}
    with duckdb.connect(str(database), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        for spec in specs:
            names = ", ".join(quoted(c.name) for c in spec.columns)
            order = ", ".join(quoted(k) for k in spec.key)
            rows = con.execute(f"select {names} from {relation(spec)} order by {order}").fetchall()
            found[spec.name] = f"{len(rows)} rows {hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}"
    return found
