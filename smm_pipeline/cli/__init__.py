"""The `smm` command: thin commands over the functions of the other rooms.

Belongs here: arguments, exit codes, and how results and errors look on a terminal, in a pipe and as JSON. Does not
belong here: any work. commands.py and feed_commands.py hold the commands, arguments.py what all of them accept,
output.py how they print, texts.py what they say, instance.py what `init` and `status` know about an instance folder,
examine.py what `doctor` looks at, feeds.py what `feeds` lists, attribution.py what `attribute` shows.
"""

from smm_pipeline.cli.commands import main

__all__ = ["main"]
