"""Files that are read: `open`, `File` and `Field`."""

import builtins
import functools
import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np

from . import _html, _indexing, _native
from ._arrays import DTYPES
from ._sources import FileRanges, StoreRanges

#: Bytes of decoded bricks that a file keeps from one box for the next.
CACHE = 64 << 20


def open(  # noqa: A001
    source: Any,
    mode: Literal["r"] = "r",
    *,
    cache: int = CACHE,
    threads: int | None = None,
    storage_options: dict[str, Any] | None = None,
) -> "File":
    """Open a file for reading.

    Records are read now, nothing is decoded. A path is mapped; of objects in stores only what is needed is read.

    Parameters
    ----------
    source : str, path, bytes-like or file object
        A path, a URL that fsspec knows, the bytes of a file, or an open file of bytes that can seek.
    mode : "r"
        Files are written by `create` and `encode`.
    cache : int
        Bytes of decoded bricks kept from one box for the next.
    threads : int
        Threads that decode. Default all cores, and one for a call beside others.
    storage_options : dict
        For fsspec.

    Returns
    -------
    File

    Raises
    ------
    OSError
        When it cannot be read.
    Corrupt, Truncated, Unsupported, LimitExceeded
        When it is no file that can be decoded.
    """
    if mode != "r":
        raise ValueError(f"mode 'r' expected, {mode!r} found: srt_codec.create writes files")
    return File(source, cache, threads, storage_options)


def _native_file(source: Any, cache: int, storage_options: dict[str, Any] | None) -> _native.NativeFile:
    if isinstance(source, os.PathLike):
        source = os.fspath(source)
    if isinstance(source, str) and "://" in source:
        store = StoreRanges(source, storage_options)
        return _native.NativeFile.of_ranges(store, store.size(), cache)
    if isinstance(source, str):
        return _native.NativeFile.of_path(source, cache)
    if hasattr(source, "read") and hasattr(source, "seek"):
        file = FileRanges(source)
        return _native.NativeFile.of_ranges(file, file.size(), cache)
    data = source if isinstance(source, bytes) else bytes(memoryview(source).cast("B"))
    return _native.NativeFile.of_bytes(data, cache)


