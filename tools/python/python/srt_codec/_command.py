"""What ``srt-import`` and ``srt-export`` share: errors and exit codes, signals, outputs that appear when they are whole."""

import argparse
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import NoReturn

from . import _native
from ._formats.model import Broken, Refusal

#: Exit codes, as those of ``srt``.
CODES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], int], ...] = (
    (_native.BoundNotMet, 1),
    ((_native.Corrupt, _native.Truncated, Broken), 3),
    ((_native.Unsupported, _native.MissingWeights), 4),
    (_native.Device, 5),
    ((Refusal, OSError, _native.SrtError, ValueError, TypeError, KeyError, IndexError, MemoryError), 2),
)


class Parser(argparse.ArgumentParser):
    """Says what is wrong with a command line as ``srt`` does."""

    def error(self, message: str) -> NoReturn:
        print(f"error: {message}\n\nFor more information, try '{self.prog} --help'.", file=sys.stderr)
        raise SystemExit(2)


def run(work: Callable[[], None]) -> int:
    """Do the work of a command; gives its exit code, and says on standard error what went wrong."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        # Not every system has all of them.
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _leave)
    try:
        work()
        sys.stdout.flush()
    except BrokenPipeError:
        # Who read the output went away: nothing is left to be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        print(f"error: {message(error)}", file=sys.stderr)
        return next((code for kinds, code in CODES if isinstance(error, kinds)), 2)
    return 0


def message(error: BaseException) -> str:
    """What an error says, on one line; a `KeyError` quotes its text otherwise."""
    if isinstance(error, KeyError) and error.args:
        return printable(str(error.args[0]))
    if isinstance(error, OSError) and error.strerror:
        return printable(f"{error.filename}: {error.strerror}" if error.filename else error.strerror)
    return printable(str(error)) or type(error).__name__


def printable(text: str) -> str:
    """Text of files without what a terminal would obey."""
    return "".join(c if c.isprintable() else f"\\u{{{ord(c):x}}}" if c not in "\n\t" else " " for c in text)


def counted(number: int, noun: str) -> str:
    """A number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _leave(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def check_output(path: str, inputs: list[str], is_forced: bool) -> None:
    """Refuse an output that is an input, or there already.

    Raises
    ------
    Refusal
    """
    if not os.path.lexists(path):
        folder = os.path.dirname(path) or "."
        if not os.path.isdir(folder):
            raise Refusal(f"a folder expected at {folder!r} for the output")
        return
    if any(os.path.exists(source) and os.path.samefile(path, source) for source in inputs if os.path.exists(path)):
        raise Refusal(f"{path} is an input")
    if not is_forced:
        raise Refusal(f"{path} exists: -f replaces it")


@contextlib.contextmanager
def whole(path: str) -> Iterator[str]:
    """A folder beside an output. What is in it at the end goes beside it, nothing where there was an error."""
    folder, name = os.path.split(path)
    made = tempfile.mkdtemp(prefix=f".{name}.", suffix=".tmp", dir=folder or ".")
    try:
        yield made
        for entry in sorted(os.listdir(made)):
            target = os.path.join(folder, entry)
            if os.path.isdir(target) and not os.path.islink(target):
                shutil.rmtree(target)
            os.replace(os.path.join(made, entry), target)
    finally:
        shutil.rmtree(made, ignore_errors=True)
