"""Networks: canonical records and integer arithmetic (spec networks.md)."""

import hashlib
import math
import struct
from dataclasses import dataclass
from itertools import product

import numpy as np

from .fields import Fields, Unsupported, need

F32 = np.float32
CHANNELS = ["field", "inside_field", "inside", "condition"]
TOP = 32767


@dataclass
class Layer:
    weight: np.ndarray  # [out, in, kz, ky, kx], integers
    bias: np.ndarray
    positive: np.ndarray  # head and shortcut: the one scale
    negative: np.ndarray | None


@dataclass
class Network:
    rank: int
    min_level: int
    max_level: int
    haar: bool
    zero_padding: bool
    channels: list
    input_scale: np.float32
    rrdb: bool
    shuffle: bool  # head voxel_shuffle
    shortcut_kernel: int
    blocks: int
    dense_blocks: int
    convolutions: int
    beta: np.float32
    radius: int
    layers: dict

    def serves(self, level):
        return self.min_level <= level <= self.max_level


def of_level(networks, rank, haar, level):
    """The network of a level (networks 1)."""
    fits = [n for n in networks if n.rank == rank and n.haar == haar and n.serves(level)]
    need(fits, f"a gain for level {level}, and no network")
    return fits[0]


def identity(records):
    """SHA-256 of a set of networks, given as their records in order."""
    return hashlib.sha256(b"".join(struct.pack("<Q", len(r)) + r for r in records)).digest()


def parse_set(records):
    """The networks of a weight set; no two serve one level of one rank and transform."""
    out = [parse(record) for record in records]
    for place, a in enumerate(out):
        for b in out[:place]:
            apart = a.min_level > b.max_level or b.min_level > a.max_level
            need(apart or (a.rank, a.haar) != (b.rank, b.haar), "two networks for one level")
    return out


def positive_zero_to(value, top, what):
    need(0 <= value <= top and math.copysign(1, value) > 0, what)
    return value


