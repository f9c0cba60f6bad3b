#!/usr/bin/env python3
"""Many writers of one file, some of them killed: what was reported as written is there and right.

    tests/soak.py SRT [OPERATIONS] [WRITERS] [SEED]

WRITERS processes (8 if not given) append frames to one file or merge files of one frame into it, OPERATIONS (200) in all. A
third of them is killed at a random moment by KILL, TERM or INT. Then every frame whose command exited with 0 must be there
and decode to its values, any other frame that is there must be right as well, and nothing temporary may be left but by KILL.
"""

import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

SHAPE = (8, 16)
ENDS = [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]


def values(number):
    return [number + 0.25 * i for i in range(SHAPE[0] * SHAPE[1])]


def write_field(path, number):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': (%d, %d), }" % SHAPE
    header = header.ljust(117) + "\n"
    data = struct.pack("<%dd" % (SHAPE[0] * SHAPE[1]), *values(number))
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


class Soak:
    def __init__(self, srt, folder, operations, seed):
        self.srt, self.folder = srt, folder
        self.numbers = iter(range(1, operations + 1))
        self.random = random.Random(seed)
        self.lock = threading.Lock()
        self.written, self.killed, self.failed = set(), 0, []

    def run(self, *words):
        return subprocess.run([self.srt, *words], cwd=self.folder, capture_output=True)

    def encode(self, number, output, *words):
        return ["encode", f"{number}.npy", output, "--max-error", "0", "--step", str(number), "-q", *words]

    def writer(self):
        while True:
            with self.lock:
                number = next(self.numbers, None)
                if number is None:
                    return
                merges, dies = self.random.random() < 0.3, self.random.random() < 0.33
                end, moment = self.random.choice(ENDS), self.random.random() * 0.08
            write_field(os.path.join(self.folder, f"{number}.npy"), number)
            command = self.encode(number, "s.srt", "--append")
            if merges:
                self.run(*self.encode(number, f"{number}.srt"))
                command = ["merge", "s.srt", f"{number}.srt", "s.srt", "-f", "-q"]
            child = subprocess.Popen([self.srt, *command], cwd=self.folder, stderr=subprocess.PIPE)
            if dies:
                time.sleep(moment)
                child.send_signal(end)
            error = child.communicate()[1]
            with self.lock:
                if child.returncode == 0:
                    self.written.add(number)
                elif dies and child.returncode in (-end, 128 + end):
                    self.killed += 1
                else:
                    self.failed.append((number, child.returncode, error))

    def check(self):
        raw = self.run("decode", "s.srt", "-")
        size = len(values(0)) * 8
        fields = re.split(rb"\x93NUMPY", raw.stdout)[1:]
        found = [list(struct.unpack("<%dd" % len(values(0)), field[-size:])) for field in fields]
        numbers = {int(field[0]) for field in found}
        wrong = [field[0] for field in found if field != values(int(field[0]))]
        lost = self.written - numbers
        verified = self.run("verify", "s.srt").returncode
        left = [name for name in os.listdir(self.folder) if name.endswith(".tmp")]
        print(
            f"{len(self.written)} reported as written, {self.killed} killed, {len(found)} frames found, "
            f"{len(lost)} lost, {len(wrong)} wrong, {len(self.failed)} failed otherwise, verify {verified}, "
            f"{len(left)} temporary files (of KILL)"
        )
        for failure in self.failed[:5]:
            print(*failure)
        return not (lost or wrong or self.failed or verified) and len(numbers) == len(found)


def main():
    srt = os.path.realpath(sys.argv[1])
    operations, writers, seed = [int(word) for word in sys.argv[2:] + ["200", "8", "1"][len(sys.argv) - 2 :]]
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(srt, folder, operations, seed)
        write_field(os.path.join(folder, "0.npy"), 0)
        soak.run(*soak.encode(0, "s.srt"))
        soak.written.add(0)
        threads = [threading.Thread(target=soak.writer) for _ in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        sys.exit(0 if soak.check() else 1)


if __name__ == "__main__":
    main()
