"""The programs that come with the package."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import srt_codec

BIN = Path(sys.executable).parent


def run(name, *args, **how):
    return subprocess.run([BIN / name, *map(str, args)], capture_output=True, **how)


def test_a_field_goes_through_the_program(tmp_path, turbulence):
    np.save(tmp_path / "u.npy", turbulence)
    encoded = run("srt", "encode", tmp_path / "u.npy", tmp_path / "u.srt", "--max-error", "0.01", "--model", "none", "--threads", "1")
    assert encoded.returncode == 0, encoded.stderr
    data = srt_codec.encode(turbulence, max_error=0.01, model="none", threads=1)
    np.testing.assert_array_equal(srt_codec.decode(data), srt_codec.open(tmp_path / "u.srt")[""][0])
    verified = run("srt", "verify", tmp_path / "u.srt", tmp_path / "u.npy")
    assert verified.returncode == 0, verified.stderr
    said = run("srt-inspect", "info", "--json", tmp_path / "u.srt")
    assert json.loads(said.stdout) == srt_codec.inspect(tmp_path / "u.srt")


def test_exit_codes_are_those_of_the_programs(tmp_path):
    (tmp_path / "bad.srt").write_bytes(b"no file")
    assert run("srt", "--version").stdout.startswith(b"srt ")
    assert run("srt-inspect", "--help").returncode == 0
    for name, args, code in [
        ("srt", ["decode", tmp_path / "bad.srt", tmp_path / "o.npy"], 3),
        ("srt", ["decode", tmp_path / "none.srt", tmp_path / "o.npy"], 2),
        ("srt", ["sing"], 2),
        ("srt-inspect", ["check", tmp_path / "bad.srt"], 1),
        ("srt-inspect", ["info", tmp_path / "bad.srt"], 3),
    ]:
        done = run(name, *args)
        assert done.returncode == code and done.stderr + done.stdout, (name, args, done)
        assert b"Traceback" not in done.stderr


def test_pipes(turbulence):
    encoded = run("srt", "encode", "-", "-", "--psnr", "40", "--shape", "64,64,64", "--dtype", "f32", input=turbulence.tobytes())
    assert encoded.returncode == 0, encoded.stderr
    assert srt_codec.decode(encoded.stdout).shape == (64, 64, 64)


def catches_signals(process):
    """Whether the program, and not Python before it, waits for signals: TERM is one that Python does not catch."""
    with open(f"/proc/{process.pid}/status") as status:
        (caught,) = (int(line.split()[1], 16) for line in status if line.startswith("SigCgt"))
    return caught >> (signal.SIGTERM - 1) & 1


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc here")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_leaves_nothing(tmp_path, number):
    command = [BIN / "srt", "encode", "-", tmp_path / "o.srt", "--psnr", "40", "--shape", "64,64,64", "--dtype", "f32"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not catches_signals(process):
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait() == 128 + number
    assert list(tmp_path.iterdir()) == []
