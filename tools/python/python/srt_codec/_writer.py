"""Files that are made: `create`, `encode_part` and `merge`."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from . import _native, _options
from ._arrays import DTYPES, prepare, stored_dtype

NAMES = {dtype.name: name for name, dtype in DTYPES.items()}


def description(
    shape: Sequence[int],
    fields: Mapping[str, str] | Iterable[str] | str,
    dtype: Any = "f4",
    *,
    spacing: Sequence[float] | None = None,
    origin: Sequence[float] | None = None,
    attrs: Mapping[str, Any] | None = None,
    dims: Sequence[str] | None = None,
    coords: Mapping[str, Mapping[str, Any]] | None = None,
    field_attrs: Mapping[str, Mapping[str, Any]] | None = None,
    length_unit: str = "",
    time_unit: str = "",
) -> dict[str, Any]:
    """What the extension module takes to describe a dataset."""
    if isinstance(fields, str):
        fields = [fields]
    units = dict(fields) if isinstance(fields, Mapping) else {name: "" for name in fields}
    dtypes = dtype if isinstance(dtype, Mapping) else {name: dtype for name in units}
    said: dict[str, Any] = {
        "attributes": dict(attrs or {}),
        "dimensions": list(dims or []),
        "coordinates": {name: dict(coord) for name, coord in (coords or {}).items()},
        "fields": {name: {"attributes": dict(own)} for name, own in (field_attrs or {}).items() if own},
    }
    said = {name: value for name, value in said.items() if value}
    return {
        "shape": [int(n) for n in shape],
        "fields": [(name, unit, NAMES[stored_dtype(np.dtype(dtypes[name])).name]) for name, unit in units.items()],
        "spacing": None if spacing is None else [float(v) for v in spacing],
        "origin": None if origin is None else [float(v) for v in origin],
        "length_unit": length_unit,
        "time_unit": time_unit,
        "attributes": json.dumps(said, default=as_json, allow_nan=False) if said else None,
    }


def as_json(value: Any) -> Any:
    """Values of numpy as those of JSON."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    raise TypeError(f"attributes that JSON can hold expected, {type(value).__name__} found")


class Writer:
    """A file that is written step by step. Made by `create`.

    It appears under its name when the ``with`` block ends without an error, and not at all otherwise.
    """

    def __init__(self, path: str, described: dict[str, Any], options: dict[str, Any]) -> None:
        self._native = _native.NativeWriter(path, described, options)
        self._fields = {name: (number, dtype) for number, (name, _, dtype) in enumerate(described["fields"])}
        self._shape = tuple(described["shape"])
        self._mask_value = options["mask_value"]
        self._step = 0
        #: Bytes of the file, once it is closed.
        self.nbytes: int | None = None

    def append(self, *, time: float | None = None, **arrays: Any) -> dict[str, dict[str, float]]:
        """Write a time step.

        Parameters
        ----------
        time : float
            Time of the step, in the file's `time_unit`.
        **arrays
            An array for each field that the step has, of the file's shape; rounded to the field's type first.

        Returns
        -------
        dict
            By field: ``bytes``, and as measured ``psnr`` in dB and ``max_error`` in the field's unit.
        """
        return self.append_fields(arrays, time)

    def append_fields(self, arrays: Mapping[str, Any], time: float | None = None) -> dict[str, dict[str, float]]:
        """`append` for names that are no keywords, or ``time``."""
        if not arrays:
            raise TypeError("an array for at least one field expected")
        unknown = [name for name in arrays if name not in self._fields]
        if unknown:
            raise KeyError(f"fields {list(self._fields)} expected, {unknown} found")
        prepared = {}
        for name, array in arrays.items():
            dtype = DTYPES[self._fields[name][1]]
            values = prepare(array, dtype, self._mask_value)
            if values.shape != self._shape:
                raise ValueError(f"shape {self._shape} expected for {name!r}, {values.shape} found")
            prepared[name] = values
        reports = {}
        for name, values in prepared.items():
            nbytes, psnr, error = self._native.write(
                values, self._fields[name][0], self._step, None if time is None else float(time), None
            )
            reports[name] = {"bytes": nbytes, "psnr": psnr, "max_error": error}
        self._step += 1
        return reports

    def close(self) -> None:
        """Complete the file."""
        if self.nbytes is None:
            self.nbytes = self._native.finish()

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self._native.abandon()


