"""A first mapping as YAML, with comments where a person has to look.

Belongs here: putting the guesses together and writing them down. Does not belong here: the guesses (closeness.py,
forms.py), and looking into files (samples.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml

from smm_pipeline.catalog import Catalog, ColumnSpec, TableSpec
from smm_pipeline.drafting.closeness import Fit, Match, best_fits, is_named_whole, near_value, needed
from smm_pipeline.drafting.forms import form_of
from smm_pipeline.drafting.sample import Path, Sample
from smm_pipeline.drafting.samples import read_sample
from smm_pipeline.drafting.shipped import shipped_vendors
from smm_pipeline.errors import SmmError

CHECK = "CHECK"
ELEMENT = "item"
_OTHERS = 2
# Ids of the row itself, to which no other table refers: a row without one is known by its content.
_OWN_IDS = frozenset({"cost_id", "mention_id", "activity_id", "answer_id", "event_key", "line_id", "item_key"})
# What most shops have one of.
_ONE = frozenset({"store_id", "property_id", "monitor_id"})
# Words that SQL keeps for itself and sources use as names.
_KEYWORDS = frozenset({"case", "default", "desc", "end", "from", "group", "limit", "order", "primary", "references"})
_KEYWORDS |= {"select", "table", "to", "unique", "user", "using", "when", "where", "with", "in", "not", "on", "or"}
_MAX_VALUES, _MAX_VALUE_CHARACTERS = 30, 40


@dataclass(frozen=True)
class Draft:
    """A mapping's text, the contract it fills, the shipped vendors that fit, and where a person has to look."""

    text: str
    contract: str
    vendors: tuple[str, ...] = ()

    @property
    def checks(self) -> int:
        """Lines that a person has to look at."""
        return sum(f"# {CHECK}" in line for line in self.text.splitlines())


def draft_mapping(path: FilePath, catalog: Catalog, contract: str = "") -> Draft:
    """Draft a mapping for a file.

    Args:
        path: the file.
        catalog: the contracts.
        contract: the one to fill; default: the nearest.

    Raises:
        SmmError: SMM-209 when the file cannot be opened, SMM-201 when it is nothing that a mapping can read, SMM-501
            for an unknown contract.
    """
    wanted = catalog.contract(contract).name if contract else ""
    try:
        sample = read_sample(path)
    except OSError as error:
        raise SmmError("SMM-209", f"it cannot be opened: {error.strerror}", where=str(path)) from error
    except SmmError as error:
        # Of a delivery the readers say that its bytes are kept; here nothing is.
        raise SmmError(error.code, error.what, where=str(path), hint="name a file with some records in it") from error
    fits = best_fits(catalog, _outside_lists(sample), path.stem, wanted)
    tables = [_Table(fits[0], sample), *_inner_tables(fits[0], sample, catalog)]
    others = ", ".join(f"{fit.spec.name} ({fit.score:.2f})" for fit in fits[1 : 1 + _OTHERS])
    vendors = shipped_vendors(sample)
    head = [
        *(
            f"# No mapping may be needed: vendor {vendor} knows {count} of its fields. "
            f"Try: smm check FILE --vendor {vendor}"
            for vendor, count in vendors
        ),
        _comment(
            f"A draft by smm map of {path.name}. Look at every line with {CHECK}, then: smm check FILE --mapping ..."
        ),
        _comment(
            f"Contract {fits[0].spec.name} (closeness {fits[0].score:.2f})" + (f"; next: {others}" if others else "")
        ),
        *(_comment(f"{CHECK}: {note}") for note in sample.notes),
    ]
    read = [match.path for table in tables for match in table.matches]
    lines = [*head, *_format(sample, read), f"source_system: {_source_name(path)}", *_columns(sample, read), "tables:"]
    lines += [line for table in tables for line in table.lines()]
    if unread := [".".join(p) for p in sample.values if p not in read]:
        lines.append(_comment(f"Not read: {', '.join(unread)}"))
    return Draft("\n".join(lines) + "\n", fits[0].spec.name, tuple(name for name, _ in vendors))


