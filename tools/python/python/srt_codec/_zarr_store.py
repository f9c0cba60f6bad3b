"""A file as a read-only store of Zarr v3, decoded chunk by chunk: `File.as_zarr`."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import default_buffer_prototype

if TYPE_CHECKING:
    from zarr.core.buffer import Buffer, BufferPrototype

    from ._file import Field, File

#: Names of units in OME-Zarr, by what people write.
UNITS = {
    "m": "meter",
    "cm": "centimeter",
    "mm": "millimeter",
    "um": "micrometer",
    "µm": "micrometer",
    "nm": "nanometer",
    "km": "kilometer",
    "s": "second",
    "ms": "millisecond",
    "us": "microsecond",
    "µs": "microsecond",
    "ns": "nanosecond",
    "min": "minute",
    "h": "hour",
    "d": "day",
}


def node_name(name: str) -> str:
    """What a field is called in the store: letters that names of nodes must not have are written as in URLs."""
    quoted = re.sub(r"[%/]", lambda found: f"%{ord(found[0]):02X}", name) or "field"
    return quoted.replace(".", "%2E") if set(quoted) == {"."} else re.sub(r"^__", "%5F_", quoted)


class FileStore(Store):
    """The fields of a file as groups, and each level of a field as an array of shape ``(steps, *grid)``.

    Made by `File.as_zarr`. Metadata of groups are those of OME-Zarr 0.5 (``multiscales``), beside ``unit`` and ``times``.
    A chunk is what the file decodes by itself; it is decoded when it is asked for.
    """

    supports_writes = False
    supports_deletes = False
    supports_listing = True

    def __init__(self, file: File) -> None:
        super().__init__(read_only=True)
        self._file = file
        self._levels: dict[str, Field] = {}
        self._documents: dict[str, bytes] = {"zarr.json": group({"srt": dict(file.attrs)})}
        for name, field in file.items():
            if not len(field):
                continue
            node = node_name(name)
            levels = [field.at(level) for level in range(field.levels + 1)]
            self._documents[f"{node}/zarr.json"] = group(group_attributes(name or "field", levels))
            for level, own in enumerate(levels):
                self._levels[f"{node}/{level}"] = own
                self._documents[f"{node}/{level}/zarr.json"] = array(own)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileStore) and self._file == other._file

    def __hash__(self) -> int:
        return hash(self._file)

    def __reduce__(self) -> tuple[Any, ...]:
        return FileStore, (self._file,)

    def __repr__(self) -> str:
        return f"<zarr store of {self._file!r}>"

    def _chunk_of(self, key: str) -> tuple[Field, tuple[int, ...]] | None:
        """The array that a key leads to, and the place of the chunk."""
        node, found, place = key.partition("/c/")
        field = self._levels.get(node)
        numbers = place.split("/")
        if not found or field is None or len(numbers) != field.ndim or not all(re.fullmatch(r"0|[1-9]\d{0,15}", n) for n in numbers):
            return None
        chunk = tuple(map(int, numbers))
        return (field, chunk) if all(c < n for c, n in zip(chunk, chunk_counts(field))) else None

    def _read(self, key: str) -> bytes | None:
        if key in self._documents:
            return self._documents[key]
        found = self._chunk_of(key)
        return None if found is None else chunk_bytes(*found)

    async def get(self, key: str, prototype: BufferPrototype | None = None, byte_range: ByteRequest | None = None) -> Buffer | None:
        data = await asyncio.to_thread(self._read, key)
        if data is None:
            return None
        return (prototype or default_buffer_prototype()).buffer.from_bytes(part(data, byte_range))

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        return key in self._documents or self._chunk_of(key) is not None

    async def set(self, key: str, value: Buffer) -> None:
        raise PermissionError("a file is written once: this store is read-only")

    async def delete(self, key: str) -> None:
        raise PermissionError("a file is written once: this store is read-only")

    def _keys(self) -> Iterator[str]:
        yield from self._documents
        for node, field in self._levels.items():
            for place in itertools.product(*map(range, chunk_counts(field))):
                yield f"{node}/c/{'/'.join(map(str, place))}"

    async def list(self) -> AsyncIterator[str]:
        for key in self._keys():
            yield key

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        for key in self._keys():
            if key.startswith(prefix):
                yield key

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        below = (key[len(folder) :].split("/")[0] for key in self._keys() if key.startswith(folder))
        for name in dict.fromkeys(below):
            yield name


def chunk_counts(field: Field) -> tuple[int, ...]:
    return tuple(math.ceil(n / c) for n, c in zip(field.shape, field.chunks))


def chunk_bytes(field: Field, place: tuple[int, ...]) -> bytes:
    """A chunk, little-endian; what lies outside of the array is NaN, and 0 in integers."""
    first = [n * c for n, c in zip(place, field.chunks)]
    size = [min(c, n - at) for at, c, n in zip(first, field.chunks, field.shape)]
    values = field.read(first[0], (first[1:], size[1:]))
    outside = [(0, c - n) for c, n in zip(field.chunks[1:], values.shape)]
    if any(after for _, after in outside):
        values = np.pad(values, outside, constant_values=0 if field.dtype.kind in "iu" else np.nan)
    return values.astype(field.dtype.newbyteorder("<"), copy=False).tobytes()


def part(data: bytes, wanted: ByteRequest | None) -> bytes:
    match wanted:
        case RangeByteRequest(start, end):
            return data[start:end]
        case OffsetByteRequest(offset):
            return data[offset:]
        case SuffixByteRequest(suffix):
            return data[max(0, len(data) - suffix) :]
        case _:
            return data


def group(attributes: dict[str, Any]) -> bytes:
    document = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
    return json.dumps(document, allow_nan=False).encode()


def array(field: Field) -> bytes:
    document = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": field.shape,
        "data_type": field.dtype.name,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": field.chunks}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0 if field.dtype.kind in "iu" else "NaN",
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "dimension_names": [axis["name"] for axis in axes(field)],
        "attributes": {},
    }
    return json.dumps(document, allow_nan=False).encode()


def axes(field: Field) -> list[dict[str, str]]:
    """Axes as OME-Zarr has them: time and those of space."""
    file = field.file
    time = {"name": "time" if "t" in file.dims else "t", "type": "time"}
    space = [{"name": dim, "type": "space"} for dim in file.dims]
    for axis, unit in [(time, file.time_unit), *((axis, file.length_unit) for axis in space)]:
        if unit:
            axis["unit"] = UNITS.get(unit, unit)
    return [time, *space]


def group_attributes(name: str, levels: list[Field]) -> dict[str, Any]:
    """Where the voxels of each level lie, as OME-Zarr says it, and what it has no word for."""
    times = levels[0].times
    steps = np.diff(times)
    # Times that are not evenly apart are in `times` alone.
    is_even = bool(np.isfinite(times).all()) and len(steps) > 0 and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-9, atol=0)
    time = (float(steps[0]), float(times[0])) if is_even else (1.0, 0.0)
    datasets = []
    for number, level in enumerate(levels):
        origin, spacing = level.placement()
        scale = {"type": "scale", "scale": [time[0], *spacing]}
        translation = {"type": "translation", "translation": [time[1], *origin]}
        datasets.append({"path": str(number), "coordinateTransformations": [scale, translation]})
    multiscales = [{"name": name, "axes": axes(levels[0]), "datasets": datasets}]
    return {
        "ome": {"version": "0.5", "multiscales": multiscales},
        "unit": levels[0].unit,
        "times": [None if np.isnan(t) else float(t) for t in times],
        **levels[0].attrs,
    }