class File(Mapping[str, "Field"]):
    """A file that is open: its fields by name.

    Made by `open`. Pickles by its path, URL or bytes; may be used by many threads and after a fork.

    Attributes
    ----------
    shape : tuple of int
        The domain, slowest axis first.
    spacing, origin : tuple of float or None
        Distance of voxels and place of the first one per axis, in `length_unit`; None where that is not known.
    length_unit, time_unit : str
    attrs : dict
        What else is said of the dataset.
    dims : tuple of str
        What the axes are called.
    coords : dict
        Coordinates of axes that are not uniform, as arrays by dimension.
    """

    def __init__(
        self,
        source: Any,
        cache: int = CACHE,
        threads: int | None = None,
        storage_options: dict[str, Any] | None = None,
    ) -> None:
        self._how = (source, cache, threads, storage_options)
        self._threads = threads
        self._file: _native.NativeFile | None = None
        self._process = 0
        described = self._native().dataset()
        self.shape: tuple[int, ...] = tuple(described["shape"])
        spacing, origin = described["spacing"], described["origin"]
        self.spacing: tuple[float, ...] | None = None if spacing is None else tuple(spacing)
        self.origin: tuple[float, ...] | None = None if origin is None else tuple(origin)
        self.length_unit: str = described["length_unit"]
        self.time_unit: str = described["time_unit"]
        frames = self._native().frames()
        self._fields: dict[str, Field] = {}
        for number, (name, unit, dtype) in enumerate(described["fields"]):
            own = [(f["step"], place, f) for place, f in enumerate(frames) if f["field"] == number]
            own.sort(key=lambda frame: frame[0])
            self._fields[name] = Field(self, name, unit, DTYPES[dtype], [(place, f) for _, place, f in own])

    def _native(self) -> _native.NativeFile:
        # Locks within may be held by threads that a forked process does not have.
        if self._file is None or self._process != os.getpid():
            source, cache, _, storage_options = self._how
            if self._process == -1:
                raise ValueError("an open file expected, a closed one found")
            self._file = _native_file(source, cache, storage_options)
            self._process = os.getpid()
        return self._file

    @functools.cached_property
    def _said(self) -> dict[str, Any]:
        text = self._native().attributes()
        return {} if text is None else json.loads(text)

    def _member(self, name: str) -> dict[str, Any]:
        member = self._said.get(name)
        return member if isinstance(member, dict) else {}

    @property
    def attrs(self) -> dict[str, Any]:
        return self._member("attributes")

    @property
    def dims(self) -> tuple[str, ...]:
        said, rank = self._said.get("dimensions"), len(self.shape)
        if isinstance(said, list) and len(said) == len(set(map(str, said))) == rank:
            return tuple(map(str, said))
        return ("z", "y", "x")[3 - rank :]

    @property
    def coords(self) -> dict[str, np.ndarray]:
        lengths = dict(zip(self.dims, self.shape))
        values = {dim: (c.get("values") if isinstance(c, dict) else None) for dim, c in self._member("coordinates").items()}
        known = {dim: list(v) for dim, v in values.items() if isinstance(v, list) and len(v) == lengths.get(dim)}
        return {dim: np.array(v, dtype="f8") for dim, v in known.items() if all(type(x) in (int, float) for x in v)}

    def _attributes_of(self, member: str, name: str) -> dict[str, Any]:
        own = self._member(member).get(name)
        attributes = own.get("attributes") if isinstance(own, dict) else None
        return attributes if isinstance(attributes, dict) else {}

    def as_zarr(self) -> Any:
        """The file as a read-only store of Zarr v3, decoded chunk by chunk.

        Each field is a group with the metadata of OME-Zarr 0.5, each of its levels an array ``(steps, *grid)``: ``u/0`` is
        field ``u`` at full resolution.

        Returns
        -------
        zarr.abc.store.Store

        Raises
        ------
        ImportError
            Where zarr is not installed.

        Examples
        --------
        >>> import numpy as np, srt_codec, zarr
        >>> data = srt_codec.encode(np.ones((16, 16, 16), "f4"), max_error=0, field="u")
        >>> zarr.open_group(srt_codec.open(data).as_zarr(), mode="r")["u/1"].shape
        (1, 8, 8, 8)
        """
        from ._zarr_store import FileStore

        return FileStore(self)

    @property
    def bytes_read(self) -> int:
        """Bytes of the file that were looked at so far."""
        return self._native().bytes_read()

    def close(self) -> None:
        """Let go of the file; its fields cannot be read any more."""
        self._file, self._process = None, -1

    def __enter__(self) -> "File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getitem__(self, name: str) -> "Field":
        return self._fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __reduce__(self) -> tuple[Any, ...]:
        source, *rest = self._how
        if hasattr(source, "read") and hasattr(source, "seek"):
            raise TypeError("a file opened by its path, URL or bytes expected: an open file object does not pickle")
        if isinstance(source, memoryview):
            source = bytes(source)
        return File, (source, *rest)

    def __repr__(self) -> str:
        shape = " x ".join(map(str, self.shape))
        return f"<srt_codec.File of {shape}: {', '.join(map(repr, self)) or 'no fields'}>"

    def _repr_html_(self) -> str:
        return _html.file(self)