def parse(payload):
    """One record (networks 7)."""
    f = Fields(payload)
    version = f.number("H")
    need(version > 0, "record version")
    if version > 1:
        raise Unsupported(f"network record version {version}")
    rank, min_level, max_level, haar, zero, channels = (f.u8() for _ in range(6))
    input_scale, slope = f.number("f"), f.number("f")
    features, input_kernel, rrdb, shuffle, shortcut = (f.number(kind) for kind in "HBBBB")
    blocks, dense_blocks, convolutions, growth, zero_a = (f.number("H") for _ in range(5))
    beta, zero_b = f.number("f"), f.number("I")
    need(rank in (2, 3) and min_level <= max_level and haar <= 1 and zero <= 1, "rank, levels, transform, padding")
    need(channels < 16 and channels & 3, "input channels")
    need(0 < input_scale <= TOP, "input scale")
    positive_zero_to(slope, 1, "slope")
    positive_zero_to(beta, 1, "beta")
    kernels = (1, 3, 5, 7, 9)
    need(1 <= features <= 4096 and input_kernel in kernels and rrdb <= 1 and shuffle <= 1, "features, kernel, kinds")
    need(shortcut == 0 or (shortcut in kernels and not shuffle), "shortcut kernel")
    if rrdb:
        need(min(blocks, dense_blocks, convolutions) >= 1 and 1 <= growth <= 4096, "rrdb")
    else:
        need(dense_blocks == convolutions == growth == 0 and beta == 0, "residual")
    need(zero_a == zero_b == 0, "reserved bytes")
    need(features + convolutions * growth <= 65536, "channels")

    names = [name for bit, name in enumerate(CHANNELS) if channels >> bit & 1]
    trunk = blocks * dense_blocks * convolutions + 1 if rrdb else blocks
    radius = max(input_kernel // 2 + trunk + (3 if shuffle else 0), shortcut // 2)
    need(radius <= 255, "receptive radius")

    plan = [("input", input_kernel, len(names), features)]
    if rrdb:
        for block, dense, conv in product(range(blocks), range(dense_blocks), range(convolutions)):
            last = conv == convolutions - 1
            plan.append(((block, dense, conv), 3, features + conv * growth, features if last else growth))
        plan.append(("trunk_end", 3, features, features))
    else:
        plan += [(block, 3, features, features) for block in range(blocks)]
    details = 2**rank - 1
    if shuffle:
        plan.append(("shuffle", 3, features, 2**rank * features))
        plan.append(("refine", 3, features, features))
    plan.append(("head", 5 if shuffle else 1, features, 1 if shuffle else details))
    if shortcut:
        plan.append(("shortcut", shortcut, sum(name in CHANNELS[:2] for name in names), details))
    need(len(plan) <= 4096, "layers")
    layers = {name: layer(f, rank, name, kernel, ins, outs) for name, kernel, ins, outs in plan}
    f.end()
    return Network(
        rank, min_level, max_level, bool(haar), bool(zero), names, F32(input_scale), bool(rrdb), bool(shuffle),
        shortcut, blocks, dense_blocks, convolutions, F32(beta), radius, layers,
    )


def layer(f, rank, name, kernel, ins, outs):
    shape = [outs, ins] + ([1] if rank == 2 else [kernel]) + [kernel, kernel]
    kind = "<i2" if name == "shortcut" else "i1"
    count = math.prod(shape)
    weight = np.frombuffer(f.take(count * np.dtype(kind).itemsize), kind).astype(np.int64).reshape(shape)
    bias = np.frombuffer(f.take(4 * outs), "<i4").astype(np.int64)
    scales = [np.frombuffer(f.take(4 * outs), "<f4") for _ in range(1 if name in ("head", "shortcut") else 2)]
    for scale in scales:
        need(bool(np.all(np.isfinite(scale)) and not np.any(np.signbit(scale))), "scales")
    sums = np.abs(weight).sum(axis=(1, 2, 3, 4)) * TOP + np.abs(bias)
    need(bool(np.all(sums < 2**31)), "weights that overflow the accumulator")
    return Layer(weight, bias, scales[0], scales[1] if len(scales) > 1 else None)


def unit(level, rank):
    """2^(rank (level + 1) / 2) in binary32."""
    exponent = rank * (level + 1)
    root = F32(1) if exponent % 2 == 0 else F32(math.sqrt(2))
    return root * F32(2.0 ** (exponent // 2))


def source(network, n, fine, periodic, t):
    """Where the value at position `t` of an axis of length `n` comes from (networks 4, extend)."""
    if periodic:
        return t % n
    if network.haar:
        period, mirror = 2 * n, 2 * n - 1
    elif fine % 2 == 0:
        period, mirror = 2 * n - 1, 2 * n - 1
    else:
        period, mirror = max(2 * n - 2, 1), 2 * n - 2
    m = t % period
    return m if m < n else mirror - m


def clamp(x):
    return np.clip(x, -TOP, TOP)


def to_integer(x):
    """Clamped and rounded to nearest even; 0 where not a number."""
    return np.rint(clamp(np.where(np.isnan(x), F32(0), x))).astype(np.int64)


class Evaluation:
    """One network on one level of one frame."""

    def __init__(self, network, level, dims, fine, gain, step, periodic):
        """`dims`, `fine`: extents of levels `level + 1` and `level`; `gain`, `step`: of the frame;
        `periodic`: axes that wrap at this level."""
        self.network = network
        self.unit = unit(level, network.rank)
        self.dims, self.fine = dims, fine
        self.gain = F32(gain)
        self.condition = to_integer(F32(step) / self.gain * F32(256))
        self.periodic = periodic
        # Axis z of rank 2 is no axis: nothing is extended along it.
        self.margin = [0 if network.zero_padding or 3 - network.rank > axis else network.radius for axis in range(3)]

    def channels(self, low):
        """The input channels on the domain, with a margin of the receptive radius when it is extended."""
        scale = self.network.input_scale * (F32(1) / self.unit)
        integers = to_integer(low.astype(F32) * scale)
        index, inside = [], np.ones([1, 1, 1], bool)
        for axis, (n, fine) in enumerate(zip(self.dims, self.fine)):
            places = range(-self.margin[axis], n + self.margin[axis])
            index.append([source(self.network, n, fine, self.periodic[axis], t) for t in places])
            within = np.array([self.periodic[axis] or 0 <= t < n for t in places])
            inside = inside & within.reshape([-1 if a == axis else 1 for a in range(3)])
        field = integers[np.ix_(*index)]
        q = int(np.rint(self.network.input_scale))
        made = {
            "field": field,
            "inside_field": np.where(inside, field, 0),
            "inside": np.where(inside, q, 0),
            "condition": np.full(field.shape, self.condition),
        }
        return {name: made[name] for name in self.network.channels}

    def convolve(self, name, x):
        """Accumulators of a layer: same extents, zeros outside, periodic axes wrap.

        The surplus that an extended domain computes from those zeros is cut off at the end: it lies
        within the margin.
        """
        layer = self.network.layers[name]
        kernel = layer.weight.shape[2:]
        for axis, k in enumerate(kernel):
            pads = [(k // 2, k // 2) if a == axis + 1 else (0, 0) for a in range(4)]
            wrap = self.periodic[axis] and self.network.zero_padding
            x = np.pad(x, pads, mode="wrap" if wrap else "constant")
        extents = [n - k + 1 for n, k in zip(x.shape[1:], kernel)]
        acc = np.zeros([len(layer.bias)] + extents, np.int64) + layer.bias[:, None, None, None]
        for tap in product(*map(range, kernel)):
            window = x[(slice(None),) + tuple(slice(t, t + n) for t, n in zip(tap, extents))]
            acc += np.tensordot(layer.weight[(slice(None), slice(None)) + tap], window, 1)
        return acc

    def requantised(self, name, x):
        layer, acc = self.network.layers[name], self.convolve(name, x)
        column = (slice(None), None, None, None)
        scale = np.where(acc < 0, layer.negative[column], layer.positive[column])
        return to_integer(acc.astype(F32) * scale)

    def trunk(self, x):
        net = self.network
        first = x = self.requantised("input", x)
        if not net.rrdb:
            for block in range(net.blocks):
                x = clamp(x + self.requantised(block, x))
            return x
        for block in range(net.blocks):
            r = x
            for dense in range(net.dense_blocks):
                parts = [r]
                for conv in range(net.convolutions):
                    parts.append(self.requantised((block, dense, conv), np.concatenate(parts)))
                r = clamp(parts[0] + parts[-1])
            x = clamp(x + np.rint(r.astype(F32) * net.beta).astype(np.int64))
        return clamp(first + self.requantised("trunk_end", x))

    def output(self, name, x, factor):
        layer = self.network.layers[name]
        scale = layer.positive * factor
        return self.convolve(name, x).astype(F32) * scale[:, None, None, None]

    def predict(self, low):
        """Detail subbands [K, ...] on the low-pass grid, or the field [1, ...] on twice the grid."""
        net = self.network
        channels = self.channels(low)
        x = self.trunk(np.stack(list(channels.values())))
        if net.shuffle:
            x = shuffled(self.requantised("shuffle", x), net.rank)
            x = self.requantised("refine", x)
        p = self.output("head", x, self.gain)
        if net.shortcut_kernel:
            fields = np.stack([v for name, v in channels.items() if name in CHANNELS[:2]])
            p = p + self.output("shortcut", fields, self.unit)
        doubled = [2 if net.shuffle and 3 - net.rank <= axis else 1 for axis in range(3)]
        cut = [slice(m * d, m * d + n * d) for m, n, d in zip(self.margin, self.dims, doubled)]
        return p[(slice(None), *cut)]


def shuffled(x, rank):
    """Voxel shuffle: channel `o * features + c` at a voxel goes to channel `c` of its octant `o`."""
    axes = [1 if rank == 2 else 2, 2, 2]
    features = x.shape[0] // math.prod(axes)
    z, y, w = x.shape[1:]
    x = x.reshape(*axes, features, z, y, w).transpose(3, 4, 0, 5, 1, 6, 2)
    return x.reshape(features, z * axes[0], y * axes[1], w * axes[2])
