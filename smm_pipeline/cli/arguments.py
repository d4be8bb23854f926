"""What every command accepts, and how a command that was typed wrongly is told.

Belongs here: options common to all commands, and the translation of a wrong argument into an error with code and next
step. Does not belong here: any command.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from smm_pipeline import __version__
from smm_pipeline.cli.output import EXIT_USAGE, emit, err, fail, mode
from smm_pipeline.errors import SmmError
from smm_pipeline.settings import HOME_VARIABLE

PROGRAM = "smm"
_JSON = "--json"


def _folder(text: str) -> Path:
    # An empty text would stand for the current folder; it comes of an unset variable in a script.
    if not text.strip():
        raise typer.BadParameter("expected a folder, got an empty text")
    return Path(text)


def _set_json(*, wanted: bool) -> None:
    # Before the command or after it; the one without must not take back what the other said.
    mode.as_json = mode.as_json or wanted


def _print_version(*, wanted: bool) -> None:
    if wanted:
        emit({"version": __version__}, __version__)
        raise typer.Exit


Home = Annotated[
    Path | None,
    typer.Option(
        "--home", envvar=HOME_VARIABLE, parser=_folder, metavar="FOLDER", help="Instance folder; default ./instance"
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        _JSON,
        callback=lambda value: _set_json(wanted=value),
        is_eager=True,
        expose_value=False,
        help="Print JSON for programs",
    ),
]
Version = Annotated[
    bool,
    typer.Option("--version", callback=lambda value: _print_version(wanted=value), help="Print the version"),
]


class Group(TyperGroup):
    """All commands; each of them also takes the group's own --json."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        common = [option for option in self.params if _JSON in option.opts]
        for command in self.commands.values():
            command.params.extend(common)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Show the help to somebody who typed the program's name alone."""
        if not args:
            err.print(ctx.get_help(), markup=False)
            ctx.exit(EXIT_USAGE)
        return super().parse_args(ctx, args)


@contextmanager
def checking() -> Iterator[None]:
    """Leave as after any command that was typed wrongly when the arguments make no sense together."""
    try:
        yield
    except SmmError as error:
        if error.code != "SMM-501":
            raise
        fail(error, EXIT_USAGE)


def usage_error(error: typer.TyperException, arguments: list[str]) -> SmmError:
    """A command that was typed wrongly, as an error like all others.

    Args:
        error: what the parser says.
        arguments: as typed; what could not be parsed may still ask for JSON.
    """
    _set_json(wanted=_JSON in arguments)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else PROGRAM
    what = error.format_message().rstrip(".").replace("Value error, ", "")
    return SmmError("SMM-501", what, where=command, hint=f"{command} --help says what it takes")
