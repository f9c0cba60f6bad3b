"""Forks, fresh processes, threads, memory: what lives longer than a call."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import srt_codec
from conftest import waves


def forked(work, seconds=30):
    """What `work` gives in a forked process: the pipe breaks where that hangs."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(read)
            os.write(write, pickle.dumps(work()))
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    timer = threading.Timer(seconds, os.kill, (pid, signal.SIGKILL))
    timer.start()
    with os.fdopen(read, "rb") as pipe:
        data = pipe.read()
    _, status = os.waitpid(pid, 0)
    timer.cancel()
    assert status == 0, "the forked process hung or failed"
    return pickle.loads(data)


pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


# Python 3.12 and later warn of a fork while threads run: that it works is what is shown here.
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("threads", [None, 1, 2])
def test_decode_in_a_forked_child_after_one_in_the_parent(flow, threads):
    data = srt_codec.encode(waves((40, 41, 42)), psnr=50, threads=threads)
    whole = srt_codec.decode(data, threads=threads)
    file = srt_codec.open(flow, threads=threads)
    part = file["u"][1, 3:9]

    def child():
        same = (srt_codec.decode(data, threads=threads) == whole).all() and (file["u"][1, 3:9] == part).all()
        again = srt_codec.encode(waves((40, 41, 42)), psnr=50, threads=threads) == data
        grandchild = forked(lambda: bool((file["u"][1, 3:9] == part).all()))
        return bool(same and again and grandchild)

    for _ in range(3):
        assert forked(child)
    assert (srt_codec.decode(data, threads=threads) == whole).all()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_other_threads_decode(flow):
    file = srt_codec.open(flow)
    expected = file["u"][2, 5]
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            file["u"][0]

    workers = [threading.Thread(target=busy) for _ in range(3)]
    for worker in workers:
        worker.start()
    try:
        for _ in range(10):
            assert forked(lambda: bool((file["u"][2, 5] == expected).all()))
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def decode_in_child(task):
    file, step = task
    return file["u"][step, 1:3]


def test_spawned_processes_take_files_by_pickle(flow):
    file = srt_codec.open(flow)
    expected = [file["u"][step, 1:3] for step in range(3)]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.map(decode_in_child, [(file, step) for step in range(3)])
    assert all((a == b).all() for a, b in zip(found, expected))


def test_many_threads_read_one_file(flow):
    file = srt_codec.open(flow)
    expected = file["p"][...]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: (i, file["p"][i % 3, i % 20]), range(200)))
    assert all((part == expected[i % 3, i % 20]).all() for i, part in found)


def test_others_run_while_a_field_is_encoded():
    a = waves((96, 96, 96))
    ticks = []
    done = threading.Event()

    def count():
        while not done.is_set():
            ticks.append(1)
            done.wait(0.001)

    counter = threading.Thread(target=count)
    counter.start()
    srt_codec.encode(a, psnr=60, effort=9, threads=1)
    done.set()
    counter.join()
    assert len(ticks) > 20


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="no /proc here")
def test_memory_is_flat_over_many_opens(flow):
    data = flow.read_bytes()

    def open_many(n):
        for i in range(n):
            with srt_codec.open(flow if i % 2 else data, cache=0) as file:
                if i % 50 == 0:
                    file["u"][0, 0]

    open_many(1000)
    before = resident()
    open_many(10_000)
    assert resident() - before < 8 << 20
    assert len(os.listdir("/proc/self/fd")) < 200


def test_results_are_not_copied(turbulence):
    data = srt_codec.encode(turbulence, psnr=50, model="none")
    array = srt_codec.decode(data)
    # A view of memory that the extension owns.
    base = array
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert base.base is not None and not base.flags.owndata


def test_no_warnings_and_nothing_heavy_on_import():
    code = "import sys, srt_codec; sys.exit(any(m in sys.modules for m in ('xarray', 'zarr', 'dask', 'fsspec', 'tqdm')))"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
