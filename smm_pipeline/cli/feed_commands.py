"""The commands of `smm` about single feeds and files: what they bring, what of it was refused, and trying one out.

Belongs here: one short function per command, as in commands.py. Does not belong here: work of any kind.
"""

from __future__ import annotations

import typer

from smm_pipeline.catalog import load_catalog
from smm_pipeline.cli import reject_commands
from smm_pipeline.cli.arguments import Home
from smm_pipeline.cli.feeds import feeds_text, list_feeds
from smm_pipeline.cli.output import emit
from smm_pipeline.settings import load_settings


def add_to(app: typer.Typer) -> None:
    """Make these commands known to the program."""
    app.command()(feeds)
    app.add_typer(reject_commands.app, name="rejects")


def feeds(home: Home = None) -> None:
    """List every feed: what it fills, what it delivered, how fresh it is, what could be joined, what was rejected."""
    data = list_feeds(load_settings(home), load_catalog())
    emit(data, feeds_text(data))
