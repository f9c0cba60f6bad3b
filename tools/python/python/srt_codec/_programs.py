"""The commands ``srt`` and ``srt-inspect``, which are installed with the package."""

import signal
import sys

from . import _native


def _run(name: str) -> int:
    # Python would hold back an interrupt until the program ends.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.run_program(name, [name, *sys.argv[1:]])


def srt() -> int:
    """Run ``srt`` with the command line of this process."""
    return _run("srt")


def srt_inspect() -> int:
    """Run ``srt-inspect`` with the command line of this process."""
    return _run("srt-inspect")
