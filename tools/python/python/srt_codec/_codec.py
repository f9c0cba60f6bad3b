"""One array to bytes and back."""

import json
import os
from typing import Any

import numpy as np

from . import _native, _options
from ._arrays import prepare
from ._file import open as open_file
from ._indexing import box_of


def encode(
    a: Any,
    /,
    *,
    psnr: float | None = None,
    ssim: float | None = None,
    max_error: float | None = None,
    rel_error: float | None = None,
    ratio: float | None = None,
    field: str = "",
    unit: str = "",
    periodic: str = "auto",
    mask_value: float | None = None,
    range: tuple[float, float] | None = None,  # noqa: A002
    model: str = "default",
    form: str = "auto",
    plan: str = "auto",
    effort: int = 5,
    threads: int | None = None,
    device: str = "auto",
    memory: int | None = None,
    progress: _options.Progress | bool | None = None,
) -> bytes:
    """Encode an array under exactly one error bound.

    Parameters
    ----------
    a : array_like
        Of shape (nz, ny, nx), (ny, nx) or (nx,); float16, float32, float64, or integers of up to 32 bits. Integers of 64
        bits are stored as float64, up to 2**53. Any order and byte order. Masked values come back as `mask_value`, or NaN.
    psnr : float
        Peak signal-to-noise ratio of at least this, in dB, over the range of the values.
    ssim : float
        Structural similarity of at least this.
    max_error : float
        Absolute error of every value at most this, in the field's unit; 0 for every bit.
    rel_error : float
        The same as a fraction of the range.
    ratio : float
        Compression ratio near this.
    field, unit : str
        What the field is called, and its unit.
    periodic : str
        Axes along which the field repeats, as letters of ``"zyx"``; ``""`` for none, ``"auto"`` for those that are found.
    mask_value : float
        Marks values that are no data: they come back exactly and count for nothing.
    range : (float, float)
        Smallest and largest value of the field that `a` is a part of; default those of `a`.
    model : str
        ``"default"``, ``"none"`` or the name of a built-in model.
    form : {"auto", "wavelet", "raster"}
        How the values are coded; ``"auto"`` takes what a sample says is smaller.
    plan : {"auto", "levels", "dct", "wavelet", "slices"}
        What is done along the first axis of three: ``"levels"`` halves it like the others, the others take the field as a
        stack, whose coarse levels keep all planes; ``"auto"`` takes what a sample says is smaller.
    effort : int
        From 1, the fastest, to 9, where everything is tried.
    threads : int
        Default all cores, and one thread for a call beside others.
    device : {"auto", "cpu"}
        What runs networks.
    memory : int
        Bytes to aim at.
    progress : callable or bool
        Called after each pass with the number of passes and the quality; True for a bar of tqdm's.

    Returns
    -------
    bytes
        A file.

    Raises
    ------
    TypeError
        For no or several bounds, and types that are not stored.
    ValueError
        For options and shapes that make no sense.
    BoundNotMet
        For a bound that cannot be reached.

    Examples
    --------
    >>> import numpy as np, srt_codec
    >>> a = np.random.default_rng(0).random((20, 30))
    >>> b = srt_codec.decode(srt_codec.encode(a, max_error=0.01))
    >>> bool(np.abs(a - b).max() <= 0.01)
    True
    """
    bound = _options.the_bound({"psnr": psnr, "ssim": ssim, "max_error": max_error, "rel_error": rel_error, "ratio": ratio})
    options = _options.native(
        bound,
        field=field,
        unit=unit,
        periodic=periodic,
        mask_value=mask_value,
        range=range,
        model=model,
        form=form,
        plan=plan,
        effort=effort,
        memory=memory,
        threads=threads,
        device=device,
        progress=progress,
    )
    return _native.encode(prepare(a, mask_value=mask_value), options)


def decode(
    data: Any,
    /,
    *,
    field: int | str = 0,
    step: int = 0,
    level: int = 0,
    region: tuple[slice | tuple[int, int], ...] | None = None,
    out: np.ndarray | None = None,
    threads: int | None = None,
) -> np.ndarray:
    """Decode an array from the bytes of a file.

    Parameters
    ----------
    data : bytes-like
        A file.
    field : int or str
        Number or name of the field.
    step : int
        Place of the time step among those of the field.
    level : int
        0 for full resolution; each further level halves axes of 8 voxels and more.
    region : tuple of slices or pairs
        Box of the level's grid, one slice without a step or pair of start and end per axis: only what it needs is decoded.
    out : ndarray
        Filled and returned; of the field's type and the shape of what is asked for, in the order of C.
    threads : int
        As `encode`.

    Returns
    -------
    ndarray
        Of the type that was stored.

    Raises
    ------
    Corrupt, Truncated, Unsupported, LimitExceeded, MissingWeights
        For files that cannot be read.
    KeyError, IndexError
        For a field, step or level that there is none of.
    """
    file = open_file(memoryview(data) if not isinstance(data, bytes) else data, threads=threads)
    if isinstance(field, int):
        fields = list(file.values())
        if not -len(fields) <= field < len(fields):
            raise IndexError(f"field {field} of {len(fields)}")
        found = fields[field]
    else:
        found = file[field]
    found = found.at(level)
    box = None if region is None else box_of(region, found.shape[1:])
    return found.read(step, box, out=out)


def stat(a: Any, /, *, mask_value: float | None = None, threads: int | None = None) -> dict[str, float]:
    """Measure the ordinary values of an array: finite ones other than `mask_value`.

    Returns
    -------
    dict
        ``count``, ``min``, ``max``, ``mean`` and ``spread`` (standard deviation), in the field's unit. ``min`` and ``max``
        are what `encode_part` takes as `range`.
    """
    return _native.stat(prepare(a, mask_value=mask_value), mask_value, threads)


def inspect(path: str | os.PathLike[str], /) -> dict[str, Any]:
    """What ``srt-inspect info --json`` says of a file: header, dataset, networks, frames, bytes and faults.

    Raises
    ------
    OSError
        When the file cannot be read. Damage to it is in what is returned.
    """
    return json.loads(_native.inspect(os.fspath(path)))
