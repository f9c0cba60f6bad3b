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

sys.dont_write_bytecode = True
from fields import make_inputs

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


# -- running -----------------------------------------------------------------------------------------

class Recorder:
    """Runs the programs and keeps what they wrote by name."""

    def __init__(self, srt, inspect, home):
        self.home = os.path.realpath(home)
        self.programs = {"srt": srt, "srt-inspect": inspect}
        self.lines = {}
        # Nothing of the user's: no imported models, no SZ3, no back traces.
        kept = {name: os.environ[name] for name in ["PATH", "LD_LIBRARY_PATH"] if name in os.environ}
        own = {"LC_ALL": "C", "HOME": self.home, "XDG_DATA_HOME": os.path.join(self.home, "data")}
        self.environment = {**kept, **own}

    def run(self, command, stdin=None):
        """Exit code, standard output and error of a command line; `srt ...` or `srt-inspect ...`."""
        words = command.split()
        words[0] = self.programs[words[0]]
        done = subprocess.run(words, input=stdin, capture_output=True, env=self.environment)
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

    def keep_if_there(self, path):
        """Records a file that a command may have left out; what it said is recorded beside it."""
        if os.path.exists(path):
            with open(path, "rb") as file:
                self.keep(path, file.read())

    def text(self, command, stdin=None):
        """Records exit code and both streams, without times and versions."""
        code, out, err = self.run(command, stdin)
        both = out + b"--" + err
        both = re.sub(rb'"(encode|verify|decode)_seconds": [0-9.e+-]+', rb'"seconds"', both)
        both = re.sub(rb"[0-9.]+ s\b", b"s", both)
        both = both.replace(self.home.encode(), b"HERE")
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


# What each form and type is decoded to in boxes and at coarse levels: (name, input, options, a region of it).
FORMS = [
    ("constant", "const", "--psnr 50", "2:9,0:9,3:4"), ("lossless", "n3", "--max-error 0", "30:33,1:20,0:17"),
    ("lossless2", "n2h", "--max-error 0", "5:60,7:8"), ("masked", "nan", "--psnr 45", "0:33,4:9,2:17"),
    ("filled", "fill", "--rel-error 1e-3 --mask-value -999", "8:20,0:20,16:17"),
    ("masked64", "inf", "--max-error 0.02", "1:2,0:20,0:17"), ("masked16", "nanh", "--max-error 0.02", "16:17,3:20,0:9"),
    ("half", "s3h", "--psnr 40", "0:16,10:20,1:17"), ("double", "n3d", "--max-error 1e-6", "3:30,0:31,28:29"),
    ("plane", "n2", "--psnr 50 --brick 64", "60:140,63:65"), ("bricks", "wide", "--max-error 0.02 --brick 64", "60:70,1:140,0:20"),
    ("thinner", "thin", "--psnr 50", "0:1,3:40,5:6"), ("wrapped", "p3", "--psnr 45 --periodic zyx", "0:32,31:32,7:48"),
    ("haar", "n3", "--max-error 0.01 --wavelet haar", "0:5,0:20,0:17"),
    ("paper", "turb", "--profile paper --psnr 38", "10:20,5:50,33:64"),
    ("paper64", "n2", "--profile paper --psnr 40 --upscale cubic", "0:150,100:131"),
    ("paperhalf", "s3h", "--profile paper --psnr 40", "4:5,0:20,0:17"),
    ("papermask", "nan", "--profile paper --psnr 35", "4:30,0:20,0:9"),
]


def record_forms(r):
    for name, source, options, region in FORMS:
        r.file(f"srt encode {source}.npy {name}.srt {options} -q", f"{name}.srt")
        for view, asked in [("1.npy", "--level 1"), ("2.raw", "--level 2 --threads 7"), ("box.npy", f"--region {region} --threads 1")]:
            r.file(f"srt decode {name}.srt {name}.{view} {asked}", f"{name}.{view}")
        r.text(f"srt decode {name}.srt x.npy -f -v --region {region}")
        r.text(f"srt verify {name}.srt {source}.npy --json")
        r.text(f"srt-inspect info {name}.srt --json")


