#!/usr/bin/env python3
"""Records SHA-256 of what the programs write, or compares it with a record.

    record.py SRT SRT_INSPECT > outputs.sha256        write a record
    record.py --check SRT SRT_INSPECT                 compare with outputs.sha256 beside this file

Every form, type of value, bound, profile, mask, part, series, stream, region and level is in it; pictures
and pages are not. Nothing in a line depends on the machine, its threads or where this runs.
"""

import hashlib
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NAN, INF = float("nan"), float("inf")
CODES = {"f16": "e", "f32": "f", "f64": "d"}


# -- fields ------------------------------------------------------------------------------------------

def npy(path, shape, dtype, values):
    """Writes a version 1.0 .npy file, byte for byte the same everywhere."""
    descr = {"f16": "<f2", "f32": "<f4", "f64": "<f8"}[dtype]
    head = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    head = head + " " * (-(len(head) + 11) % 64) + "\n"
    with open(path, "wb") as out:
        out.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        out.write(struct.pack(f"<{len(values)}{CODES[dtype]}", *values))


def field(shape, kind, seed=1):
    """Values without libm: products of parabolas, steps and noise of a linear congruential generator."""
    dims = [1] * (3 - len(shape)) + list(shape)
    state = seed
    out = []
    for z in range(dims[0]):
        for y in range(dims[1]):
            for x in range(dims[2]):
                u, v, w = z / dims[0], y / dims[1], x / dims[2]
                state = (state * 1664525 + 1013904223) % (1 << 32)
                noise = (state >> 8) / float(1 << 24) - 0.5
                bump = lambda t, n: (lambda s: 4 * s * (1 - s))((t * n) % 1.0)
                smooth = bump(u, 2) + bump(v, 3) * bump(w, 2) - 0.5 * bump(w + v, 1)
                out.append({
                    "smooth": smooth,
                    "noisy": smooth + 0.05 * noise,
                    "noise": noise,
                    "edge": 1.0 + 0.1 * smooth if u + v + w < 1.4 else -2.0,
                    "constant": 1.5,
                    "integers": float(int(4 * smooth + 8)),
                }[kind])
    return out


def holes(values, fills):
    """The values with some replaced by each of `fills` in turn."""
    out = list(values)
    for number, index in enumerate(range(3, len(out), 17)):
        out[index] = fills[number % len(fills)]
    return out


def make_inputs():
    """All inputs, in the current folder."""
    shutil.copy(os.path.join(ROOT, "tests/data/turbulence_64.npy"), "turb.npy")
    for name, shape, dtype, kind in [
        ("s3", (33, 20, 17), "f32", "smooth"), ("s3h", (33, 20, 17), "f16", "smooth"),
        ("s3d", (33, 20, 17), "f64", "smooth"), ("n3", (33, 20, 17), "f32", "noisy"),
        ("n3d", (30, 31, 29), "f64", "noisy"), ("e3", (40, 37, 33), "f32", "edge"),
        ("p3", (32, 32, 48), "f32", "smooth"), ("s2", (64, 48), "f32", "smooth"),
        ("n2", (150, 131), "f64", "noisy"), ("n2h", (64, 48), "f16", "noisy"),
        ("thin", (1, 40, 40), "f32", "smooth"), ("tiny", (1, 1, 7), "f32", "noisy"),
        ("line", (1, 300), "f64", "noisy"), ("one", (1, 1), "f32", "noisy"),
        ("const", (12, 9, 10), "f32", "constant"), ("constd", (12, 9), "f64", "constant"),
        ("noise", (24, 20, 16), "f32", "noise"), ("ints", (24, 20, 16), "f32", "integers"),
        ("wide", (140, 140, 20), "f32", "noisy"), ("slab", (200, 24, 20), "f32", "noisy"),
    ]:
        npy(name + ".npy", shape, dtype, field(shape, kind))
    shape = (33, 20, 17)
    base = field(shape, "noisy")
    npy("nan.npy", shape, "f32", holes(base, [NAN]))
    npy("inf.npy", shape, "f64", holes(base, [NAN, INF, -INF]))
    npy("fill.npy", shape, "f32", holes(base, [-999.0]))
    npy("nanh.npy", shape, "f16", holes(base, [NAN, INF]))
    npy("allnan.npy", (8, 9, 10), "f32", [NAN] * 720)
    for step in range(3):
        npy(f"t{step}.npy", (20, 18, 16), "f32", field((20, 18, 16), "noisy", 7 + step))
        npy(f"q{step}.npy", (20, 18, 16), "f64", field((20, 18, 16), "smooth", 3 + step))
    with open("n3.npy", "rb") as npy_file, open("n3.raw", "wb") as raw:
        raw.write(npy_file.read()[128:])


