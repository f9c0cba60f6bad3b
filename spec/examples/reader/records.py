"""The records DSET, NREF and FRAM (spec 4.1 to 4.3). What follows the known fields is ignored."""

import json
import math
import struct
from dataclasses import dataclass, field

import numpy as np

from .fields import Fields, Unsupported, need
from .values import TYPES, is_integer, working

UNKNOWN = bytes.fromhex("000000000000f87f")  # a time that is not known, before a field that is


@dataclass
class Dataset:
    extents: list  # [nz, ny, nx], [ny, nx] or [nx]
    fields: list  # (name, unit, number of the value type)
    spacing: list | None = None  # per axis, as the extents; None: not known
    origin: list | None = None
    length_unit: str = ""
    time_unit: str = ""

    @property
    def rank(self):
        return len(self.extents)

    @property
    def grid_rank(self):
        """A line is a plane of one row, but for the raster form."""
        return max(self.rank, 2)

    @property
    def dims(self):
        """Extents as z, y, x: rank 2 counts as nz = 1."""
        return [1] * (3 - self.rank) + self.extents


def attributes(payload):
    """What else is known of a dataset (spec 4.12); None where that cannot be read, which is no fault of the fields."""
    try:
        out = json.loads(payload.decode("utf-8")) if len(payload) <= 2**20 else None
    except (ValueError, RecursionError):
        return None
    return out if isinstance(out, dict) and depth(out) <= 16 else None


def depth(value):
    """Arrays and objects within each other."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def dataset(payload):
    f = Fields(payload)
    rank = f.u8()
    need(rank in (1, 2, 3), "rank")
    extents = [f.varint() for _ in range(rank)]
    need(all(1 <= n < 2**32 for n in extents) and math.prod(extents) <= 2**48, "extents")
    count = f.varint()
    need(count <= 4096, "number of fields")
    fields = []
    for _ in range(count):
        name, unit, size = f.string(), f.string(), f.u8()
        if size not in TYPES:
            raise Unsupported(f"value type {size:#04x}")
        need(name not in [other[0] for other in fields], "two fields of one name")
        fields.append((name, unit, size))
    out = Dataset(extents, fields)
    # The record may end before each of these.
    if f.left():
        placed = f.u8()
        need(placed < 2, "placement")
        if placed:
            out.spacing = [f.number("d") for _ in range(rank)]
            out.origin = [f.number("d") for _ in range(rank)]
            need(all(math.isfinite(s) and s > 0 for s in out.spacing), "spacing")
            need(all(map(math.isfinite, out.origin)), "origin")
    if f.left():
        out.length_unit = f.string()
    if f.left():
        out.time_unit = f.string()
    return out


def weights_reference(payload):
    f = Fields(payload)
    return f.take(32), f.string()


@dataclass
class References:
    distances: list  # steps back to each, ascending
    low: list | None  # weights of the low-pass and the offset; None: not predicted
    levels: list  # by level: sets of (weight of the network, weights of the references)


@dataclass
class Frame:
    field: int
    step: int
    minimum: float
    maximum: float
    bound: int  # 0 PSNR, 1 SSIM, 2 largest error, 3 fraction of the range, 4 ratio
    bound_value: float
    psnr_db: float
    ssim: float | None
    max_error: float
    form: int  # 0 constant, 1 lossless, 2 multiresolution, 3 pooled, 4 raster
    announced: dict  # whether the frame has a chunk: MASK, CORR
    # Multiresolution and pooled form; levels is the coarsest level in the pooled form:
    filter: int = 0
    periodic: list = field(default_factory=lambda: [False] * 3)  # z, y, x
    plan: int = 0  # along the slowest axis: 0 levels, 1 DCT, 2 wavelet, 3 slices
    levels: int = 0
    brick_edge: int = 0
    shrink: int = 0
    step_size: float = 0.0
    offset: float = 0.0
    scale: float = 0.0
    gains: list = field(default_factory=list)
    quality: bytes = b""  # form 2: estimated PSNR of level 1, 2, .. alone, in half decibels
    references: object = None  # form 2: a References, where the frame is predicted from earlier ones
    # All forms:
    time: float | None = None  # None: not known
    planes: tuple | None = None  # (first, number) along the slowest axis; None: all
    # Pooled form:
    finest: int = 0
    interpolation: int = 0
    payload: int = 0  # 0 quantised, 1 SZ3
    epsilon: float = 0.0
    # Raster form:
    integers: bool = False  # values are
    work: type = np.float32  # the working precision
    palette: int = 0  # values of the palette; 0 where there is none
    fine: bool = False  # values are computed in binary64
    unused: int | None = None  # low bits that are 0 in all values, where these are kept as they are
    folded: list = field(default_factory=list)  # coefficients in 1/1024, folded to numbers from 0

    @property
    def coefficients(self):
        return [v >> 1 ^ -(v & 1) for v in self.folded]

    def unit_of_field(self, u):
        """Normalised values to the field's unit (spec 6.5), in the precision of the array."""
        work = u.dtype.type
        y = u * work(self.scale) + work(self.offset)
        return np.minimum(np.maximum(y, work(self.minimum)), work(self.maximum))


