"""The `smm` command: thin commands over the functions of the other rooms.

Belongs here: arguments, exit codes, and how results and errors look on a terminal, in a pipe and as JSON. Does not
belong here: any work. commands.py, feed_commands.py and reject_commands.py hold the commands, arguments.py what all of
them accept, output.py how they print, texts.py what they say, instance.py what `init` and `status` know about an
instance folder, examine.py what `doctor` looks at; demo.py, feeds.py, check.py, rejects.py, truth.py and attribution.py
stand each behind the commands of its name.
"""

from smm_pipeline.cli.commands import main

__all__ = ["main"]