# -- running -----------------------------------------------------------------------------------------

class Recorder:
    """Runs the programs and keeps what they wrote by name."""

    def __init__(self, srt, inspect):
        self.programs = {"srt": srt, "srt-inspect": inspect}
        self.lines = {}

    def run(self, command, stdin=None):
        """Exit code, standard output and error of a command line; `srt ...` or `srt-inspect ...`."""
        words = command.split()
        words[0] = self.programs[words[0]]
        done = subprocess.run(words, input=stdin, capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def keep(self, name, data):
        assert name not in self.lines, name
        self.lines[name] = hashlib.sha256(data).hexdigest()

    def file(self, command, path, stdin=None):
        """Records the file that a command writes, or why it writes none; returns its bytes."""
        code, out, err = self.run(command, stdin)
        if code != 0:
            self.keep(command, b"%d " % code + err)
            return b""
        data = out if path == "-" else open(path, "rb").read()
        self.keep(command, data)
        return data

    def text(self, command, stdin=None):
        """Records exit code and both streams, without times and versions."""
        code, out, err = self.run(command, stdin)
        both = out + b"--" + err
        both = re.sub(rb'"(encode|verify|decode)_seconds": [0-9.e+-]+', rb'"seconds"', both)
        both = re.sub(rb"[0-9.]+ s\b", b"s", both)
        both = re.sub(rb'"backend": "[^"]*"', b'"backend"', both)
        self.keep("text: " + command, b"%d " % code + both)


# (input, options) of the files that are encoded and decoded whole; names of outputs follow from their order.
ENCODINGS = [
    *[(f, b) for f in ["s3", "s3h", "s3d", "n3", "n2", "s2", "n2h"]
      for b in ["--psnr 40", "--max-error 0.01", "--rel-error 1e-3"]],
    *[(f, b) for f in ["s3", "s2", "n2"] for b in ["--ssim 0.95", "--ratio 12", "--ssim 0.99 --model none"]],
    *[(f, "--psnr 50") for f in ["thin", "tiny", "line", "one", "const", "constd", "noise", "ints", "e3", "p3"]],
    *[(f, "--max-error 0") for f in ["n3", "n3d", "n2h", "ints", "tiny", "nan"]],
    *[(f, "--max-error 1e-6") for f in ["noise", "n3d", "line"]],
    *[(f, b) for f in ["nan", "inf", "nanh", "allnan"] for b in ["--psnr 45", "--max-error 0.02"]],
    ("fill", "--psnr 45 --mask-value -999"), ("fill", "--rel-error 1e-3 --mask-value -999"),
    ("fill", "--max-error 0 --mask-value -999"), ("fill", "--profile paper --psnr 35 --mask-value -999"),
    *[("p3", f"--psnr 45 --periodic {axes}") for axes in ["zyx", "x", "zy"]],
    ("p3", "--max-error 0.003 --periodic zyx"), ("s2", "--psnr 45 --periodic yx"),
    ("wide", "--psnr 40 --brick 64"), ("wide", "--psnr 40 --brick 128"), ("wide", "--max-error 0.02 --brick 256"),
    ("n2", "--psnr 50 --brick 64"), ("n3", "--psnr 45 --wavelet haar"), ("n2", "--max-error 0.01 --wavelet haar"),
    *[("turb", f"--psnr {db}") for db in [30, 40, 55]], ("turb", "--psnr 40 --model none"),
    ("turb", "--psnr 40 --model turbulence3d-s"), ("turb", "--psnr 40 --model turbulence3d-haar"),
    ("turb", "--psnr 40 --model model.safetensors"), ("turb", "--psnr 40 --embed-weights yes"),
    ("turb", "--psnr 40 --model turbulence3d-s --embed-weights yes"), ("turb", "--psnr 40 --embed-weights no"),
    ("turb", "--max-error 0.05"), ("turb", "--rel-error 1e-3"), ("turb", "--ssim 0.98"), ("turb", "--ratio 100"),
    ("turb", "--psnr 40 --range -10:10"), ("turb", "--psnr 40 --periodic zyx"),
    ("turb", "--psnr 45 --memory 1M"), ("turb", "--psnr 45 --memory 1M --model none"),
    ("turb", "--max-error 0.02 --memory 1M"), ("wide", "--psnr 45 --memory 1M"), ("n2", "--psnr 45 --memory 1K"),
    *[(f, "--profile paper --psnr 38" + o) for f in ["s3", "turb"]
      for o in ["", " --upscale linear", " --upscale cubic", " --no-octree", " --min-chunk 8 --max-level 2"]],
    ("turb", "--profile paper --psnr 35 --upscale network"), ("s3d", "--profile paper --psnr 40"),
    ("s2", "--profile paper --psnr 40 --payload zstd"), ("n2", "--profile paper --psnr 30 --trials full"),
    ("n3.raw --shape 33,20,17 --dtype f32", "--psnr 40"),
    ("n3", "--psnr 40 --field speed --unit m/s --spacing 0.1,0.1,0.2 --length-unit m --time 1.5 --time-unit s"),
]


def record_encodings(r):
    for number, (source, options) in enumerate(ENCODINGS):
        source = source if ".raw" in source else source + ".npy"
        name = f"out{number:03}"
        r.file(f"srt encode {source} {name}.srt {options} -q", f"{name}.srt")
        if os.path.exists(f"{name}.srt"):
            r.file(f"srt decode {name}.srt {name}.npy", f"{name}.npy")
    for threads in [1, 7]:
        for source, options in [("turb", "--psnr 42"), ("n3", "--max-error 0.01"), ("s3", "--profile paper --psnr 36")]:
            name = f"{source}.{threads}"
            r.file(f"srt encode {source}.npy {name}.srt {options} --threads {threads} -q", f"{name}.srt")
            r.file(f"srt decode {name}.srt {name}.npy --threads {threads}", f"{name}.npy")


def record_parts_of_fields(r):
    r.file("srt encode turb.npy whole.srt --psnr 45 -q", "whole.srt")
    r.file("srt encode turb.npy exact.srt --max-error 0.05 -q", "exact.srt")
    for file in ["whole", "exact"]:
        for level in [1, 2, 3]:
            r.file(f"srt decode {file}.srt {file}.l{level}.npy --level {level}", f"{file}.l{level}.npy")
        for number, region in enumerate(["0:64,0:64,0:1", "10:20,5:50,33:64", "63:64,63:64,63:64"]):
            r.file(f"srt decode {file}.srt {file}.r{number}.raw --region {region}", f"{file}.r{number}.raw")
        r.file(f"srt decode {file}.srt {file}.lr.npy --level 1 --region 3:20,4:30,5:31", f"{file}.lr.npy")
        with open(f"{file}.srt", "rb") as whole:
            data = whole.read()
        r.file(f"srt decode - - --level 1 --threads 2 {'' if file == 'whole' else '-v'}".strip(), "-", data)
    r.text("srt decode whole.srt x.npy --region 0:70,0:1,0:1")
    r.text("srt decode whole.srt x.npy --level 9")


def record_series(r):
    names = "--field u --unit m/s --time 0,0.5,1 --time-unit s --spacing 0.1,0.1,0.2 --length-unit m"
    r.file(f"srt encode t0.npy t1.npy t2.npy flow.srt --psnr 50 {names} -q", "flow.srt")
    r.file("srt encode t0.npy flow.srt --append --psnr 50 --field u --time 1.5 -q", "flow.srt")
    r.file("srt encode flow.srt --append --psnr 60 --field p=q0.npy --field p=q1.npy --unit p=Pa -q", "flow.srt")
    for field, step in [("u", 0), ("u", 3), ("p", 1)]:
        out = f"{field}{step}.npy"
        r.file(f"srt decode flow.srt {out} --field {field} --step {step}", out)
    r.file("srt encode t0.npy --field v=t1.npy --field w=t2.npy vec.srt --rel-error 1e-3 --field u -q", "vec.srt")
    steps = b"".join(open(f"t{i}.npy", "rb").read() for i in range(3))
    stream = r.file("srt encode - - --psnr 50 -q", "-", steps)
    r.file("srt decode - -", "-", stream)
    r.text("srt decode - - --field none", stream)
    code, out, _ = r.run("srt decode - -", stream[: len(stream) * 2 // 3])
    r.keep("a stream that breaks off", b"%d " % code + out)
    for part in [1, 2, 3]:
        stat = r.file(f"srt stat slab.npy --part {part}/3 --json", "-")
        with open(f"s{part}.json", "wb") as file:
            file.write(stat)
    joined = r.file("srt stat s1.json s2.json s3.json --json", "-")
    with open("all.json", "wb") as file:
        file.write(joined)
    for part in [1, 2, 3]:
        r.file(f"srt encode slab.npy p{part}.srt --part {part}/3 --rel-error 1e-3 --range all.json -q", f"p{part}.srt")
    r.file("srt merge p3.srt p1.srt p2.srt slab.srt", "slab.srt")
    r.file("srt decode slab.srt slab.back.npy", "slab.back.npy")
    r.file("srt decode slab.srt slab.r.npy --region 60:130,2:5,3:9", "slab.r.npy")
    r.file("srt merge vec.srt m.srt", "m.srt")


def record_reports(r):
    r.text("srt stat n3.npy --json")
    r.text("srt eval turb.npy whole.srt --json")
    r.text("srt eval turb.npy exact.srt --json --spectrum")
    r.text("srt eval nan.npy whole.srt --json")
    r.text("srt verify whole.srt")
    r.text("srt verify exact.srt turb.npy")
    r.text("srt verify whole.srt n3.npy")
    r.text("srt encode n3.npy j.srt --psnr 40 --json")
    r.text("srt encode t0.npy t1.npy j2.srt --max-error 0.01 --json --time 0,1")
    r.text("srt encode n3.npy v.srt --psnr 40 -q -v")
    r.text("srt model list")
    r.text("srt model info turbulence3d-m")
    r.file("srt model export turbulence3d-s pack.srt", "pack.srt")
    r.file("srt decode whole.srt w.npy --weights model.safetensors -v", "w.npy")


BAD_CALLS = [
    "srt encode n3.npy x.srt", "srt encode n3.npy x.srt --psnr -3", "srt encode n3.npy x.srt --psnr 40 --ssim 0.5",
    "srt encode none.npy x.srt --psnr 40", "srt encode n3.raw x.srt --psnr 40",
    "srt encode n3.raw x.srt --psnr 40 --shape 33,20,18 --dtype f32", "srt encode n3.npy x.srt --psnr 40 --brick 65",
    "srt encode n3.npy x.srt --psnr 40 --model no-such", "srt encode n3.npy x.srt --ratio 1e9",
    "srt encode n3.npy x.srt --psnr 40 --threads 0", "srt encode n3.npy x.srt --rel-error 2",
    "srt encode n3.npy x.srt --profile paper --max-error 1", "srt encode n3.npy x.srt --psnr 40 --part 9/3",
    "srt encode n3.npy whole.srt --psnr 40", "srt decode n3.npy x.npy", "srt decode whole.srt x.tif",
    "srt decode whole.srt x.npy --field w", "srt decode whole.srt x.npy --step 4", "srt merge p1.srt p3.srt x.srt",
    "srt merge p1.srt p1.srt x.srt", "srt verify none.srt", "srt stat none.npy",
]


def record_bad_input(r):
    for call in BAD_CALLS:
        r.text(call)
    for folder in ["bad", "unsupported"]:
        for name in sorted(os.listdir(os.path.join(ROOT, "tests/data", folder))):
            if name.endswith(".srt"):
                shutil.copy(os.path.join(ROOT, "tests/data", folder, name), f"{folder}-{name}")
                r.text(f"srt decode {folder}-{name} x.npy -f")
                r.text(f"srt-inspect check {folder}-{name} --json")


def record_files_of_the_repository(r):
    for folder in ["tests/data/golden", "spec/examples"]:
        for name in sorted(os.listdir(os.path.join(ROOT, folder))):
            if not name.endswith(".srt"):
                continue
            shutil.copy(os.path.join(ROOT, folder, name), name)
            for command in ["info", "list", "dump", "check"]:
                r.text(f"srt-inspect {command} {name} --json")
            r.text(f"srt-inspect info {name}")
            r.text(f"srt decode {name} {name}.npy -f")
            if os.path.exists(f"{name}.npy"):
                r.keep(f"{name}.npy", open(f"{name}.npy", "rb").read())
    with open("whole.srt", "rb") as file:
        cut = file.read()[:-700]
    with open("cut.srt", "wb") as file:
        file.write(cut)
    r.text("srt-inspect check cut.srt")
    r.text("srt-inspect recover cut.srt --output saved.srt")
    r.keep("saved.srt", open("saved.srt", "rb").read())


def record(srt, inspect):
    r = Recorder(os.path.abspath(srt), os.path.abspath(inspect))
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_inputs()
        code, _, err = r.run("srt model export turbulence3d-s model.safetensors")
        assert code == 0, err
        record_encodings(r)
        record_parts_of_fields(r)
        record_series(r)
        record_reports(r)
        record_bad_input(r)
        record_files_of_the_repository(r)
        os.chdir(before)
    return r.lines


def main():
    check = sys.argv[1:2] == ["--check"]
    programs = sys.argv[2:] if check else sys.argv[1:]
    if len(programs) != 2:
        sys.exit(__doc__)
    found = record(*programs)
    if not check:
        for name, digest in found.items():
            print(f"{digest}  {name}")
        return
    with open(os.path.join(HERE, "outputs.sha256")) as file:
        known = dict(line.rstrip("\n").split("  ", 1)[::-1] for line in file)
    wrong = [name for name in {**known, **found} if known.get(name) != found.get(name)]
    for name in wrong:
        print(f"differs: {name}")
    print(f"{len(found)} outputs, {len(wrong)} differ from the record")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