def frame(payload, dataset):
    f = Fields(payload)
    number, step = f.varint(), f.varint()
    need(number < len(dataset.fields), "a field that does not exist")
    size = dataset.fields[number][2]
    minimum, maximum = f.real(size), f.real(size)
    need(minimum <= maximum, "minimum above maximum")
    bound, bound_value = f.u8(), f.number("d")
    if bound > 4:
        raise Unsupported(f"bound {bound}")
    need(math.isfinite(bound_value) and bound_value >= 0, "value of the bound")
    psnr_db = f.number("f")
    ssim = f.number("f") if bound == 1 else None
    max_error, form = f.number("d"), f.u8()
    announced, form = {"MASK": bool(form & 64), "CORR": bool(form & 128)}, form & 63
    predicted, form = form == 34, 2 if form == 34 else form
    if form > 4:
        raise Unsupported(f"form {form}")
    need(form != 1 or not announced["MASK"], "a mask in a lossless frame")
    need(not announced["CORR"] or (form == 2 and bound in (2, 3)), "corrections where none can be")
    out = Frame(number, step, minimum, maximum, bound, bound_value, psnr_db, ssim, max_error, form, announced)
    if form == 2:
        multiresolution(f, out, size)
    if predicted:
        out.references = references(f, out)
    if form == 3:
        pooled(f, out, size)
    if form == 4:
        out.integers, out.work = is_integer(TYPES[size]), working(size)
        raster(f, out, size)
    if f.left():
        pattern = f.take(8)
        if pattern != UNKNOWN or not f.left():
            out.time = struct.unpack("<d", pattern)[0]
            need(math.isfinite(out.time), "time")
    if f.left():
        count = f.varint()
        if count:
            out.planes = f.varint(), count
            need(sum(out.planes) <= dataset.extents[0], "planes outside of the domain")
    return out


def multiresolution(f, out, size):
    """The fields of form 2."""
    out.filter = f.u8()
    if out.filter > 1:
        raise Unsupported(f"filter pair {out.filter}")
    axes = f.u8()
    need(axes < 64, "periodic axes")
    out.plan, periodic = axes >> 3, axes & 7
    if out.plan > 3:
        raise Unsupported(f"plan {out.plan}")
    need(out.plan == 0 or not periodic & 1, "a plan along a periodic axis")
    out.periodic = [bool(periodic >> axis & 1) for axis in range(3)]
    out.levels = f.u8()
    edge = f.u8()
    need(out.levels <= 15 and 6 <= edge <= 31, "levels or brick edge")
    out.brick_edge = 1 << edge
    out.shrink = f.u8()
    out.step_size, out.offset, out.scale = f.real(size), f.real(size), f.real(size)
    need(out.step_size > 0 and out.scale > 0, "step and scale are above 0")
    gains(f, out)
    need(out.plan == 0 or not out.gains, "gains beside a plan")
    out.quality = f.take(out.levels)


def references(f, out):
    """The references at the end of form 2 (spec 4.3)."""
    count = f.u8()
    need(1 <= count <= 2, "number of references")
    distances = [f.varint() for _ in range(count)]
    need(all(a < b for a, b in zip([0, *distances], distances)), "distances of references")

    def weights(count):
        found = [f.number("f") for _ in range(count)]
        need(all(math.isfinite(w) for w in found), "weights")
        return found

    has_low = f.u8()
    need(has_low <= 1, "weights of the low-pass")
    low = weights(count + 1) if has_low else None
    levels = []
    for level in range(out.levels):
        sets = f.u8()
        need(sets <= 7, "sets of weights")
        networks = 1 if level < len(out.gains) and out.gains[level] != 0 else 0
        found = [weights(networks + count) for _ in range(sets)]
        levels.append([(w[0] if networks else 1.0, w[networks:]) for w in found])
    return References(distances, low, levels)


def pooled(f, out, size):
    """The fields of the pooled form."""
    out.levels, out.finest, out.interpolation, out.payload = f.u8(), f.u8(), f.u8(), f.u8()
    need(out.finest <= out.levels <= 15, "levels")
    if out.interpolation > 1 or out.payload > 1:
        raise Unsupported(f"interpolation {out.interpolation}, codec {out.payload}")
    out.epsilon, out.offset, out.scale = f.real(size), f.real(size), f.real(size)
    need(out.epsilon > 0 and out.scale > 0, "epsilon and scale are above 0")
    gains(f, out)


def raster(f, out, size):
    """The fields of the raster form."""
    edge = f.u8()
    need(6 <= edge & 63 <= 31, "brick edge")
    out.brick_edge = 1 << (edge & 63)
    need(edge >> 6 < 3, "a palette or values as they are, not both")
    if edge & 64:
        out.unused = f.u8()
        need(size in (2, 4, 8), "values as they are that are no integers")
        need(out.unused <= {2: 10, 4: 23, 8: 52}[size], "unused bits")
    elif edge & 128:
        out.palette = f.varint()
        need(1 <= out.palette <= 1 << 22, "values of the palette")
    else:
        out.step_size = f.real(size)
        need(out.step_size > 0, "step is above 0")
    count = f.u8()
    out.fine = count >= 128
    need(not out.fine or (size == 4 and edge < 64), "even steps of 4-byte values, in binary64")
    count &= 127
    need(count in (0, 6, 16), "number of coefficients")
    out.folded = [f.varint() for _ in range(count)]
    need(all(v < 1 << 16 for v in out.folded), "coefficients")


def gains(f, out):
    count = f.u8()
    need(count <= out.levels, "number of gains")
    out.gains = [f.number("f") for _ in range(count)]
    need(all(math.isfinite(g) and g >= 0 for g in out.gains), "gains")
