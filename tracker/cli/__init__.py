"""The command line `tracker`: look at a store, take data out of it, have it delivered.

One module a command. `program` finds the command and is the only place where errors turn
into lines and exit codes:

    0    done, all well
    1    an error that was said; `tracker doctor`: there is something to do
    2    the command or one of its arguments cannot be used as it is
    3    `tracker doctor` only: recorded data is damaged
    130  ended by Ctrl-C

`tracker push` ends with the exit code of `syncd once`.

Reading commands take ``--json`` and then print one JSON document (`tracker tail`: a document
a line). Numbers that JSON does not have are the strings "NaN", "Infinity" and "-Infinity".
Names and texts are data: what could steer a terminal is printed escaped (see `terminal`).
"""

from tracker.cli.program import main

__all__ = ["main"]
