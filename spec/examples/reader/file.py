"""A file: its dataset, weights and frames in the order of spec 2."""

from dataclasses import dataclass, replace

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

    def decode(self, number, packs=(), level=0):
        """The frame of record `number` as an array; of a frame in slabs, the slab."""
        record, chunks = self.frames[number]
        dataset = self.dataset
        if record.planes:
            dataset = replace(dataset, extents=[record.planes[1], *dataset.extents[1:]])
        weights = self.weights(packs) if record.gains else None
        return frames.decode(dataset, record, chunks, weights, level)


def read(data):
    chunks = [c for c in read_chunks(data)[:-1] if c.type[0].isupper()]
    need(chunks and chunks[0].type == "DSET", "the dataset comes first")
    out = File(records.dataset(chunks[0].payload), [], None, [])
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
            over = over or bool(record.gains or out.networks or out.reference)
            out.frames.append((record, {name: [] for name in OF_FRAME}))
            stage = 0
        else:
            need(chunk.type in OF_FRAME and stage >= 0, f"{chunk.type} out of order")
            place = OF_FRAME.index(chunk.type) + 1
            need(place > stage or (place == stage and chunk.type == "BRIK"), f"{chunk.type} out of order")
            stage = place
            out.frames[-1][1][chunk.type].append(chunk)
    return out
