"""From good rows to the raw table: duplicates, versions, fates.

Belongs here: the rule that makes the raw tables independent of the order of deliveries. One row is stored per distinct
key and content; seeing the same content again in a later extraction raises its `_version_ts`, so A, B, A ends at A. The
current row of a key has the highest rank: the vendor's version (one without it is the oldest), then the extraction,
then its place in the delivery. The vendor's clock and that of files are never compared with each other. Each version
of a key says when the key was seen first and whether it has others, so that late and restated rows are counted day by
day. What a rejected row leaves is a version like others, but has no fate: it is counted as rejected (pieces.py). Works
inside the caller's transaction. Does not belong here: making rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from smm_pipeline.catalog import TableSpec
from smm_pipeline.errors import SmmError
from smm_pipeline.quoting import quoted
from smm_pipeline.warehouse.schema import relation


@dataclass(frozen=True)
class Merged:
    """What a merge did: fates (loaded, duplicate, superseded) by delivery number, and the days whose rows changed."""

    fates: dict[int, tuple[int, int, int]]
    days: frozenset[str]


def merge_rows(con: duckdb.DuckDBPyConnection, spec: TableSpec, feed: str, waiting: Sequence[str]) -> Merged:
    """Merge the rows of tables, in any order, into a raw table; rows of one record stand in one of them.

    Raises:
        SmmError: SMM-205 when the number of inserted rows is not the number of new ones.
    """
    numbered = (
        f"select rowid * {len(waiting)} + {number} as _smm_id, * from {table}" for number, table in enumerate(waiting)
    )
    con.execute(f"create or replace temp view _smm_in as {' union all '.join(numbered)}")
    _find_stored(con, spec)
    # Most keys come once and are new: their rows are loaded as they are, only for the others versions are compared.
    con.execute(
        "create or replace temp table _smm_contested as select key as _smm_key from _smm_stored "
        "union select _smm_key from _smm_in group by all having count(*) > 1"
    )
    con.execute(
        "create or replace temp view _smm_lone as select * from _smm_in anti join _smm_contested using (_smm_key)"
    )
    _decide(con)
    days = _changed_days(con, spec)
    con.execute(
        f"update {relation(spec)} as t set _version_ts = v.version, _first_ts = v.first, _is_current = v.is_current, "
        "_is_restated = v.is_restated "
        "from _smm_versions v where v.stored_id = t.rowid and v.changed"
    )
    columns = ", ".join(f"i.{quoted(c.name)}" for c in spec.columns)
    lineage = "?, a.delivery_id, i._smm_row, {version}, {first}, i._smm_hash, {is_current}, {is_restated}, now()"
    rows = f"select {columns}, {lineage} from {{rows}} join _smm_arrival a using (_smm_delivery)"
    compared = "_smm_versions v join _smm_in i on i._smm_id = v.new_id"
    inserted = 0
    lone = {"version": "i._smm_extracted", "first": "i._smm_extracted", "is_current": "true", "is_restated": "false"}
    for told, source in ((lone, "_smm_lone i"), ({name: f"v.{name}" for name in lone}, compared)):
        select = rows.format(**told, rows=source)
        inserted += _number(con.execute(f"insert into {relation(spec)} {select}", [feed]))
    fates = (
        "select delivery, fate, is_unread from _smm_fate union all "
        "select _smm_delivery, 'loaded', _smm_is_unread from _smm_lone"
    )
    counted = {
        int(n): (int(loaded), int(duplicate), int(superseded))
        for n, loaded, duplicate, superseded in con.execute(
            "select delivery, count(*) filter (fate = 'loaded'), count(*) filter (fate = 'duplicate'), "
            f"count(*) filter (fate = 'superseded') from ({fates}) where not is_unread group by all"
        ).fetchall()
    }
    new = _number(con.execute(f"select count(*) from ({fates}) where fate <> 'duplicate'"))
    if inserted != new:
        raise SmmError("SMM-205", f"{new} new rows, but {inserted} were inserted", where=spec.full_name)
    return Merged(counted, days)


def _number(result: duckdb.DuckDBPyConnection) -> int:
    row = result.fetchone()
    return int(row[0]) if row else 0


def _find_stored(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> None:
    """`_smm_stored`: what the table already holds for the keys of the batch."""
    same = " and ".join(f"t.{quoted(k)} = i.{quoted(k)}" for k in spec.key)
    keys = ", ".join(quoted(k) for k in spec.key)
    rank = _rank(vendor_version(spec, "t."), "t._version_ts", "t._is_current", "t._row_hash")
    con.execute(
        "create or replace temp table _smm_stored as "
        f"select t.rowid as stored_id, i._smm_key as key, t._row_hash as hash, t._version_ts as extracted, "
        f"t._first_ts as first, t._is_current as is_current, t._is_restated as is_restated, {rank} as rank "
        f"from {relation(spec)} t join (select distinct _smm_key, {keys} from _smm_in) i on {same}"
    )


def vendor_version(spec: TableSpec, prefix: str = "") -> str:
    """SQL of the vendor's own version of a row; the start of time where it gives none, so that any version is newer."""
    value = f"{prefix}{quoted(spec.version)}" if spec.version else "null"
    return f"coalesce({value}, timestamptz '-infinity')"