# More ways to encode, each by its name: bounds by type of value, options of the paper's profile, memory, inputs.
MORE = [
    *[(f"{f}.{b.split()[0][2:]}", f"{f}.npy", b) for f in ["s3h", "n3d", "nan", "inf"] for b in ["--ssim 0.97", "--ratio 8"]],
    *[(f"tiny.{b.split()[0][2:]}", "tiny.npy", b) for b in ["--ssim 0.9", "--rel-error 1e-3", "--ratio 1"]],
    ("default", "n3.npy", "--psnr 40 --model default --payload ctx --profile default --backend cpu"),
    ("twice", "turb.npy", "--psnr 40 --model none --embed-weights yes"),
    *[(f"boxes{axes}", "turb.npy", f"--rel-error 2e-3 --memory 1 --brick 64 --periodic {axes}") for axes in ["x", "yx", "zyx"]],
    ("boxes64", "n2.npy", "--max-error 1e-3 --memory 1 --brick 64"), ("boxesratio", "wide.npy", "--ratio 60 --memory 1 --wavelet haar"),
    ("boxesplain", "slab.npy", "--psnr 55 --memory 1 --model none --threads 7"), ("boxesmask", "nan.npy", "--psnr 45 --memory 1"),
    ("papermemory", "turb.npy", "--profile paper --psnr 38 --memory 1"), ("paperrange", "n3.npy", "--profile paper --psnr 35 --range -2:2"),
    ("papernetwork", "turb.npy", "--profile paper --psnr 38 --model turbulence3d-haar --embed-weights yes"),
    ("paperfull", "s3.npy", "--profile paper --psnr 38 --trials full --max-level 1"), ("papertiny", "tiny.npy", "--profile paper --psnr 20"),
    ("paperconst", "const.npy", "--profile paper --psnr 20"), ("papernoise", "noise.npy", "--profile paper --psnr 90"),
    ("raw64", "n3d.raw --shape 30,31,29 --dtype f64", "--psnr 60"), ("raw16", "nanh.raw --shape 33,20,17 --dtype f16", "--psnr 45"),
    ("origin", "s3.npy", "--psnr 40 --field t --unit K --origin 1,-2,0.5 --spacing 1,2,3 --length-unit km --step 4 --time 8"),
]


def record_more(r):
    for name, source, options in MORE:
        r.file(f"srt encode {source} {name}.srt {options} -q", f"{name}.srt")
        if os.path.exists(f"{name}.srt"):
            r.file(f"srt decode {name}.srt {name}.raw", f"{name}.raw")


def changed_model(r, name):
    """Writes `NAME-x.safetensors`: a built-in model with one weight changed, so that no program has it built in."""
    r.run(f"srt model export {name} {name}.safetensors")
    with open(f"{name}.safetensors", "rb") as file:
        data = bytearray(file.read())
    head = 8 + struct.unpack("<Q", data[:8])[0]
    tensors = [tensor for tensor in json.loads(data[8:head]).values() if tensor.get("dtype") == "I8"]
    data[head + min(tensor["data_offsets"][0] for tensor in tensors)] ^= 1
    with open(f"{name}-x.safetensors", "wb") as file:
        file.write(data)


# (model, input, options): models of the specification's examples, of every kind, and changed ones that pay.
NETWORKS = [
    ("rrdb_2d.srt", "s2", "--psnr 40"), ("shuffle_zero_2d.srt", "s2", "--psnr 40"), ("residual_3d.srt", "n3", "--psnr 40"),
    ("residual_haar_zero_2d.srt", "n2", "--psnr 40"), ("shuffle_3d.srt", "s3", "--psnr 40"),
    ("turbulence3d-s-x.safetensors", "turb", "--psnr 40"), ("turbulence3d-haar-x.safetensors", "turb", "--max-error 0.3"),
    ("turbulence3d-haar-x.safetensors", "turb", "--profile paper --psnr 38 --upscale network"),
    ("turbulence2d-s-x.safetensors", "n2", "--psnr 60"),
]


