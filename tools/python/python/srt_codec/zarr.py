"""The Zarr v3 codec ``srt``, from arrays to bytes: a *serializer*, not a compressor.

>>> import zarr
>>> from srt_codec.zarr import SrtCodec
>>> z = zarr.create_array({}, shape=(256, 128, 128), chunks=(128, 128, 128), dtype="f4",
...                       serializer=SrtCodec(max_error=1e-3), compressors=None)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from zarr.abc.codec import ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin

from . import _options
from ._arrays import STORED
from ._codec import encode
from ._file import open as open_file

if TYPE_CHECKING:
    from typing import Self

    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer, NDBuffer

#: What a configuration may say beside the bound.
OPTIONS = ("range", "periodic", "model", "form", "plan", "effort", "mask_value")


def extents(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a chunk without leading axes of one voxel, as far as two or three are left."""
    lead = 0
    while len(shape) - lead > 3 and shape[lead] == 1:
        lead += 1
    plain = shape[lead:]
    return (1,) * (2 - len(plain)) + plain


@dataclass(frozen=True)
class SrtCodec(ArrayBytesCodec, ArrayBytesCodecPartialDecodeMixin):
    """Chunks as files, each under the same bound.

    Parameters
    ----------
    psnr, ssim, max_error, rel_error, ratio : float
        Exactly one. Only `max_error` is a promise for the whole array whatever the chunks; PSNR and relative errors need `range`
        for that.
    range : (float, float)
        Smallest and largest value of the whole array.
    mask_value : float
        Kept exactly, as the array's fill value is, where both are given instead of that.
    periodic, model, form, plan, effort
        As `srt_codec.encode`.
    """

    bound: tuple[str, float]
    options: tuple[tuple[str, Any], ...] = ()

    is_fixed_size = False

    def __init__(self, **configuration: Any) -> None:
        rest = {name: value for name, value in configuration.items() if value is not None}
        bound = _options.the_bound(rest)
        unknown = sorted(set(rest) - set(OPTIONS))
        if unknown:
            raise TypeError(f"options of {OPTIONS} expected, {unknown} found")
        if "range" in rest:
            low, high = rest["range"]
            rest["range"] = (float(low), float(high))
        object.__setattr__(self, "bound", bound)
        object.__setattr__(self, "options", tuple(sorted(rest.items())))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(**data.get("configuration", {}))

    def to_dict(self) -> dict[str, Any]:
        options = {name: list(value) if isinstance(value, tuple) else value for name, value in self.options}
        return {"name": "srt", "configuration": {self.bound[0]: self.bound[1], **options}}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        native = dtype.to_native_dtype()
        if native.newbyteorder("=") not in STORED:
            raise ValueError(f"floats or integers of up to 32 bits expected with the serializer srt, {native} found")
        chunks = getattr(chunk_grid, "chunk_shape", None)
        if chunks is not None and len(extents(tuple(chunks))) > 3:
            raise ValueError(f"chunks of one voxel along all axes but the last three expected, {chunks} found")

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        raise NotImplementedError("the size of a chunk follows from its values")

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        array: np.ndarray = np.asarray(chunk_data.as_ndarray_like())
        options = dict(self.options)
        fill = chunk_spec.fill_value
        if "mask_value" not in options and fill is not None and np.isfinite(fill):
            options["mask_value"] = float(fill)
        options[self.bound[0]] = self.bound[1]
        data = encode(array.reshape(extents(array.shape)), **options)
        return chunk_spec.prototype.buffer.from_bytes(data)

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return self._part(chunk_data, None, chunk_spec)

    def _part(self, chunk_data: Buffer, selection: Any, chunk_spec: ArraySpec) -> NDBuffer:
        field = next(iter(open_file(chunk_data.to_bytes(), cache=0).values()))
        shape, inner = chunk_spec.shape, field.shape[1:]
        if inner != extents(shape):
            raise ValueError(f"a chunk of {shape} expected, of {inner} found")
        if selection is None:
            array = field.read().reshape(shape)
        else:
            array = np.asarray(Chunk(field, shape)[selection])
        wanted = chunk_spec.dtype.to_native_dtype()
        found: Any = array.astype(wanted, copy=False)
        return chunk_spec.prototype.nd_buffer.from_ndarray_like(found)

    async def _encode_single(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer:
        return await asyncio.to_thread(self._encode_sync, chunk_data, chunk_spec)

    async def _decode_single(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_data, chunk_spec)

    async def _decode_partial_single(self, byte_getter: Any, selection: Any, chunk_spec: ArraySpec) -> NDBuffer | None:
        chunk_data = await byte_getter.get(chunk_spec.prototype)
        if chunk_data is None:
            return None
        return await asyncio.to_thread(self._part, chunk_data, selection, chunk_spec)


class Chunk:
    """A field of one step as an array with the axes of its chunk."""

    def __init__(self, field: Any, shape: tuple[int, ...]) -> None:
        self.field, self.shape = field, shape

    def _read(self, _steps: list[int], box: Any) -> np.ndarray:
        # The first axis is read as the steps are: it has been asked for as a whole.
        start, size = box
        rank = len(self.field.shape) - 1
        lead = len(start) - rank
        if lead < 0:
            start, size = [0] * -lead + list(start), [1] * -lead + list(size)
        inner = (start[-rank:], size[-rank:])
        return self.field.read(0, inner).reshape((1, *box[1]))

    def __getitem__(self, selection: Any) -> Any:
        from ._indexing import expand, read_as_numpy

        key = tuple(expand(selection, len(self.shape)))
        return read_as_numpy((0, *key), (1, *self.shape), self.field.dtype, self._read)
