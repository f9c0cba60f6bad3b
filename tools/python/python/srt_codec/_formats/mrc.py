"""MRC, maps of electron microscopy, by mrcfile."""

from typing import Any

import numpy as np

from .model import Broken, Key, Source, Variable, module, plain, spatial, why_not


def read(path: str) -> Source:
    """The map, as ``data``; of a stack of volumes each is a step."""
    library = module("mrcfile", "mrc", "MRC")
    # Only files that are not compressed can be mapped.
    opened = library.open(path, "r", header_only=False) if path.lower().endswith((".gz", ".bz2")) else library.mmap(path, "r")
    try:
        if opened.data is None:
            raise Broken(f"{path}: no data of MRC")
        return _source(opened)
    except BaseException:
        opened.close()
        raise


def _source(opened: Any) -> Source:
    values, header, size = opened.data, opened.header, opened.voxel_size
    rank = values.ndim
    spacing = [float(size[axis]) for axis in "zyx"]
    spacing = spacing if all(spacing) else [1.0] * 3
    corner = opened.nstart
    origin = [float(header.origin[axis]) + float(corner[axis]) * d for axis, d in zip("zyx", spacing)]
    if rank == 4:
        spacing, origin = [1.0, *spacing], [0.0, *origin]

    def read_part(key: Key) -> Any:
        return np.asarray(values[key])

    labels = [label for label in opened.get_labels() if label]
    variable = Variable("data", values.shape, values.dtype, spatial(rank), read_part, why_not=why_not(values.dtype, values.shape))
    variable.placed = {"spacing": tuple(spacing[-rank:]), "origin": tuple(origin[-rank:])}
    variable.record = 0 if rank == 4 else None
    said = plain([("labels", labels), ("space_group", int(header.ispg))] if labels else [("space_group", int(header.ispg))])
    has_size = any(float(size[axis]) for axis in "zyx")
    return Source({"data": variable}, {}, said, "Å" if has_size else "", close=opened.close)
