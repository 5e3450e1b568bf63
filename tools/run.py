#!/usr/bin/env python3
"""Runs a recipe: `./tools/run.py recipes.experiment.cogsguard.train run=first`; `--help` says what else there is.

`launch target=slurm ... -- COMMAND` and `remote=user@host:~/dir COMMAND` are for other machines (see `_launch.py`).
The first start makes the environment (see `_env.py`); every start then becomes `python -m coglab.cli`.
Standard library only.
"""

import os
import sys

import _env


def main():
    """Hand the command line over to the environment's Python; its signals, exit code and terminal are then its own."""
    _env.require_python()
    words = sys.argv[1:]
    if words[:1] == ["launch"] or "".join(words[:1]).startswith("remote="):
        # Neither computes here, so neither needs the environment.
        import _launch

        if words[0] == "launch":
            sys.exit(_launch.launch(words[1:]))
        sys.exit(_launch.remote(words[0].partition("=")[2], words[1:]))
    # A shell that asks for completions must not have to wait for an installation.
    found = _env.environment(_env.take_extras(words), only_if_ready=words[:1] == ["--complete"])
    if found is None:
        return
    python, variables = found
    # -P: the folder in which a command is typed must not hide modules of Python; the command line adds it at the end.
    os.execve(python, [python, "-P", "-m", "coglab.cli", *words], variables)


if __name__ == "__main__":
    main()