class Field:
    """A field of a file over all its steps, like an array of shape ``(steps, *grid)``.

    ``field[t, 0:64, ::2, -1]`` gives what numpy would, and decodes the bricks that it needs. Above level 0 voxels that were
    masked hold the smooth values that they were filled with.

    Attributes
    ----------
    name, unit : str
    dtype : numpy.dtype
    level : int
        Downscaling level: 0 is full resolution.
    """

    def __init__(
        self,
        file: File,
        name: str,
        unit: str,
        dtype: np.dtype,
        frames: list[tuple[int, dict[str, Any]]],
        level: int = 0,
    ) -> None:
        self.file, self.name, self.unit, self.dtype, self.level = file, name, unit, dtype, level
        self._frames = frames

    @functools.cached_property
    def _model(self) -> int:
        """The frame that levels are asked of: one whose levels are not those that every grid has."""
        plain = ("constant", "lossless", "raster")
        own = [place for place, frame in self._frames if frame["form"] not in plain]
        return own[0] if own else self._frames[0][0]

    @functools.cached_property
    def _grid(self) -> tuple[int, ...]:
        if self.level == 0 or not self._frames:
            return self.file.shape
        return tuple(self.file._native().grid(self._model, self.level))

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of steps, then the extents of the level."""
        return (len(self._frames), *self._grid)

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def attrs(self) -> dict[str, Any]:
        """What else is said of the field."""
        return self.file._attributes_of("fields", self.name)

    @property
    def steps(self) -> tuple[int, ...]:
        """Numbers of the steps in the file."""
        return tuple(frame["step"] for _, frame in self._frames)

    @property
    def times(self) -> np.ndarray:
        """Time of each step in the file's `time_unit`; NaN where it is not known."""
        times = [frame["time"] for _, frame in self._frames]
        return np.array([np.nan if time is None else time for time in times], dtype="f8")

    @functools.cached_property
    def levels(self) -> int:
        """Number of the coarsest level."""
        return self.file._native().levels(self._model) if self._frames else 0

    @property
    def chunks(self) -> tuple[int, ...]:
        """Extents of what is cheap to read at once: a step, and the voxels that a brick holds details of."""
        frame = next((f for place, f in self._frames if place == self._model), None)
        edge = (frame or {}).get("brick") or 64
        if frame is not None and frame["form"] == "wavelet":
            edge *= 2
        return (1, *(min(edge, n) for n in self._grid))

    def at(self, level: int) -> "Field":
        """The field at a downscaling level.

        Raises
        ------
        IndexError
            For a level that there is none of.
        """
        if not 0 <= level <= self.levels:
            raise IndexError(f"level up to {self.levels} expected, {level} found")
        return Field(self.file, self.name, self.unit, self.dtype, self._frames, level)

    def placement(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Origin and spacing of the level's voxels per axis, in the file's `length_unit`; in voxels where that is not known."""
        if not self._frames:
            rank = len(self.file.shape)
            return self.file.origin or (0.0,) * rank, self.file.spacing or (1.0,) * rank
        origin, spacing = self.file._native().placement(self._model, self.level)
        return tuple(origin), tuple(spacing)

    def psnr(self, level: int | None = None, step: int = 0) -> float | None:
        """PSNR in dB of a level: measured at level 0, an estimate above; None where the file does not say it."""
        place, _ = self._frames[step]
        return self.file._native().psnr(place, self.level if level is None else level)

    def bound(self, step: int = 0) -> tuple[str, float]:
        """What was promised of a step: the name of the bound as `encode` has it, and its value."""
        return self._frames[step][1]["bound"]

    def measured(self, step: int = 0) -> dict[str, float | None]:
        """What was reached at a step: ``psnr`` in dB, ``max_error`` in the field's unit, ``ssim`` where that was the bound."""
        frame = self._frames[step][1]
        return {"psnr": self.psnr(0, step), "max_error": frame["max_error"], "ssim": frame["ssim"]}

    def range(self, step: int = 0) -> tuple[float, float]:
        """Smallest and largest ordinary value of a step before it was encoded."""
        return self._frames[step][1]["range"]

    def read(self, step: int = 0, region: _indexing.Box | None = None, out: np.ndarray | None = None) -> np.ndarray:
        """Decode a step, or a box of it given by its start and size per axis, into `out` if that is given."""
        place, _ = self._frames[step]
        native, threads = self.file._native(), self.file._threads
        if out is None:
            return native.read(place, self.level, region, threads)
        wanted = self._grid if region is None else tuple(region[1])
        if out.shape != wanted or out.dtype != self.dtype or not out.flags.carray:
            raise ValueError(f"a writable C-contiguous array of {self.dtype} and shape {wanted} expected as out")
        native.read_into(place, self.level, region, out, threads)
        return out

    def _read(self, steps: list[int], box: _indexing.Box) -> np.ndarray:
        region = None if tuple(box[1]) == self._grid else box
        if len(steps) == 1:
            return self.read(steps[0], region)[np.newaxis]
        out = np.empty((len(steps), *box[1]), self.dtype)
        for step, part in zip(steps, out):
            self.read(step, region, out=part)
        return out

    def __getitem__(self, key: Any) -> Any:
        return _indexing.read_as_numpy(key, self.shape, self.dtype, self._read)

    def read_outer(self, key: Any) -> Any:
        """As ``field[key]``, but arrays of integers pick along their own axes, as in h5py and xarray's outer indexing."""
        return _indexing.read_outer(key, self.shape, self.dtype, self._read)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a copy is made: a field lies in a file")
        array = self[...]
        return array if dtype is None else array.astype(dtype, copy=False)

    def __len__(self) -> int:
        return len(self._frames)

    def __repr__(self) -> str:
        unit = f" in {self.unit}" if self.unit else ""
        level = f", level {self.level}" if self.level else ""
        return f"<srt_codec.Field {self.name!r} {self.shape} {self.dtype}{unit}{level}>"

    def _repr_html_(self) -> str:
        return _html.field(self)


def is_srt(path: Any) -> bool:
    """Whether a path leads to a file that begins as one of ours: by its magic, for subtitles share the extension."""
    try:
        with builtins.open(os.fspath(path), "rb") as file:
            return file.read(8) == b"\x89SRT\r\n\x1a\n"
    except (OSError, TypeError, ValueError):
        return False