def record_networks(r):
    """Networks embedded, by reference, given, imported, and not at hand."""
    for name in ["turbulence3d-s", "turbulence3d-haar", "turbulence2d-s"]:
        changed_model(r, name)
    for number, (model, source, options) in enumerate(NETWORKS):
        for embed in ["yes", "no"]:
            name = f"net{number}{embed}"
            r.file(f"srt encode {source}.npy {name}.srt {options} --model {model} --embed-weights {embed} -q", f"{name}.srt")
            r.text(f"srt decode {name}.srt {name}.npy")
            r.keep_if_there(f"{name}.npy")
        r.file(f"srt decode {name}.srt {name}.given.npy --weights {model}", f"{name}.given.npy")
        r.text(f"srt decode {name}.srt x.npy -f --level 3")
        r.text(f"srt verify {name}.srt")
        r.text(f"srt-inspect check {name}.srt")
    for command in ["model import turbulence3d-s-x.safetensors", "model import turbulence3d-s-x.safetensors --name mine",
                    "model import turbulence3d-s-x.safetensors --name mine -f", "model info mine", "model info rrdb_2d.srt",
                    "verify net5no.srt", "decode net5no.srt mine.npy", "encode turb.npy mine.srt --psnr 40 --model mine"]:
        r.text(f"srt {command}" + (" --json" if command.startswith("verify") else ""))
    r.text("srt encode turb.npy nomodel.srt --psnr 40 --model yours")
    for path in ["mine.npy", "mine.srt"]:
        r.keep_if_there(path)
    r.file("srt model export mine mine.pack.srt", "mine.pack.srt")


def record_more_series(r):
    r.file("srt encode nan.npy fill.npy holes.srt --max-error 0.02 --mask-value -999 -q", "holes.srt")
    r.file("srt encode inf.npy holes.srt --append --psnr 50 --field w -q", "holes.srt")
    r.file("srt encode nan.npy holes.srt --append --profile paper --psnr 30 --step 9 -q", "holes.srt")
    r.file("srt decode holes.srt -", "-")
    r.file("srt encode t0.npy a.srt --psnr 50 --field u -q", "a.srt")
    r.file("srt encode t1.npy b.srt --psnr 50 --field u --step 1 -q", "b.srt")
    r.file("srt encode q0.npy c.srt --max-error 1e-3 --field p -q", "c.srt")
    r.text("srt merge c.srt b.srt a.srt abc.srt --json")
    r.keep_if_there("abc.srt")
    with open("abc.srt", "rb") as file:
        data = file.read()
    for options in ["", " --field u --step 1", " --field p --region 0:4,0:4,0:4", " --level 1 -v", " --step 7"]:
        code, out, err = r.run("srt decode - -" + options, data)
        r.keep("srt decode - - < abc.srt" + options, b"%d " % code + out + err)
    with open("n3.raw", "rb") as file:
        data = file.read()
    r.file("srt encode - - --psnr 40 --shape 33,20,17 --dtype f32 -q", "-", 2 * data)
    r.text("srt encode - broken.srt --psnr 40 --shape 33,20,17 --dtype f32 -q", data + data[:99])
    r.keep_if_there("broken.srt")
    for bound in ["--max-error 0.01", "--ratio 20", "--psnr 40 --range all.json", "--profile paper --psnr 35 --range -1:3"]:
        names = [f"{bound.split()[0][2:]}.{part}.srt" for part in [1, 2]]
        for part, name in enumerate(names, 1):
            r.file(f"srt encode slab.npy {name} --part {part}/2 {bound} -q", name)
        r.text(f"srt encode slab.npy {names[0]} --part 1/2 {bound} --resume")
        joined = names[0].replace(".1.", ".all.")
        r.text(f"srt merge {names[1]} {names[0]} {joined}")
        r.keep_if_there(joined)
        r.file(f"srt decode {joined} {joined}.npy --level 1", f"{joined}.npy")


