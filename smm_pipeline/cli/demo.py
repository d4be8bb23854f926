"""The demo shop as a command that can be repeated.

Belongs here: whether a folder may become, or already holds, a demo, and making one anew over an old one. Does not
belong here: the simulation (room shop) and the run that follows.
"""

from __future__ import annotations

import shutil
import tomllib
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

import orjson

from smm_pipeline import __version__
from smm_pipeline.cli.instance import FOLDERS, init_instance
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import load_settings
from smm_pipeline.shop import DEFAULT_LAST_DAY, make_shop
from smm_pipeline.shop.clock import ZONE
from smm_pipeline.shop.goods import BRAND
from smm_pipeline.shop.instance import demo_feeds
from smm_pipeline.warehouse.connection import connect

# Beside the truth, which only a demo has.
MARK = Path("truth", "demo.json")
# A demo of a version that set no mark: smm.toml begins with this, and truth/ is there.
_FIRST_WORDS = "# Settings of the demo shop."
FIRST_LAST_DAY = date(2015, 1, 1)
_DATABASES = "warehouse.duckdb*"


@dataclass(frozen=True)
class Options:
    """What makes a demo the one it is; another version of the program simulates another shop."""

    days: int
    scale: float
    seed: int
    last_day: str = DEFAULT_LAST_DAY.isoformat()
    version: str = __version__

    @classmethod
    def of(cls, days: int, scale: float, seed: int, last_day: date | None) -> Options:
        """Options as typed.

        Raises:
            SmmError: SMM-501 when the last day is not over, as a shop has no complete figures of it, or long ago.
        """
        last = last_day or DEFAULT_LAST_DAY
        if last >= datetime.now(ZONE).date():
            raise SmmError("SMM-501", f"the last day {last} is not over yet", hint="choose an earlier --last-day")
        if last < FIRST_LAST_DAY:
            raise SmmError(
                "SMM-501", f"the last day {last} is before all of these networks", hint=f"from {FIRST_LAST_DAY}"
            )
        return cls(days, scale, seed, last.isoformat())


def prepare_demo(home: Path, options: Options) -> bool:
    """Make the demo of these options in a folder, unless it is there already; returns whether it was made.

    An unfinished demo, or one of other options, is made anew. Its person key and Dagster's folder stay.

    Raises:
        SmmError: SMM-501 when the folder holds anything that is not the demo's, SMM-301 when the old demo is in use.
    """
    mark = _read_mark(home)
    if mark is None and not _is_unmarked_demo(home):
        _check_unused(home)
    elif mark == {**asdict(options), "finished": True}:
        init_instance(home, template=False)
        return False
    else:
        _check_own_shop(home)
        _check_not_held(home)
    # The mark comes before anything is taken away or made: whatever a killed run leaves is known as a demo's.
    _write_mark(home, options, finished=False)
    _clear(home)
    init_instance(home, template=False)
    last_day = date.fromisoformat(options.last_day)
    make_shop(home, seed=options.seed, days=options.days, scale=options.scale, last_day=last_day)
    _write_mark(home, options, finished=True)
    return True


def _read_mark(home: Path) -> dict[str, object] | None:
    """The mark of a demo; empty when it cannot be read, None when there is none."""
    path = home / MARK
    if not path.is_file():
        return None
    try:
        found = orjson.loads(path.read_bytes())
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _write_mark(home: Path, options: Options, *, finished: bool) -> None:
    path = home / MARK
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps({**asdict(options), "finished": finished}))


def _is_unmarked_demo(home: Path) -> bool:
    config = home / "smm.toml"
    return (
        (home / "truth" / "orders.csv").is_file()
        and config.is_file()
        and config.read_text(encoding="utf-8", errors="replace").startswith(_FIRST_WORDS)
    )


def _check_unused(home: Path) -> None:
    """A folder that is no demo may hold nothing that a demo would mix with."""
    taken = [home / "smm.toml", *sorted(home.glob(_DATABASES))]
    taken += [home / name for name in FOLDERS if (home / name).is_dir() and any((home / name).iterdir())]
    if found := [path for path in taken if path.exists()]:
        raise SmmError("SMM-501", "this instance is not a demo", where=str(found[0]), hint="choose another --home")


def _check_own_shop(home: Path) -> None:
    """What somebody put in the demo's place, or beside it, is not the demo's to delete.

    Settings are read as they are written: a wrong value among them makes nobody's shop a demo.
    """
    config, hint = home / "smm.toml", "choose another --home"
    try:
        written = tomllib.loads(config.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return  # an unfinished demo has no settings yet
    except ValueError as error:
        what = "whose shop this is cannot be read, and making the demo anew would delete it"
        raise SmmError("SMM-501", what, where=str(config), hint=f"{hint}, or delete this file") from error
    added = sorted(set(written.get("feeds", {})) - demo_feeds())
    name = written.get("shop", {}).get("name", BRAND)
    if added or name != BRAND:
        whose = f"feeds of your own: {', '.join(added)}" if added else f"a shop of your own: {name}"
        raise SmmError("SMM-501", f"making this demo anew would delete {whose}", where=str(config), hint=hint)


def _check_not_held(home: Path) -> None:
    """Nothing is deleted under a process that works on it."""
    try:
        with connect(load_settings(home)):
            pass
    except SmmError as error:
        if error.code == "SMM-301":
            raise


def _clear(home: Path) -> None:
    """Take away what a demo consists of, all but its mark; the folders stay, which may be links to another disk."""
    folders = [home / name for name in (*FOLDERS, "truth")]
    paths = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
    for path in [home / "smm.toml", *home.glob(_DATABASES), *paths]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != home / MARK:
            path.unlink(missing_ok=True)
