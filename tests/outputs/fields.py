"""Small fields that are the same on every machine: no library of mathematics, no random numbers but its own."""

import os
import shutil
import struct

NAN, INF = float("nan"), float("inf")
CODES = {"f16": "e", "f32": "f", "f64": "d"}


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


def make_inputs(root):
    """All inputs, in the current folder; `root` is the repository."""
    shutil.copy(os.path.join(root, "tests/data/turbulence_64.npy"), "turb.npy")
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
    for name in ["n3", "n3d", "nanh"]:
        with open(f"{name}.npy", "rb") as npy_file, open(f"{name}.raw", "wb") as raw:
            raw.write(npy_file.read()[128:])
