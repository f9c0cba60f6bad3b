"""Arrays of Dask's, larger than memory, to files: `to_srt`."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from typing import Any

import dask
import dask.array as da
import numpy as np

from . import _options
from ._codec import stat
from ._file import is_srt
from ._writer import encode_part, merge

#: Planes of a slab are a multiple of this: six coarse levels go together across slabs.
PLANES = 64
#: Bounds that mean the whole array, whose range must be known before a slab is encoded.
NEEDS_RANGE = ("psnr", "ssim", "rel_error", "ratio")


def to_srt(
    array: da.Array,
    path: str | os.PathLike[str],
    *,
    planes: int | None = None,
    parts: str | os.PathLike[str] | None = None,
    keep_parts: bool = False,
    compute: bool = True,
    **options: Any,
) -> Any:
    """Encode an array slab by slab on the workers, and join the slabs.

    Who is stopped and starts again with the same array and options goes on: parts that are there are not made again. Each worker
    holds a slab and what encoding it takes, about five times as much.

    Parameters
    ----------
    array : dask.array.Array
        Of shape (nz, ny, nx) or (ny, nx).
    path : path
        On a file system that all workers share.
    planes : int
        Of a slab, a multiple of 64. Default: as many as the chunks of the first axis have, rounded up.
    parts : path
        Folder for the parts; default beside `path`.
    keep_parts : bool
        Leave the parts when they are joined.
    compute : bool
        False gives a delayed object.
    **options
        Exactly one bound, and what `encode_part` takes. Without `range`, bounds other than `max_error` read the array twice.

    Returns
    -------
    int
        Bytes of the file.
    """
    if array.ndim not in (2, 3):
        raise ValueError(f"an array of two or three axes expected, {array.ndim} found")
    bound = _options.the_bound(dict(options))
    height = planes or PLANES * math.ceil(array.chunks[0][0] / PLANES)
    if height % PLANES:
        raise ValueError(f"planes in multiples of {PLANES} expected, {height} found")
    total = array.shape[0]
    # A last slab of few planes would have fewer levels than the others.
    starts = list(range(0, total, height))
    if len(starts) > 1 and total - starts[-1] < PLANES // 2:
        starts.pop()
    ends = [*starts[1:], total]
    array = array.rechunk((tuple(end - start for start, end in zip(starts, ends)), *((n,) for n in array.shape[1:])))
    slabs = [block for block in array.to_delayed().ravel()]
    folder = os.fspath(parts) if parts is not None else f"{os.fspath(path)}.parts"
    identity = dask.base.tokenize(array) + json.dumps(options, sort_keys=True, default=str)
    mark = hashlib.sha256(identity.encode()).hexdigest()[:16]
    span = None
    if bound[0] in NEEDS_RANGE and options.get("range") is None:
        mask_value = options.get("mask_value")
        measured = [dask.delayed(stat)(slab, mask_value=mask_value, threads=1) for slab in slabs]
        span = dask.delayed(joined_range)(measured)
    made = [
        dask.delayed(part)(slab, f"{folder}/{mark}-{start:012}.srt", span, start, total, options)
        for slab, start in zip(slabs, starts)
    ]
    whole = dask.delayed(join)(made, os.fspath(path), folder, keep_parts)
    if not compute:
        return whole
    os.makedirs(folder, exist_ok=True)
    return whole.compute()


def joined_range(measured: Sequence[dict[str, float]]) -> tuple[float, float]:
    """Smallest and largest ordinary value of all slabs."""
    own = [m for m in measured if m["count"]]
    if not own:
        return 0.0, 0.0
    return min(m["min"] for m in own), max(m["max"] for m in own)


def part(slab: Any, path: str, span: tuple[float, float] | None, start: int, total: int, options: dict[str, Any]) -> str:
    """Encode a slab, unless its file is there: it appears when it is whole."""
    if not is_srt(path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        given = dict(options)
        if span is not None:
            given["range"] = span
        encode_part(np.asarray(slab), path, start=start, total=total, **given)
    return path


def join(parts: Sequence[str], path: str, folder: str, keep_parts: bool) -> int:
    """Join the parts, and remove them."""
    nbytes = merge(parts, path)
    if not keep_parts:
        for name in parts:
            os.remove(name)
        try:
            os.rmdir(folder)
        except OSError:
            pass  # parts of another run are in it
    return nbytes