def record_more_reports(r):
    for command in [
        "srt encode n3.npy r0.srt --psnr 40", "srt encode n3.npy r1.srt --rel-error 1e-3 -v --threads 2",
        "srt encode nan.npy r2.srt --max-error 0.01 --json", "srt encode turb.npy r3.srt --profile paper --psnr 38 --json",
        "srt encode t0.npy r4.srt --psnr 50 --field u --field p=q0.npy --unit p=Pa", "srt encode inf.npy r5.srt --ssim 0.97 --json",
        "srt stat n3.npy", "srt stat fill.npy --mask-value -999 --json", "srt stat inf.npy --json", "srt stat s1.json s2.json s3.json",
        "srt stat nanh.raw --shape 33,20,17 --dtype f16", "srt verify whole.srt turb.npy --json", "srt verify abc.srt --json",
        "srt verify flow.srt", "srt eval t1.npy flow.srt --field u --step 1 --json", "srt eval turb.npy whole.srt exact.srt --json",
        "srt eval turb.npy whole.srt", "srt eval turb.npy exact.srt --spectrum", "srt eval n2.npy plane.srt --spectrum --json",
        "srt eval inf.npy masked64.srt --json", "srt eval n3.raw lossless.srt --shape 33,20,17 --dtype f32",
        "srt-inspect dump whole.srt 0 --bytes 0", "srt-inspect dump flow.srt FRAM --bytes 8 --json", "srt-inspect info holes.srt",
        *[f"srt{tool} --help" for tool in ["", " encode", " decode", " stat", " merge", " eval", " verify", " demo", " model", "-inspect",
                                           "-inspect info", "-inspect list", "-inspect dump", "-inspect check", "-inspect recover"]],
    ]:
        r.text(command)
    with open("whole.srt", "rb") as file:
        data = file.read()
    for command in ["info", "list", "dump", "check"]:
        r.text(f"srt-inspect {command} -", data)


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
    "srt decode short.srt x.npy", "srt decode magic.srt x.npy", "srt decode flipped.srt x.npy", "srt verify flipped.srt",
    "srt verify short.srt --json", "srt eval turb.npy short.srt", "srt merge short.srt x.srt", "srt decode whole.srt x.npy --region 1:2",
    "srt decode whole.srt x.npy --region 5:5,0:1,0:1", "srt decode whole.srt x.npy --weights n3.npy",
    "srt encode n3.npy x.srt --psnr 40 --profile best", "srt encode n3.npy x.srt --psnr 40 --payload zip",
    "srt encode n3.npy x.srt --psnr 40 --payload zstd", "srt encode n3.npy x.srt --psnr 40 --profile paper --payload ctx",
    "srt encode n3.npy x.srt --psnr 40 --wavelet db4", "srt encode n3.npy x.srt --psnr 40 --embed-weights maybe",
    "srt encode n3.npy x.srt --psnr 40 --backend tpu", "srt encode n3.npy x.srt --psnr 40 --memory 1.5G",
    "srt encode n3.npy x.srt --psnr 40 --periodic w", "srt encode s2.npy x.srt --psnr 40 --periodic z",
    "srt encode n3.npy x.srt --psnr 40 --model n3.npy",
    "srt encode n3.npy x.srt --psnr 40 --range 2:1", "srt encode n3.npy x.srt --psnr 40 --range n3.npy",
    "srt encode n3.raw x.srt --psnr 40 --shape 33,20,17 --dtype i8", "srt encode n3.raw x.srt --psnr 40 --shape 0,2,3 --dtype f32",
    "srt encode n3.npy s3h.npy x.srt --psnr 40", "srt encode n3.npy t0.npy x.srt --psnr 40",
    "srt encode t0.npy t1.npy x.srt --psnr 40 --time 0", "srt encode t0.npy x.srt --psnr 40 --time nan",
    "srt encode t0.npy x.srt --psnr 40 --append", "srt encode n3.npy flow.srt --psnr 40 --append",
    "srt encode t0.npy flow.srt --psnr 40 --append --field u --step 0", "srt encode t0.npy x.srt --psnr 40 --spacing 0,1,1",
    "srt encode slab.npy x.srt --part 1/3 --ssim 0.9", "srt encode slab.npy x.srt --part 1/3 --psnr 40",
    "srt encode n3.npy x.srt --psnr 40 --mask-value red", "srt merge flow.srt vec.srt x.srt", "srt stat s1.json s3.json",
    "srt model info no-such", "srt model export no-such x.safetensors", "srt model import n3.npy", "srt frobnicate", "srt",
    "srt-inspect info none.srt", "srt-inspect info magic.srt", "srt-inspect dump whole.srt 99", "srt-inspect dump whole.srt NOPE",
    "srt-inspect recover magic.srt --output x.srt", "srt-inspect recover short.srt --output whole.srt", "srt-inspect",
]


