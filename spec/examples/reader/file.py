"""A file: its dataset, weights and frames in the order of spec 2."""

from dataclasses import dataclass, replace

import numpy as np

from . import frame as frames
from . import networks, records
from .container import read_chunks
from .fields import MissingWeights, need

OF_FRAME = ["MASK", "TREE", "BRIK", "CORR"]


@dataclass
class File:
    dataset: records.Dataset
    networks: list  # records of the embedded networks
    reference: tuple | None  # (SHA-256, name)
    frames: list  # (frame record, chunks by type)
    references: list  # by record: the numbers of the records that it is predicted from, nearest first
    attributes: dict | None = None  # what else is known of the dataset (spec 4.12)

    def weights(self, packs):
        """The networks of the file: its own, or those of the pack with the right hash; None if it names none."""
        if self.networks:
            return networks.parse_set(self.networks)
        if self.reference is None:
            return None
        sha256, name = self.reference
        for pack in packs:
            if networks.identity(pack.networks) == sha256:
                return networks.parse_set(pack.networks)
        raise MissingWeights(f"{name}, SHA-256 {sha256.hex()}")

    def records(self):
        """Numbers of the records of every frame: one, or its slabs in order."""
        frames = {}
        for number, (record, _) in enumerate(self.frames):
            frames.setdefault((record.field, record.step), []).append(number)
        return list(frames.values())

    def whole(self, number, packs=(), level=0):
        """Frame `number` as an array, its slabs behind each other (spec 4.3)."""
        records = self.records()[number]
        slabs = [self.frames[record][0].planes for record in records]
        if slabs != [None]:
            ends = [0] + [first + count for first, count in slabs]
            if ends != [first for first, _ in slabs] + [self.dataset.extents[0]]:
                raise ValueError("planes of the frame are missing")  # a part of it: no fault of the file
            fits = [first % (1 << level) == 0 and (level == 0 or -(-count >> level - 1) >= 8) for first, count in slabs]
            if not all(fits):
                raise ValueError(f"the frame has no level {level}")
        return np.concatenate([self.decode(record, packs, level) for record in records])

    def decode(self, number, packs=(), level=0):
        """The frame of record `number` as an array; of a frame in slabs, the slab."""
        record, chunks = self.frames[number]
        dataset = self.dataset
        if record.planes:
            dataset = replace(dataset, extents=[record.planes[1], *dataset.extents[1:]])
        weights = self.weights(packs) if record.gains else None
        bands = [self.bands(n, packs) for n in self.references[number]]
        return frames.decode(dataset, record, chunks, weights, level, bands)

    def bands(self, number, packs):
        """Low-pass and details of a record that others are predicted from (spec 6.10)."""
        known = {}
        ahead = [number]
        while ahead:  # the frames that it takes, and these in the order of the file
            known[ahead[-1]] = None
            ahead += [n for n in self.references[ahead.pop()] if n not in known]
        for n in sorted(known):
            record, chunks = self.frames[n]
            weights = self.weights(packs) if record.gains else None
            past = [known[r] for r in self.references[n]]
            known[n] = frames.Multiresolution(self.dataset, record, chunks, weights, past).bands_of(0)
        return known[number]


def references(record, past, frames):
    """The numbers of the records that a record is predicted from (spec 4.3)."""
    if record.references is None:
        return []
    need(record.planes is None, "references of a slab")
    found = []
    for distance in record.references.distances:
        same = [n for n in past.get(record.field, []) if frames[n][0].step == record.step - distance]
        kind = [(f.filter, f.periodic, f.plan, f.levels) for f in [record] + [frames[n][0] for n in same]]
        need(len(same) == 1 and kind[0] == kind[1], "a reference that is not there, or of another kind")
        found += same
    return found


def remember(record, past, number):
    if record.form == 2 and record.planes is None:
        before = past.get(record.field, []) if record.references else []
        past[record.field] = before[-1:] + [number]


def read(data):
    everything = read_chunks(data)[:-1]
    chunks = [c for c in everything if c.type[0].isupper()]
    need(chunks and chunks[0].type == "DSET", "the dataset comes first")
    out = File(records.dataset(chunks[0].payload), [], None, [], [])
    known_past = {}  # by field: the records that the next one may be predicted from
    said = [c.payload for c in everything if c.type == "aTTr"]
    out.attributes = records.attributes(said[-1]) if said else None
    stage = -1  # place of the last chunk within its frame; -1 outside of frames
    over = False  # whether weights may not follow: a frame uses networks, or stands behind weights
    for chunk in chunks[1:]:
        if chunk.type == "NETW":
            need(not over and out.reference is None and chunk.part == len(out.networks), "weights out of order")
            out.networks.append(chunk.payload)
            stage = -1
        elif chunk.type == "NREF":
            need(not over and not out.networks and out.reference is None, "weights out of order")
            out.reference = records.weights_reference(chunk.payload)
            stage = -1
        elif chunk.type == "FRAM":
            record = records.frame(chunk.payload, out.dataset)
            known = [f.planes for f, _ in out.frames if (f.field, f.step) == (record.field, record.step)]
            behind = [record.planes and planes and record.planes[0] >= sum(planes) for planes in known]
            need(all(behind), "two frames of one field and step")
            out.references.append(references(record, known_past, out.frames))
            remember(record, known_past, len(out.frames))
            over = over or bool(record.gains or out.networks or out.reference)
            out.frames.append((record, {name: [] for name in OF_FRAME}))
            stage = 0
        else:
            need(chunk.type in OF_FRAME and stage >= 0, f"{chunk.type} out of order")
            place = OF_FRAME.index(chunk.type) + 1
            need(place > stage or (place == stage and chunk.type == "BRIK"), f"{chunk.type} out of order")
            stage = place
            out.frames[-1][1][chunk.type].append(chunk)
    for record, parts in out.frames:
        for name, is_there in record.announced.items():
            need(bool(parts[name]) == is_there, f"{name} is not as announced")
    return out
