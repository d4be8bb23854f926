"""Which shipped mappings a file could be read by.

Belongs here: comparing the fields of a file with those that vendors' mappings name. Does not belong here: reading the
file by one of them (smm check --vendor), and drafts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smm_pipeline.drafting.sample import Path, Sample
from smm_pipeline.feeds import VENDORS, vendor_names
from smm_pipeline.feeds.file_format import keys_of
from smm_pipeline.feeds.mapping import Mapping, parse_mapping

# Fewer names are in many a file by chance.
_FEWEST_NAMES = 3
# Of the fields of records a vendor may leave out those without a value; of a table the required ones must be there.
_ENOUGH = 0.5
_MOST_VENDORS = 3


def shipped_vendors(sample: Sample) -> list[tuple[str, int]]:
    """Vendors whose mappings fit a file, the one that reads most of its fields first, with the number of these.

    Names alone are compared: whether the values are the vendor's, an attempt to read the file shows.
    """
    found = []
    for name in vendor_names():
        path = VENDORS / f"{name}.yml"
        mapping = parse_mapping(path.read_text(encoding="utf-8"), where=str(path))
        if count := _of_table(mapping, sample) if sample.structure is None else _of_records(mapping, sample):
            found.append((name, count))
    found.sort(key=lambda vendor: (-vendor[1], vendor[0]))
    return [(name, count) for name, count in found if 2 * count >= found[0][1]][:_MOST_VENDORS]


def _of_table(mapping: Mapping, sample: Sample) -> int:
    """How many columns of a table are known by the mapping; 0 where a required one is missing."""
    header = {path[0] for path in sample.values}
    known = {name for name, names in mapping.names_of.items() if not header.isdisjoint(names)}
    # Without a header columns are known by their place alone, which fits any file.
    is_kind = sample.format["kind"] in mapping.format.kind and mapping.format.header_row > 0
    fits = is_kind and not mapping.format.structure and known.issuperset(mapping.required)
    return len(known) if fits and len(known) >= _FEWEST_NAMES else 0


def _of_records(mapping: Mapping, sample: Sample) -> int:
    """How many fields of the records are known by the mapping; 0 where they stand elsewhere or too few are there."""
    is_document = sample.format["kind"] == "json"
    kinds = {"json"} if is_document else {"jsonl", "parquet"}
    if kinds.isdisjoint(mapping.format.kind) or not mapping.format.structure:
        return 0
    if is_document and keys_of(sample.format["records_at"]) not in mapping.format.paths:
        return 0
    named = sample.structure.keys()
    known = mapping.format.structure.keys() & named
    if len(known) < _FEWEST_NAMES or len(known) < _ENOUGH * min(len(mapping.format.structure), len(named)):
        return 0
    there = set(sample.values)
    return sum(field in there for field in _fields(mapping.format.structure, ()))


def _fields(structure: Any, path: Path) -> Iterator[Path]:
    """The paths of all single values of a structure; elements of a list share its path."""
    if isinstance(structure, dict):
        for name, inner in structure.items():
            yield from _fields(inner, (*path, name))
    elif isinstance(structure, list):
        yield from _fields(structure[0], path)
    else:
        yield path