def record_bad_input(r):
    with open("whole.srt", "rb") as whole:
        data = whole.read()
    for name, damaged in [("short", data[:-9]), ("magic", b"X" + data[1:]), ("flipped", data[:-400] + b"?" + data[-399:])]:
        with open(f"{name}.srt", "wb") as file:
            file.write(damaged)
    for call in BAD_CALLS:
        for left in ["x.srt", "x.npy"]:
            if os.path.exists(left):
                os.remove(left)
        r.text(call)
    for folder in ["bad", "unsupported"]:
        for name in sorted(os.listdir(os.path.join(ROOT, "tests/data", folder))):
            if name.endswith(".srt"):
                shutil.copy(os.path.join(ROOT, "tests/data", folder, name), f"{folder}-{name}")
                r.text(f"srt decode {folder}-{name} x.npy -f")
                r.text(f"srt-inspect check {folder}-{name} --json")
                r.text(f"srt-inspect recover {folder}-{name} --output saved-{folder}-{name} --json")
                r.keep_if_there(f"saved-{folder}-{name}")


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
            r.keep_if_there(f"{name}.npy")
            with open(name, "rb") as file:
                data = file.read()
            for options in ["", " --level 1"]:
                code, out, err = r.run("srt decode - -" + options, data)
                r.keep(f"srt decode - -{options} < {name}", b"%d " % code + out + err)
            for command in ["list", "dump", "check"]:
                r.text(f"srt-inspect {command} {name}")
            r.text(f"srt verify {name} --json")
    with open("whole.srt", "rb") as file:
        cut = file.read()[:-700]
    with open("cut.srt", "wb") as file:
        file.write(cut)
    r.text("srt-inspect check cut.srt")
    r.text("srt-inspect recover cut.srt --output saved.srt")
    r.keep_if_there("saved.srt")
    for name in ["v0_3_series", "v0_3_slabs", "v0_3_several_bricks", "rrdb_2d", "pooled_3d"]:
        with open(f"{name}.srt", "rb") as file:
            data = file.read()
        for quarters in [1, 2, 3]:
            path = f"{name}.{quarters}"
            with open(path + ".srt", "wb") as file:
                file.write(data[: len(data) * quarters // 4])
            r.text(f"srt-inspect recover {path}.srt --output {path}.saved.srt --json")
            r.keep_if_there(f"{path}.saved.srt")


def record(srt, inspect):
    srt, inspect = os.path.abspath(srt), os.path.abspath(inspect)
    before = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        r = Recorder(srt, inspect, folder)
        make_inputs(ROOT)
        code, _, err = r.run("srt model export turbulence3d-s model.safetensors")
        assert code == 0, err
        record_encodings(r)
        record_parts_of_fields(r)
        record_series(r)
        record_reports(r)
        record_forms(r)
        record_more(r)
        record_more_series(r)
        record_more_reports(r)
        record_bad_input(r)
        record_files_of_the_repository(r)
        record_networks(r)
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