def _rank(vendor: str, extracted: str, is_last: str, content: str) -> str:
    """SQL of what decides between two contents of a key.

    `is_last` tells of a row that it is the last word of its delivery on the key; of stored rows the current one was it.
    The hash decides only between the last words of different deliveries.
    """
    return f"struct_pack(vendor := {vendor}, extracted := {extracted}, is_last := {is_last}, hash := {content})"


def _decide(con: duckdb.DuckDBPyConnection) -> None:
    """Of contested keys `_smm_fate`: one fate per incoming row; `_smm_versions`: how each version has to stand then."""
    # Deliveries count in their order within the batch, so that fates do not depend on how batches were cut.
    con.execute(
        f"""
        create or replace temp table _smm_fate as
        with placed as (
            select
                _smm_id as id, _smm_delivery as delivery, _smm_row as row_no, _smm_key as key, _smm_hash as hash,
                _smm_extracted as extracted, _smm_vendor as vendor, _smm_is_unread as is_unread,
                row_number() over (
                    partition by _smm_key, _smm_delivery
                    order by _smm_vendor desc, _smm_extracted desc, _smm_row desc, _smm_id desc
                ) = 1 as is_last
            from _smm_in semi join _smm_contested using (_smm_key)
        ),
        ranked as (select *, {_rank("vendor", "extracted", "is_last", "hash")} as rank from placed),
        seen as (
            select
                *,
                row_number() over (partition by key, hash order by delivery, row_no, id) as occurrence,
                max(rank) over (
                    partition by key order by delivery range between unbounded preceding and current row
                ) as newest
            from ranked
        ),
        stored as (select key, max(rank) as newest, list(hash) as hashes from _smm_stored group by key)
        select
            seen.id, seen.delivery, seen.key, seen.hash, seen.extracted, seen.rank, seen.is_unread,
            case
                when seen.occurrence > 1 or coalesce(list_contains(stored.hashes, seen.hash), false) then 'duplicate'
                when greatest(seen.newest, coalesce(stored.newest, seen.newest)).hash <> seen.hash then 'superseded'
                else 'loaded'
            end as fate
        from seen left join stored using (key)
        """
    )
    con.execute(
        """
        create or replace temp table _smm_versions as
        with incoming as (
            select
                key, hash, min(extracted) as first, max(extracted) as extracted, max(rank) as rank,
                max(id) filter (fate <> 'duplicate') as new_id
            from _smm_fate group by key, hash
        ),
        known as (
            select
                coalesce(incoming.key, stored.key) as key, coalesce(incoming.hash, stored.hash) as hash,
                greatest(incoming.extracted, stored.extracted) as version,
                case when incoming.rank is null or stored.rank > incoming.rank then stored.rank
                    else incoming.rank end as rank,
                least(incoming.first, stored.first) as first, stored.stored_id, stored.extracted as old_version,
                stored.is_current as was_current, (stored.first, stored.is_restated) as was_told, incoming.new_id
            from incoming full join _smm_stored stored using (key, hash)
        ),
        told as (
            select key, max(rank).hash as newest, min(first) as first, count(*) > 1 as is_restated
            from known group by key
        ),
        compared as (
            select
                known.stored_id, known.new_id, known.version, told.first, known.hash = told.newest as is_current,
                told.is_restated, known.version <> known.old_version as is_seen_later,
                known.stored_id is null or (told.first, told.is_restated) <> known.was_told as is_told_anew,
                (known.hash = told.newest) <> coalesce(known.was_current, false) as shows
            from known join told using (key)
        )
        select
            * exclude (is_seen_later, is_told_anew, shows),
            stored_id is not null and (is_seen_later or is_told_anew or shows) as changed,
            -- That a content was seen again counts too: what else came with it may be less than before.
            shows or (is_current and (is_told_anew or is_seen_later)) as shows
        from compared
        """
    )


def _changed_days(con: duckdb.DuckDBPyConnection, spec: TableSpec) -> frozenset[str]:
    """Days on which the current rows, or what they tell of their key, differ; `all` for a table without partitions.

    Rows without a day stand on no day: nothing built per day reads them.
    """
    if spec.partition is None:
        shown = con.execute(
            "select 1 from _smm_versions where shows union all select 1 from _smm_lone limit 1"
        ).fetchone()
        return frozenset(["all"]) if shown else frozenset()
    day = quoted(spec.partition)
    rows = con.execute(
        f"select {day} from _smm_lone union "
        f"select i.{day} from _smm_versions v join _smm_in i on i._smm_id = v.new_id where v.shows union "
        f"select t.{day} from _smm_versions v join {relation(spec)} t on t.rowid = v.stored_id where v.shows"
    ).fetchall()
    return frozenset(r[0].isoformat() for r in rows if r[0] is not None)
