"""A field from the chunks of its frame (spec 4.3, 4.7 and 6)."""

import zlib

import numpy as np

from . import axis, corrections, ctx, layout, lossless, mask, networks, octree, pooled, raster, transform
from .fields import Fields, MissingWeights, need
from .values import TYPES, is_integer, rounded, working

PART = 1 << 22  # values of a lossless part


def decode(dataset, frame, chunks, weights, level=0, past=()):
    """The field of a frame at a downscaling level, as an array of the dataset's rank.

    `chunks`: those of the frame, by type; `weights`: its networks, or None where there are none; `past`: the bands of its
    references.
    """
    value = TYPES[dataset.fields[frame.field][2]]
    if frame.form in (0, 1, 4):
        field = thinned(untransformed(dataset, frame, chunks, value), level)
        return field.reshape(field.shape[3 - dataset.rank :])
    if level > frame.levels:
        raise ValueError(f"the frame has no level {level}")
    if frame.form == 3:
        field = pooled.Pooled(dataset, frame, chunks, weights).field(level)
        field = rounded(field, value)
    else:
        field = Multiresolution(dataset, frame, chunks, weights, past).field(level)
    if level == 0:
        field = corrected(field, frame, dataset, chunks["CORR"])
        field = masked(field, dataset, chunks["MASK"])
    return field.reshape(field.shape[3 - dataset.rank :])


def untransformed(dataset, frame, chunks, value):
    """A frame of form 0, 1 or 4."""
    if frame.form == 4 and frame.palette:
        need(chunks["TREE"], "a palette")
        field = raster.paletted(dataset, frame, chunks["TREE"][0].payload, brick_payloads(chunks["BRIK"]), value)
        return masked(field, dataset, chunks["MASK"])
    need(not chunks["TREE"], "an octree in a frame without levels")
    if frame.form == 1:
        return raw(dataset.dims, value, chunks["BRIK"])
    if frame.form == 4:
        field = raster.decode(dataset, frame, brick_payloads(chunks["BRIK"]), value)
        return masked(field, dataset, chunks["MASK"])
    need(not chunks["BRIK"], "a constant frame with coefficients")
    return masked(np.full(dataset.dims, rounded(frame.minimum, value)), dataset, chunks["MASK"])


