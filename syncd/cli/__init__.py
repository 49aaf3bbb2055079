"""The command line `syncd`: one module a command.

`program` finds the command and turns errors into lines and exit codes (`EXIT_CODES`);
`printing` is what people see.
"""

from syncd.cli.program import main

__all__ = ["main"]
