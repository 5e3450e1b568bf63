"""The entry point: from the words of a command line to an exit code.

Exit codes: 0 success, 1 a run or a recipe failed, 2 the command cannot be used as it was typed, 130 interrupted
by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from types import FrameType

from coglab.cli.options import CommandLine, parse
from coglab.cli.ranks import end_with_launcher, run_ranks, take_rank_words
from coglab.config import UserError
from coglab.config.errors import PeerLostError, Terminated

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words behind the program's name; those of this process if left out.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    end_with_launcher()
    if words[:1] == ["--complete"]:
        from coglab.cli.completion import complete

        return complete(words[1:])
    try:
        return _run(words)
    except UserError as error:
        return _complain(str(error), USAGE, words)
    except Terminated as error:
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except PeerLostError as error:
        return _complain(str(error), error.exit_code, words)
    except BrokenPipeError:  # `--list | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        from coglab.cli.targets import BrokenRecipeError

        if isinstance(error, BrokenRecipeError):
            return _complain(f"the recipe cannot be imported: {error}", FAILED, words)
        traceback.print_exc()
        return _complain(f"failed with {type(error).__name__}: {error}", FAILED, [])


def _complain(text: str, code: int, words: list[str]) -> int:
    sys.stdout.flush()
    if {"-v", "--verbose"} & set(words):
        traceback.print_exc()
    print(f"error: {text}", file=sys.stderr)
    return code


def _run(words: list[str]) -> int:
    line = parse(words)
    if "--version" in line.flags:
        from coglab import __version__

        print(f"coglab {__version__}")
        return OK
    if line.shell is not None:
        from coglab.cli.completion import script

        print(script(line.shell))
        return OK
    if "--list" in line.flags:
        return _list(line)
    if not line.words:
        from coglab.cli.help import usage

        if "--help" in line.flags:
            print(usage())
            return OK
        print(usage(), file=sys.stderr)
        raise UserError("no target is given, for example `cogsguard.train run=first`.")
    return _run_target(line, words)


def _list(line: CommandLine) -> int:
    from coglab.cli.show import listing
    from coglab.cli.targets import all_targets

    targets, broken = all_targets()
    name = line.words[0] if line.words else None
    if name != "teachers":
        print(listing(targets, broken, name))
    if name in (None, "teachers"):
        from coglab.games.registry import GAMES

        for game in GAMES.values():
            print(game.teacher_listing())
    return FAILED if broken else OK


def _run_target(line: CommandLine, words: list[str]) -> int:
    from coglab.cli.targets import find

    asked, typed = take_rank_words(line.words)
    target, rest = find(typed)
    if "--help" in line.flags:
        from coglab.cli.help import target_help

        print(target_help(target, [word for word in rest if "=" not in word]))
        return OK
    from coglab.cli.assemble import assemble
    from coglab.cli.show import dry_run, show

    assembled = assemble(target, rest, line.config_files)
    from coglab.tools.invocation import Invocation, set_invocation

    plan = asked.resolve(assembled.tool)
    set_invocation(Invocation(target.name, tuple(words), plan.count))
    if "--verbose" in line.flags:
        print("\n".join(assembled.placed), file=sys.stderr)
    if "--show" in line.flags:
        print(show(assembled))
    if "--dry-run" in line.flags:
        print(dry_run(assembled))
    if line.flags & {"--show", "--dry-run"}:
        return OK
    if plan.must_launch:
        return run_ranks(words, plan)
    previous = _catch_sigterm()
    try:
        return assembled.tool.run()
    finally:
        if previous is not None:
            signal.signal(signal.SIGTERM, previous)


def _catch_sigterm() -> signal.Handlers | None:
    """Let SIGTERM end a run as Ctrl-C does, so that it saves first."""

    def stop(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one must not interrupt the saving
        raise Terminated

    try:
        signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not the main thread: whoever started it handles signals
        return None
    return signal.SIG_DFL