@dataclass(frozen=True)
class _Table:
    """One contract of the draft; `place` is the list of the record whose elements are its rows."""

    fit: Fit
    sample: Sample
    place: Path = ()

    @property
    def matches(self) -> Sequence[Match]:
        return list(self.fit.matches.values())

    def lines(self) -> Iterator[str]:
        """The YAML of the table."""
        spec, required = self.fit.spec, [c.name for c in needed(self.fit.spec)]
        given = self.fit.matches
        yield f"  {spec.name}:"
        if self.place:
            yield f"    from: {_yaml(f'unnest({_expression(self.place)}) as {ELEMENT}')}"
        own = [name for name in required if name in _OWN_IDS and name not in given]
        if own and not self.place:
            known = "rows are known by their content, so a corrected one is another row"
            yield f"    key_occurrence: {own[0]}  # {CHECK}: no field looks like it: {known}"
        lines = []
        for column in spec.columns:
            if column.name in given:
                lines.append(f"      {column.name}: {self._rule(column, given[column.name])}")
            elif self.place and column.name in own:
                lines.append(f"      {column.name}: {ELEMENT}_no")
            elif column.name in required and column.name not in own:
                lines.append(self._missing(column))
        has_any = any(not line.lstrip().startswith("#") for line in lines)
        yield "    columns:" if has_any else "    columns: {}"
        yield from lines

    def _missing(self, column: ColumnSpec) -> str:
        if column.name in _ONE:
            return (
                f"      {column.name}: {{const: main}}  # {CHECK}: no field looks like it; one name where there is one"
            )
        accepted = column.rules.get("accepted")
        which = f" of {', '.join(accepted)}" if accepted else ""
        return (
            f"      # {CHECK}: {column.name} is required and no field looks like it: name one, or {{const: ...}}{which}"
        )

    def _rule(self, column: ColumnSpec, match: Match) -> str:
        texts = self.sample.values[match.path]
        form = form_of(column.type, texts, match.path[-1])
        mapped, unknown = _value_map(column, texts)
        rule = {"expr": self._expression(match.path), **form.rule, **({"map": mapped} if mapped else {})}
        doubts = [] if match.is_sure else ["the name is only near"]
        inside = match.path[len(self.place) : -1]
        if inside and not is_named_whole((*inside, match.path[-1]), column.name):
            doubts.append(f"it tells of {'.'.join(inside)}, which may be another thing")
        doubts += [form.doubt] if form.doubt else []
        if "positive" in column.description and texts and all(re.match(r"\D{0,4}-", text) for text in texts):
            doubts.append("the values are negative and should be positive: {expr: negated(...)}")
        doubts += [f"map these too: {', '.join(unknown)}"] if unknown else []
        doubts += ["no value was seen"] if not texts else []
        written = _yaml(rule if len(rule) > 1 else rule["expr"])
        return f"{written}  {_comment(f'{CHECK}: ' + '; '.join(doubts))}" if doubts else written

    def _expression(self, path: Path) -> str:
        if self.place and path[: len(self.place)] == self.place:
            return _expression((ELEMENT, *path[len(self.place) :]))
        return _expression(path)


def _inner_tables(main: Fit, sample: Sample, catalog: Catalog) -> Iterator[_Table]:
    """The contract of the parts of what the main one holds, such as an order's lines, out of a list of the record."""
    names = [f"raw.{main.spec.name}{ending}" for ending in ("_line", "_item")]
    part = next((catalog[name] for name in names if name in catalog.tables), None)
    places = {place for path in sample.values if (place := _list_of(sample.structure, path)) and len(path) > len(place)}
    if part is None or not places:
        return
    found = [_part_fit(part, main, sample, place) for place in sorted(places)]
    fit, place = max(found, key=lambda pair: len(pair[0].matches))
    if sum(match.path[: len(place)] == place for match in fit.matches.values()) >= _OTHERS:
        yield _Table(fit, sample, place)


