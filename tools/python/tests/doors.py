"""What the tests of `srt-import` and `srt-export` share: the commands in processes of their own, as users start them."""

import subprocess
import sys
from pathlib import Path


def command(name, *args):
    """Run a command; gives what it said, with its exit code."""
    script = f"import sys; from srt_codec._{name} import main; sys.exit(main())"
    return subprocess.run([sys.executable, "-c", script, *map(str, args)], capture_output=True, text=True)


def done(name, *args):
    """Run a command that must succeed; gives what it printed and noted."""
    ran = command(name, *args)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout + ran.stderr


def refused(name, *args, code=2):
    """Run a command that must fail with one line; gives what it said."""
    ran = command(name, *args)
    assert ran.returncode == code and ran.stderr.startswith("error: "), (ran.returncode, ran.stderr)
    assert "Traceback" not in ran.stderr
    return ran.stderr


def is_clean(folder):
    """Whether nothing half-written lies in a folder."""
    return not [entry for entry in Path(folder).iterdir() if entry.name.startswith(".")]