def thinned(field, level):
    """Spec 6.8."""
    dims, strides = list(field.shape), [1, 1, 1]
    for number in range(level):
        split = [n >= 8 for n in dims]
        if not any(split) or number == 15:
            raise ValueError(f"the frame has no level {level}")
        for axis in range(3):
            if split[axis]:
                dims[axis], strides[axis] = -(-dims[axis] // 2), strides[axis] * 2
    z, y, x = strides
    return field[::z, ::y, ::x]


def raw(dims, value, bricks):
    count = dims[0] * dims[1] * dims[2]
    need([b.part for b in bricks] == list(range(-(-count // PART))), "lossless parts")
    size = np.dtype(value).itemsize
    parts = [lossless.decode(b.payload, min(PART, count - i * PART), size) for i, b in enumerate(bricks)]
    return np.frombuffer(b"".join(parts), np.dtype(value).newbyteorder("<")).astype(value).reshape(dims)


def corrected(field, frame, dataset, chunks):
    """Spec 6.6."""
    if not chunks:
        return field
    need(frame.bound in (2, 3), "corrections without a bound on the error")
    size = field.itemsize
    work = working(dataset.fields[frame.field][2])
    bound = frame.bound_value
    if frame.bound == 3:
        bound = frame.bound_value * (frame.maximum - frame.minimum)
    if is_integer(field.dtype):
        bound = np.floor(bound)
    unit = work(bound)
    found = corrections.Corrections(chunks[0].payload, dataset.dims, dataset.grid_rank, size)
    for voxel, steps in found.steps.items():
        field[voxel] = rounded(work(field[voxel]) + work(steps) * unit, field.dtype)
    for voxel, pattern in found.exact.items():
        field[voxel] = np.frombuffer(pattern.to_bytes(size, "little"), field.dtype.newbyteorder("<"))[0]
    return field


def brick_run(chunk):
    """The bricks of a chunk by their numbers (spec 4.7)."""
    f = Fields(chunk.payload)
    number, heads = chunk.part, []
    others = f.varint()
    for _ in range(others >> 1):
        heads.append((number, f.varint()))
        number += f.varint() + 1
    checksums = []
    if others & 1:
        checksums = [f.number("I") for _ in range(len(heads) + 1)]
        need(f.number("I") == zlib.crc32(f.data[: f.at - 4]), "wrong checksum of the head of a run")
    bricks = {number: f.take(length) for number, length in heads}
    bricks[number] = f.data[f.at :]
    for checksum, brick in zip(checksums, bricks.values()):
        need(checksum == zlib.crc32(brick), "wrong checksum of a brick")
    return bricks


def brick_payloads(chunks):
    """The bricks of all chunks by their numbers."""
    payloads = {}
    for chunk in chunks:
        need(not payloads or chunk.part > max(payloads), "bricks out of order")
        payloads |= brick_run(chunk)
    return payloads


def masked(field, dataset, chunks):
    if not chunks:
        return field
    palette, classes = mask.decode(chunks[0].payload, dataset.dims, field.itemsize)
    words = field.view(f"u{field.itemsize}")
    for number, pattern in enumerate(palette, 1):
        words[classes == number] = int.from_bytes(pattern, "little")
    return field


class Multiresolution:
    """A frame of form 2."""

    def __init__(self, dataset, frame, chunks, weights, past=()):
        self.past = past
        size = dataset.fields[frame.field][2]
        self.value = TYPES[size]
        self.work = working(size)
        self.dataset, self.frame = dataset, frame
        need(axis.check(frame.plan, dataset.grid_rank, dataset.dims), "plan along the slowest axis")
        self.levels = layout.levels(dataset.dims, frame.levels, frame.plan)
        self.weights = weights
        need(len(chunks["TREE"]) == 1, "the octree is missing")
        if frame.gains and weights is None:
            raise MissingWeights("the frame uses networks, the file names none")
        self.tree = octree.decode(chunks["TREE"][0].payload, self.levels)
        self.bricks(chunks["BRIK"])

    def bricks(self, chunks):
        """Decodes all coefficients: `low` and, per level, the bands by their high-pass axes."""
        rank = self.dataset.grid_rank
        payloads = brick_payloads(chunks)
        dims = self.levels[-1].low if self.levels else self.dataset.dims
        self.details = [{high: np.zeros(n, np.int64) for high, n in level.bands} for level in self.levels]
        shared = layout.shared_levels(self.levels)

        need(0 in payloads, "the shared brick is missing")
        brick = ctx.BrickDecoder(payloads.pop(0), rank == 2)
        self.low = brick.grid([(0, dims)], np.ones([-(-n // 8) for n in dims], bool))[0]
        for number in shared:
            box = [range(n) for n in self.levels[number].low]
            self.grid(brick, number, box)
        brick.end()
        part = 1
        for number in reversed(range(len(self.levels))):
            if number in shared:
                continue
            for box in layout.boxes(number, self.levels, self.frame.brick_edge, rank, self.frame.plan):
                if self.stored(number, box).any():
                    need(part in payloads, f"brick {part} is missing")
                    brick = ctx.BrickDecoder(payloads.pop(part), rank == 2)
                    self.grid(brick, number, box)
                    brick.end()
                part += 1
        need(not payloads, "surplus bricks")

    def stored(self, number, box):
        """The nodes of a box of the low-pass grid; boxes begin at multiples of 8."""
        return self.tree[number][tuple(slice(r.start // 8, -(-r.stop // 8)) for r in box)]

    def grid(self, brick, number, box):
        bands = layout.box_bands(self.levels[number], box)
        dims = [(layout.code(high), [len(r) for r in ranges]) for high, ranges in bands]
        for (high, ranges), values in zip(bands, brick.grid(dims, self.stored(number, box))):
            self.details[number][high][tuple(slice(r.start, r.stop) for r in ranges)] = values

    def add(self, prediction, q):
        """Spec 6.3."""
        f = self.frame
        v = (np.abs(q).astype(self.work) - self.work(f.shrink / 256)) * self.work(f.step_size)
        return np.where(q == 0, prediction, prediction + np.where(q < 0, -v, v))

    def predict(self, number, low):
        """Details of a level, by their high-pass axes, as its network sees them; zeros without one."""
        level, f = self.levels[number], self.frame
        gain = f.gains[number] if number < len(f.gains) else 0
        if gain == 0:
            return {high: np.zeros(n, self.work) for high, n in level.bands}
        network = self.network(number)
        wraps = [level.wraps(axis, f.periodic) for axis in range(3)]
        run = networks.Evaluation(network, number, level.low, level.dims, gain, f.step_size, wraps)
        out = run.predict(low).astype(self.work)
        if network.shuffle:
            grid = out[0][tuple(slice(n) for n in level.dims)]
            return transform.forward_details(f.filter, level, f.periodic, grid)
        return {high: band[tuple(slice(n) for n in dims)] for (high, dims), band in zip(level.bands, out)}

    def low_pass(self):
        """The low-pass of the coarsest level."""
        work, references = self.work, self.frame.references
        prediction = np.zeros(self.low.shape, work)
        if references and references.low:
            for number, (bands, weight) in enumerate(zip(self.past, references.low)):
                term = bands[0] * work(weight)
                prediction = prediction + term if number else term
            prediction = prediction + work(references.low[-1])
        return self.add(prediction, self.low)

    def decoded(self, number, low):
        """The details of a level."""
        details = self.predict(number, low)
        references, work = self.frame.references, self.work
        sets = references.levels[number] if references else []
        need(len(sets) in (0, 1, len(details)), "sets of weights")
        has_network = number < len(self.frame.gains) and self.frame.gains[number] != 0
        for place, (high, q) in enumerate(self.details[number].items()):
            if sets:
                own, weights = sets[place if len(sets) > 1 else 0]
                terms = [details[high] * work(own)] if has_network else []
                terms += [bands[1][number][high] * work(w) for bands, w in zip(self.past, weights)]
                details[high] = terms[0]
                for term in terms[1:]:
                    details[high] = details[high] + term
            details[high] = self.add(details[high], q)
        return details

    def bands_of(self, target):
        """The low-pass and the details of each level, for frames that are predicted from this one (spec 6.10)."""
        f, low, details = self.frame, self.low_pass(), {}
        first = low
        for number in reversed(range(target, len(self.levels))):
            details[number] = self.decoded(number, low)
            low = transform.inverse(f.filter, self.levels[number], f.periodic, low, details[number])
        return first, details

    def network(self, number):
        axes = range(3 - self.dataset.grid_rank, 3)
        regular = all(level.split[axis] for level in self.levels[: number + 1] for axis in axes)
        need(regular, f"a gain for level {number}, which does not split all axes")
        return networks.of_level(self.weights, self.dataset.grid_rank, self.frame.filter == 1, number)

    def field(self, target):
        """Spec 6.4 and 6.5."""
        f, work = self.frame, self.work
        low = self.low_pass()
        for number in reversed(range(target, len(self.levels))):
            low = transform.inverse(f.filter, self.levels[number], f.periodic, low, self.decoded(number, low))
        low = axis.inverse(f.plan, f.filter, low)
        splits = sum(sum(level.split) for level in self.levels[:target])
        h = 0.7071067811865476 if splits % 2 else 1.0
        return rounded(f.unit_of_field(low * work(h * 2.0 ** -(splits // 2))), self.value)