def _part_fit(part: TableSpec, main: Fit, sample: Sample, place: Path) -> tuple[Fit, Path]:
    inside = {p: texts for p, texts in sample.values.items() if p[: len(place)] == place and len(p) == len(place) + 1}
    fit = best_fits(Catalog({part.full_name: part}), inside, "")[0]
    passed_on = {name: match for name, match in main.matches.items() if name in {c.name for c in needed(part)}}
    return Fit(part, {**fit.matches, **passed_on}, fit.score), place


def _outside_lists(sample: Sample) -> Mapping[Path, Sequence[str]]:
    return {path: texts for path, texts in sample.values.items() if not _list_of(sample.structure, path)}


def _list_of(structure: Any, path: Path) -> Path:
    """The list of the record in which a path lies; empty where it lies in none."""
    inner = structure
    for depth, name in enumerate(path):
        if not isinstance(inner, dict):
            return path[:depth] if isinstance(inner, list) else ()
        inner = inner.get(name)
    return path if isinstance(inner, list) else ()


def _value_map(column: ColumnSpec, texts: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """The vendor's words for accepted values, and those that nobody knows."""
    accepted = column.rules.get("accepted")
    if not accepted:
        return {}, []
    words = [w for w in dict.fromkeys(texts) if w not in accepted and len(w) <= _MAX_VALUE_CHARACTERS][:_MAX_VALUES]
    mapped = {word: value for word in words if (value := near_value(word, accepted))}
    return mapped, [word for word in words if word not in mapped]


def _format(sample: Sample, read: Sequence[Path]) -> list[str]:
    if sample.structure is None:
        return [f"format: {_yaml(dict(sample.format))}"]
    # A declared field that is of another shape in some record rejects it: what nobody reads is not declared.
    structure = _pruned(sample.structure, read) or sample.structure
    shape = yaml.safe_dump({"structure": structure}, allow_unicode=True, sort_keys=False, width=10_000)
    lines = [f"  {name}: {_yaml(value)}" for name, value in sample.format.items()]
    return ["format:", *lines, *(f"  {line}" for line in shape.splitlines())]


def _pruned(structure: Any, read: Sequence[Path]) -> Any:
    """The part of a structure that leads to the fields which are read."""
    if isinstance(structure, list):
        return [_pruned(structure[0], read)]
    if not isinstance(structure, dict):
        return structure
    kept = {name: [path[1:] for path in read if path[0] == name and path[1:]] for name in structure}
    names = {path[0] for path in read}
    return {name: _pruned(inner, kept[name]) for name, inner in structure.items() if name in names}


def _columns(sample: Sample, read: Sequence[Path]) -> list[str]:
    """The header, and that a delivery may lack what is not read."""
    if sample.structure is not None:
        return []
    names = [path[0] for path in sample.values]
    lines = [f"columns: {_yaml(names)}"]
    used = [name for name in names if (name,) in read]
    return (
        lines if used == names or sample.format.get("header_row") == 0 else [*lines, f"required_columns: {_yaml(used)}"]
    )


def _expression(path: Path) -> str:
    """A field as an expression; the bare name of a field of the record needs no quotes."""
    if len(path) == 1:
        return path[0]
    quoted = [
        name
        if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and name.lower() not in _KEYWORDS
        else '"' + name.replace('"', '""') + '"'
        for name in path
    ]
    return ".".join(quoted)


def _source_name(path: FilePath) -> str:
    """A name for the source out of the file's: its letters, without what counts or dates."""
    words = [w for w in re.findall(r"[a-z]+", path.name.split(".")[0].lower()) if len(w) > 1]
    return _yaml("_".join(words) or "source")


def _comment(text: str) -> str:
    """A comment of one line, whatever stands in the names and values that it tells."""
    return "# " + " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _yaml(value: Any) -> str:
    """A value in one line of YAML; one with a line break is put in double quotes, which have a sign for it."""
    for style in (None, '"'):
        text = yaml.safe_dump(
            value, default_flow_style=True, default_style=style, allow_unicode=True, sort_keys=False, width=10_000
        )
        text = text.removesuffix("\n").removesuffix("\n...")
        if "\n" not in text:
            break
    return text