def create(
    path: str | os.PathLike[str],
    *,
    shape: Sequence[int],
    fields: Mapping[str, str] | Iterable[str] | str,
    dtype: Any = "f4",
    spacing: Sequence[float] | None = None,
    origin: Sequence[float] | None = None,
    attrs: Mapping[str, Any] | None = None,
    dims: Sequence[str] | None = None,
    coords: Mapping[str, Mapping[str, Any]] | None = None,
    field_attrs: Mapping[str, Mapping[str, Any]] | None = None,
    length_unit: str = "",
    time_unit: str = "",
    **options: Any,
) -> Writer:
    """Create a file of fields and time steps.

    Parameters
    ----------
    path : path
        Replaced, when the new file is complete.
    shape : tuple of int
        (nz, ny, nx) or (ny, nx).
    fields : dict or list of str
        Names, or names with units.
    dtype : dtype or dict
        Of all fields, or by field.
    spacing, origin : sequence of float
        Distance of voxels and place of the first one per axis, in `length_unit`.
    attrs : dict
        What else is to be said of the dataset: anything that JSON holds.
    dims : sequence of str
        What the axes are called.
    coords : dict
        By dimension: a dict with ``values`` (a number for each voxel of the axis) and ``attributes``.
    field_attrs : dict
        Attributes by field.
    length_unit, time_unit : str
    **options
        Exactly one bound, the options of `encode`, and ``key_interval``: of so many steps of a field, 16 if not given, one is
        coded by itself, and those after it may be predicted from the one or two before them, where that is smaller. A step in
        the middle decodes those that it was predicted from. 1: every step by itself.

    Returns
    -------
    Writer
        To be used in a ``with`` statement.

    Examples
    --------
    >>> import numpy as np, os, srt_codec, tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "flow.srt")
    >>> with srt_codec.create(path, shape=(8, 9, 10), fields={"u": "m/s"}, max_error=0.1) as w:
    ...     for t in (0.0, 0.5):
    ...         _ = w.append(time=t, u=np.full((8, 9, 10), t, "f4"))
    >>> srt_codec.open(path)["u"].times.tolist()
    [0.0, 0.5]
    """
    bound = _options.the_bound(options)
    described = description(
        shape,
        fields,
        dtype,
        spacing=spacing,
        origin=origin,
        attrs=attrs,
        dims=dims,
        coords=coords,
        field_attrs=field_attrs,
        length_unit=length_unit,
        time_unit=time_unit,
    )
    options.setdefault("key_interval", _options.KEY_INTERVAL)
    return Writer(os.fspath(path), described, _options.native(bound, **options))


def encode_part(
    slab: Any,
    path: str | os.PathLike[str],
    *,
    start: int,
    total: int,
    step: int = 0,
    time: float | None = None,
    field: str = "",
    unit: str = "",
    spacing: Sequence[float] | None = None,
    origin: Sequence[float] | None = None,
    attrs: Mapping[str, Any] | None = None,
    dims: Sequence[str] | None = None,
    coords: Mapping[str, Mapping[str, Any]] | None = None,
    length_unit: str = "",
    time_unit: str = "",
    **options: Any,
) -> dict[str, float]:
    """Encode some planes of a field into a file of their own, on any machine: `merge` joins such files.

    Parameters
    ----------
    slab : array_like
        Planes of the field along its slowest axis.
    path : path
        The part.
    start : int
        Number of the slab's first plane in the field; a multiple of 64 keeps six coarse levels.
    total : int
        Number of planes of the field.
    range : (float, float)
        Smallest and largest value of the whole field, from `stat`. Every bound but `max_error` needs it.
    **options
        As in `encode` and `create`, alike for all parts.

    Returns
    -------
    dict
        ``bytes``, and as measured ``psnr`` in dB and ``max_error``.
    """
    bound = _options.the_bound(options)
    if bound[0] != "max_error" and options.get("range") is None:
        raise TypeError(f"range expected: a bound by {bound[0]} means the whole field")
    mask_value = options.get("mask_value")
    values = prepare(slab, mask_value=mask_value)
    described = description(
        (total, *values.shape[1:]),
        {field: unit},
        values.dtype,
        spacing=spacing,
        origin=origin,
        attrs=attrs,
        dims=dims,
        coords=coords,
        length_unit=length_unit,
        time_unit=time_unit,
    )
    writer = _native.NativeWriter(os.fspath(path), described, _options.native(bound, **options))
    try:
        nbytes, psnr, error = writer.write(values, 0, step, time, start)
        writer.finish()
    finally:
        writer.abandon()
    return {"bytes": nbytes, "psnr": psnr, "max_error": error}


def merge(parts: Iterable[str | os.PathLike[str]], path: str | os.PathLike[str]) -> int:
    """Join files made apart: parts of one field, fields or steps of one domain.

    Parameters
    ----------
    parts : iterable of paths
    path : path
        Replaced, when the new file is complete.

    Returns
    -------
    int
        Bytes of the file.
    """
    return _native.merge([os.fspath(part) for part in parts], os.fspath(path))
