"""Writes the vectors of this folder: numpy integers, after spec/networks.md alone.

usage: python make_vectors.py [--explain]    (numpy 2; --explain prints the worked example)
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np

F = np.float32
HERE = Path(__file__).parent
MAX = 32767


def write_safetensors(path, tensors, metadata):
    codes = {"int8": "I8", "int16": "I16", "int32": "I32", "float32": "F32"}
    header, at, blobs = {"__metadata__": metadata}, 0, []
    for name, value in tensors.items():
        blob = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes()
        header[name] = {"dtype": codes[value.dtype.name], "shape": list(value.shape),
                        "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


# --- section 2 ---------------------------------------------------------------------------------
def unit(rank, level):
    e = rank * (level + 1)
    if e % 2 == 0:
        return F(2.0 ** (e // 2))
    root = F(np.sqrt(2.0))
    assert root.view(np.uint32) == 0x3FB504F3
    return F(root * F(2.0 ** ((e - 1) // 2)))


def clamp_round(u):
    """float32 -> integers: clamped, then rounded to nearest, ties to even."""
    return np.rint(np.clip(u, F(-MAX), F(MAX))).astype(np.int64)


# --- section 4 ---------------------------------------------------------------------------------
def value_index(extension, t, n):
    p = {"even": 2 * n - 1, "odd": max(2 * n - 2, 1), "periodic": n, "half": 2 * n}[extension]
    m = t % p
    if m < n:
        return m
    return 2 * n - 2 - m if extension == "odd" else 2 * n - 1 - m


class Grid:
    """The positions low..high of every axis, and which are inside the domain."""

    def __init__(self, domain, extension, margin, flat):
        self.domain, self.extension = domain, extension
        self.low = [0 if flat and a == 0 else -margin for a in range(3)]
        self.high = [domain[a] - self.low[a] for a in range(3)]

    def axis_inside(self, a, low, high):
        t = np.arange(low, high)
        if self.extension[a] == "periodic":
            return np.ones(len(t), bool)
        return (t >= 0) & (t < self.domain[a])

    def inside(self, box):
        z, y, x = [self.axis_inside(a, *box[a]) for a in range(3)]
        return z[:, None, None] & y[None, :, None] & x[None, None, :]


class Activations:
    """Integers [channel][z][y][x] on a box of positions."""

    def __init__(self, values, box):
        self.values, self.box = values, box

    def crop(self, box):
        cut = tuple(slice(b[0] - a[0], b[1] - a[0]) for a, b in zip(self.box, box))
        return self.values[(slice(None), *cut)]


# --- section 5 ---------------------------------------------------------------------------------
def accumulate(layer, x):
    w, bias = layer["weight"].astype(np.int64), layer["bias"].astype(np.int64)
    if w.ndim == 4:
        w = w[:, :, None]
    k = w.shape[2:]
    box = [(lo + n // 2, hi - n // 2) for (lo, hi), n in zip(x.box, k)]
    size = [hi - lo for lo, hi in box]
    acc = np.zeros((w.shape[0], *size), np.int64) + bias[:, None, None, None]
    for z in range(k[0]):
        for y in range(k[1]):
            for c in range(k[2]):
                part = x.values[:, z:z + size[0], y:y + size[1], c:c + size[2]]
                acc += np.einsum("oi,izyx->ozyx", w[:, :, z, y, c], part)
    assert np.abs(acc).max() < 2**31
    return Activations(acc, box)


def per_channel(v):
    return v.astype(F)[:, None, None, None]


class Run:
    def __init__(self, net, layers, grid):
        self.net, self.layers, self.grid = net, layers, grid

    def masked(self, a):
        if self.net["padding"] == "zero":
            a.values = np.where(self.grid.inside(a.box), a.values, 0)
        return a

    def requantised(self, name, x):
        layer = self.layers[name]
        a = accumulate(layer, x)
        scale = np.where(a.values < 0, per_channel(layer["negative"]), per_channel(layer["positive"]))
        a.values = clamp_round(a.values.astype(F) * scale)
        return self.masked(a)

    def added(self, x, step):
        return Activations(np.clip(x.crop(step.box) + step.values, -MAX, MAX), step.box)

    def trunk(self, x):
        t = self.net["trunk"]
        x = self.requantised("input", x)
        if t["kind"] == "residual":
            for b in range(t["blocks"]):
                x = self.added(x, self.requantised(f"block{b}", x))
            return x
        f = x
        for b in range(t["blocks"]):
            r = x
            for d in range(t["dense_blocks"]):
                x0, parts = r, [r]
                for k in range(t["convolutions"]):
                    box = parts[-1].box
                    joined = Activations(np.concatenate([p.crop(box) for p in parts]), box)
                    parts.append(self.requantised(f"block{b}.dense{d}.conv{k}", joined))
                r = self.added(x0, parts[-1])
            scaled = Activations(clamp_round(r.values.astype(F) * F(t["beta"])), r.box)
            x = self.added(x, scaled)
        return self.added(f, self.requantised("trunk_end", x))

    def output(self, name, x, factor, box):
        layer = self.layers[name]
        a = accumulate(layer, x)
        scale = (layer["scale"].astype(F) * F(factor)).astype(F)
        return Activations(a.crop(box), box).values.astype(F) * per_channel(scale)


def voxel_shuffle(x, features, rank):
    factor = [1 if rank == 2 else 2, 2, 2]
    size = x.values.shape[1:]
    out = np.zeros((features, *[n * f for n, f in zip(size, factor)]), np.int64)
    for dz in range(factor[0]):
        for dy in range(2):
            for dx in range(2):
                o = 4 * dz + 2 * dy + dx
                part = x.values[o * features:(o + 1) * features]
                out[:, dz::factor[0], dy::2, dx::2] = part
    return Activations(out, [(lo * f, hi * f) for (lo, hi), f in zip(x.box, factor)]), factor


def radius(net):
    t = net["trunk"]
    trunk = t["blocks"] if t["kind"] == "residual" else t["blocks"] * t["dense_blocks"] * t["convolutions"] + 1
    head = 3 if net["head"] == "voxel_shuffle" else 0
    return max(net["input_kernel"] // 2 + trunk + head, (net["shortcut_kernel"] or 0) // 2)


def predict(net, layers, case, c):
    rank, domain = net["rank"], case["domain"]
    u = unit(rank, case["level"])
    scale = F(net["input_scale"])
    quantised = clamp_round(c.astype(F) * F(scale * F(F(1) / u)))
    grid = Grid(domain, case["extension"], radius(net), rank == 2)
    box = list(zip(grid.low, grid.high))
    index = [[value_index(case["extension"][a], t, domain[a]) for t in range(*box[a])] for a in range(3)]
    field = quantised[np.ix_(*index)]
    inside = grid.inside(box)
    channels = {
        "field": field,
        "inside_field": np.where(inside, field, 0),
        "inside": np.where(inside, int(np.rint(scale)), 0),
        "condition": np.full(field.shape, case["condition"] or 0),
    }
    run = Run(net, layers, grid)
    x = run.masked(Activations(np.stack([channels[n] for n in net["input_channels"]]), box))
    whole = [(0, n) for n in domain]
    if net["head"] == "subbands":
        y = run.trunk(x)
        out = run.output("head", y, case["gain"], whole)
        if net["shortcut_kernel"]:
            fields = sum(n in ("field", "inside_field") for n in net["input_channels"])
            s = run.output("shortcut", Activations(x.values[:fields], box), u, whole)
            out = out + s
        return quantised, out
    y = run.requantised("shuffle", run.trunk(x))
    y, factor = voxel_shuffle(y, net["features"], rank)
    fine = [n * f for n, f in zip(domain, factor)]
    run.grid = Grid(fine, case["extension"], 0, rank == 2)
    y = run.requantised("refine", y)
    return quantised, run.output("head", y, case["gain"], [(0, n) for n in fine])


# --- random networks ---------------------------------------------------------------------------
def plan(net):
    f, t, rank = net["features"], net["trunk"], net["rank"]
    layers = [("input", len(net["input_channels"]), f, net["input_kernel"])]
    if t["kind"] == "residual":
        layers += [(f"block{b}", f, f, 3) for b in range(t["blocks"])]
    else:
        n, g = t["convolutions"], t["growth"]
        layers += [(f"block{b}.dense{d}.conv{k}", f + k * g, f if k == n - 1 else g, 3)
                   for b in range(t["blocks"]) for d in range(t["dense_blocks"]) for k in range(n)]
        layers += [("trunk_end", f, f, 3)]
    if net["head"] == "subbands":
        layers += [("head", f, 2**rank - 1, 1)]
    else:
        layers += [("shuffle", f, 2**rank * f, 3), ("refine", f, f, 3), ("head", f, 1, 5)]
    if net["shortcut_kernel"]:
        fields = sum(n in ("field", "inside_field") for n in net["input_channels"])
        layers += [("shortcut", fields, 2**rank - 1, net["shortcut_kernel"])]
    return layers


def random_layers(net, rng):
    out = {}
    for name, i, o, k in plan(net):
        shape = (o, i) + (k,) * net["rank"]
        per_output = i * k**net["rank"]
        # Within the accumulator guarantee even if every weight had the largest magnitude.
        most = min(60000 // per_output, 30000 if name == "shortcut" else 127)
        kind = np.int16 if name == "shortcut" else np.int8
        layer = {"weight": rng.integers(-most, most + 1, shape).astype(kind),
                 "bias": rng.integers(-100000, 100001, o).astype(np.int32)}
        scale = 1.5 / (most * np.sqrt(per_output) * 0.33)
        if name in ("head", "shortcut"):
            layer["scale"] = (scale * 1e-3 * rng.random(o)).astype(F)
        else:
            layer["positive"] = (scale * (0.5 + rng.random(o))).astype(F)
            layer["negative"] = (scale * rng.random(o)).astype(F)
        out[name] = layer
    return out


def write(name, net, layers, case, c):
    quantised, out = predict(net, layers, case, c)
    tensors = {f"0.{layer}.{part}": v for layer, parts in layers.items() for part, v in parts.items()}
    text = {"format": "srt-network-1", "name": name, "licence": "MIT OR Apache-2.0", "networks": [net]}
    write_safetensors(HERE / f"{name}.network.safetensors", tensors, {"srt": json.dumps(text)})
    tensors = {"coefficients": c, "quantised": quantised.astype(np.int16), "prediction": out.astype(F)}
    write_safetensors(HERE / f"{name}.case.safetensors", tensors, {"case": json.dumps(case)})
    saturated = (np.abs(quantised) == MAX).mean()
    print(f"{name}: {out.shape}, {len(np.unique(out))} values, {saturated:.2f} of the input saturated")
    return quantised, out


def network(**changes):
    return {"rank": 3, "min_level": 0, "max_level": 255, "transform": "cdf97", "padding": "extend",
            "input_channels": ["field", "inside_field", "inside"], "input_scale": 2048.0, "features": 4,
            "input_kernel": 3, "slope": 0.1, "trunk": {"kind": "residual", "blocks": 2},
            "head": "subbands", "shortcut_kernel": 5} | changes


def rrdb(blocks, dense_blocks, convolutions, growth, beta):
    return {"kind": "rrdb", "blocks": blocks, "dense_blocks": dense_blocks, "convolutions": convolutions,
            "growth": growth, "beta": beta}


def worked_example():
    net = network(rank=2, input_channels=["field", "inside"], input_scale=100.0, features=1,
                  trunk={"kind": "residual", "blocks": 1}, shortcut_kernel=1)
    kernel = lambda *v: np.array(v, np.int8).reshape(1, -1, 3, 3)
    layers = {
        "input": {"weight": kernel(0, 1, 0, 1, 4, 1, 0, 1, 0, 0, 0, 0, 0, -8, 0, 0, 0, 0),
                  "bias": np.array([10], np.int32), "positive": np.array([0.25], F), "negative": np.array([0.025], F)},
        "block0": {"weight": kernel(0, 0, 0, -2, 5, -2, 0, 0, 0), "bias": np.array([0], np.int32),
                   "positive": np.array([0.5], F), "negative": np.array([0.05], F)},
        "head": {"weight": np.array([3, -1, 2], np.int8).reshape(3, 1, 1, 1), "bias": np.array([0, 5, -7], np.int32),
                 "scale": np.array([0.001, 0.002, 0.004], F)},
        "shortcut": {"weight": np.array([100, 0, -100], np.int16).reshape(3, 1, 1, 1), "bias": np.array([0, 0, 0], np.int32),
                     "scale": np.array([1e-5, 1e-5, 1e-5], F)},
    }
    case = {"domain": [1, 2, 3], "extension": ["even", "even", "odd"], "level": 0, "gain": 0.5, "condition": None}
    c = np.array([[[1.0, 2.0, -1.5], [0.51, 0.25, 4.0]]], F)
    quantised, out = write("worked_example_2d", net, layers, case, c)
    if "--explain" in sys.argv:
        print("quantised\n", quantised)
        grid = Grid(case["domain"], case["extension"], 2, True)
        box = list(zip(grid.low, grid.high))
        index = [[value_index(case["extension"][a], t, case["domain"][a]) for t in range(*box[a])] for a in range(3)]
        field = quantised[np.ix_(*index)]
        print("extended\n", field)
        x = Activations(np.stack([field, np.where(grid.inside(box), 100, 0)]), box)
        print("input acc\n", accumulate(layers["input"], x).values)
        run = Run(net, layers, grid)
        y = run.requantised("input", x)
        print("input\n", y.values)
        print("block0 acc\n", accumulate(layers["block0"], y).values)
        step = run.requantised("block0", y)
        print("block0\n", step.values)
        x = run.added(y, step)
        print("x\n", x.values)
        print("head acc\n", accumulate(layers["head"], x).values)
        for row in out.reshape(3, -1):
            print([f"{v!s} {v.view(np.uint32):#010x}" for v in row])


def main():
    worked_example()
    cases = [
        ("residual_3d", network(), dict(domain=[3, 4, 5], extension=["even", "odd", "periodic"], level=0), 3.0),
        ("residual_zero_3d", network(padding="zero", features=9, shortcut_kernel=3),
         dict(domain=[2, 1, 7], extension=["even", "periodic", "odd"], level=1), 30.0),
        ("conditioned_2d", network(rank=2, input_channels=["inside_field", "condition"], features=17, input_kernel=5,
                                   shortcut_kernel=None, trunk={"kind": "residual", "blocks": 0}),
         dict(domain=[1, 6, 9], extension=["even", "odd", "even"], level=2, condition=-1234), 90.0),
        ("rrdb_2d", network(rank=2, trunk=rrdb(2, 2, 3, 3, 0.2), shortcut_kernel=7, features=5),
         dict(domain=[1, 5, 4], extension=["even", "periodic", "odd"], level=1), 9.0),
        ("shuffle_zero_2d", network(rank=2, transform="haar", padding="zero", input_channels=["field"], features=6,
                                    trunk=rrdb(2, 1, 2, 3, 0.2), head="voxel_shuffle", shortcut_kernel=None, slope=0.2),
         dict(domain=[1, 4, 7], extension=["half", "half", "half"], level=0), 4.0),
        ("shuffle_3d", network(transform="haar", input_channels=["field"], features=3, trunk=rrdb(1, 2, 2, 2, 0.5),
                               head="voxel_shuffle", shortcut_kernel=None, slope=0.2),
         dict(domain=[2, 3, 3], extension=["half", "periodic", "half"], level=0), 5.0),
    ]
    for seed, (name, net, case, spread) in enumerate(cases):
        rng = np.random.default_rng(seed)
        case = {"gain": 0.75, "condition": None} | case
        c = (spread * rng.standard_normal(case["domain"])).astype(F)
        c.flat[0] = 1e6  # saturates
        write(name, net, random_layers(net, rng), case, c)


main()
