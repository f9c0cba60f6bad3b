"""Files as datasets of xarray's: ``xr.open_dataset(path, engine="srt")`` and ``ds.srt.to_file(path, max_error=..)``.

The accessor ``ds.srt`` is there after ``import srt_codec.xarray``; the engine always is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from xarray.backends import BackendArray, BackendEntrypoint, CachingFileManager
from xarray.core import indexing

from ._described import TIME, attributes, axes, length, time_attributes, uniform
from ._file import Field, File, is_srt
from ._file import open as open_file
from ._writer import as_json, create


class LazyField(BackendArray):
    """A field, or one whose only step is left out, decoded where it is indexed."""

    def __init__(self, manager: Any, name: str, level: int, field: Field, has_steps: bool) -> None:
        self.manager, self.name, self.level, self.has_steps = manager, name, level, has_steps
        self.shape = field.shape if has_steps else field.shape[1:]
        self.dtype = field.dtype

    def __getitem__(self, key: indexing.ExplicitIndexer) -> np.ndarray:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.OUTER, self._read)

    def _read(self, key: tuple[Any, ...]) -> np.ndarray:
        with self.manager.acquire_context(needs_lock=False) as file:
            field = file[self.name].at(self.level)
            return np.asarray(field.read_outer(key if self.has_steps else (0, *key)))


class SrtBackendEntrypoint(BackendEntrypoint):
    """The engine ``srt``."""

    description = "Open .srt files (error-bounded volumes) in xarray"
    open_dataset_parameters = (
        "filename_or_obj",
        "drop_variables",
        "mask_and_scale",
        "decode_times",
        "decode_timedelta",
        "use_cftime",
        "concat_characters",
        "decode_coords",
        "level",
        "cache_bytes",
        "threads",
        "storage_options",
    )
    supports_groups = True

    def open_dataset(  # type: ignore[override]
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        mask_and_scale: bool | None = None,
        decode_times: Any = True,
        decode_timedelta: Any = None,
        use_cftime: bool | None = None,
        concat_characters: bool = True,
        decode_coords: Any = True,
        level: int = 0,
        cache_bytes: int = 64 << 20,
        threads: int | None = None,
        storage_options: dict[str, Any] | None = None,
    ) -> xr.Dataset:
        """Open a file at a downscaling level.

        Parameters
        ----------
        level : int
            0 is full resolution.
        cache_bytes, threads, storage_options
            As `srt_codec.open`.
        """
        if isinstance(filename_or_obj, os.PathLike):
            filename_or_obj = os.fspath(filename_or_obj)
        options = {"cache": cache_bytes, "threads": threads, "storage_options": storage_options}
        manager = CachingFileManager(open_file, filename_or_obj, mode="r", kwargs=options)
        with manager.acquire_context(needs_lock=False) as file:
            dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
            ds = dataset(file, manager, level, dropped)
        ds = xr.decode_cf(
            ds,
            mask_and_scale=False if mask_and_scale is None else mask_and_scale,
            decode_times=decode_times,
            decode_timedelta=decode_timedelta,
            use_cftime=use_cftime,
            concat_characters=concat_characters,
            decode_coords=decode_coords,
        )
        ds.set_close(manager.close)
        return ds

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        return is_srt(filename_or_obj)

    def open_groups_as_dict(  # type: ignore[override]
        self, filename_or_obj: Any, *, drop_variables: Any = None, **options: Any
    ) -> dict[str, xr.Dataset]:
        """All levels that every field has: ``/`` is full resolution, ``/level_1`` the next, and so on."""
        first = self.open_dataset(filename_or_obj, drop_variables=drop_variables, **options)
        with open_file(filename_or_obj, storage_options=options.get("storage_options")) as file:
            count = min((field.levels for name, field in file.items() if (name or "field") in first), default=0)
        groups = {"/": first}
        for level in range(1, count + 1):
            coarse = self.open_dataset(filename_or_obj, drop_variables=drop_variables, level=level, **options)
            # Children inherit what goes with the dimensions of their parents: theirs are others.
            groups[f"/level_{level}"] = coarse
        names = {dim for dim in first.dims if first.sizes[dim] > 1} - {TIME}
        renamed = {name: {dim: f"{dim}_{name[-1]}" for dim in names} for name in groups}
        return {
            path: ds if path == "/" else ds.rename({d: new for d, new in renamed[path].items() if d in ds.dims})
            for path, ds in groups.items()
        }

    def open_datatree(  # type: ignore[override]
        self, filename_or_obj: Any, *, drop_variables: Any = None, **options: Any
    ) -> xr.DataTree:
        """`open_groups_as_dict` as a tree; the axes of level ``n`` have names that end in ``_n``."""
        return xr.DataTree.from_dict(self.open_groups_as_dict(filename_or_obj, drop_variables=drop_variables, **options))


def dataset(file: File, manager: Any, level: int, dropped: set[str]) -> xr.Dataset:
    """A file as a dataset that decodes nothing yet."""
    variables: dict[str, xr.Variable] = {}
    coords: dict[str, xr.Variable] = {}
    shared: tuple[int, ...] | None = None
    is_series = any(len(field) > 1 for field in file.values())
    for name, field in file.items():
        label = name or "field"
        if label in dropped or not len(field):
            continue
        field = field.at(level)
        times = field.times
        # Beside series, a field of one step is one that does not change.
        has_steps = len(field) > 1 or not (is_series or np.isnan(times).any())
        dims = file.dims
        if has_steps:
            shared = field.steps if shared is None else shared
            time = TIME if field.steps == shared else f"{TIME}_{label}"
            dims = (time, *dims)
            if time not in coords and not np.isnan(times).any():
                coords[time] = xr.Variable(time, times, time_attributes(file))
        array = indexing.LazilyIndexedArray(LazyField(manager, name, level, field, has_steps))
        chunks = field.chunks if has_steps else field.chunks[1:]
        encoding = {"preferred_chunks": dict(zip(dims, chunks))}
        variables[label] = xr.Variable(dims, array, attributes(field), encoding)
        for dim, values in axes(file, field).items():
            coords.setdefault(dim, xr.Variable(dim, values, file._attributes_of("coordinates", dim) or length(file)))
    return xr.Dataset(variables, {k: v for k, v in coords.items() if k not in dropped}, dict(file.attrs))


@xr.register_dataset_accessor("srt")
class SrtAccessor:
    """``ds.srt``: datasets to files."""

    def __init__(self, ds: xr.Dataset) -> None:
        self._ds = ds

    def to_file(
        self,
        path: str | os.PathLike[str],
        *,
        time_dim: str = TIME,
        units: Mapping[str, str] | None = None,
        **options: Any,
    ) -> None:
        """Write all variables, step by step, under one bound.

        Variables share their two or three dimensions of space, and those that have `time_dim` its steps. One step is in memory
        at a time.

        Parameters
        ----------
        path : path
        time_dim : str
            The dimension of the steps, where there is one; the first of its variables.
        units : dict
            Units by variable; default their attribute ``units``.
        **options
            Exactly one bound and the options of `srt_codec.encode`.

        Raises
        ------
        ValueError
            For variables and coordinates that a file cannot hold: drop them first.
        """
        ds = self._ds
        dims = space(ds, time_dim)
        shape = tuple(ds.sizes[dim] for dim in dims)
        times = np.full(ds.sizes.get(time_dim, 1), np.nan)
        coords: dict[str, dict[str, Any]] = {}
        if time_dim in ds.coords:
            encoded = xr.conventions.encode_cf_variable(ds.coords[time_dim].variable)
            times = np.asarray(encoded.values, dtype="f8")
            coords[TIME] = {"attributes": plain(encoded.attrs)}
        placed = places(ds, dims, coords)
        names = [str(name) for name in ds.data_vars]
        said = units or {}
        fields = {name: str(said.get(name, ds[name].attrs.get("units", ""))) for name in names}
        own = {
            name: {k: v for k, v in plain(ds[name].attrs).items() if k != "units" and not k.startswith("srt_")} for name in names
        }
        if len(times) == 1:
            options.setdefault("key_interval", 1)
        with create(
            path,
            shape=shape,
            fields=fields,
            dtype={name: ds[name].dtype for name in names},
            dims=dims,
            coords=coords,
            attrs=plain(ds.attrs),
            field_attrs=own,
            frames=len(names) * len(times),
            **placed,
            **options,
        ) as writer:
            for step, time in enumerate(times):
                arrays = {}
                for name in names:
                    variable = ds[name]
                    if time_dim in variable.dims:
                        variable = variable.isel({time_dim: step})
                    elif step:
                        continue
                    arrays[name] = variable.transpose(*dims).values
                writer.append(time=None if np.isnan(time) else time, **arrays)


def space(ds: xr.Dataset, time_dim: str) -> tuple[str, ...]:
    """The dimensions of space."""
    if not ds.data_vars:
        raise ValueError("a dataset with variables expected")
    found = {name: tuple(d for d in variable.dims if d != time_dim) for name, variable in ds.data_vars.items()}
    first = next(iter(found.values()))
    others = {name: dims for name, dims in found.items() if set(dims) != set(first)}
    if others or len(first) not in (2, 3):
        raise ValueError(f"variables of the same two or three dimensions beside {time_dim!r} expected, found {found}")
    extra = [name for name in ds.coords if name not in (*first, time_dim) or ds.coords[name].ndim != 1]
    if extra:
        raise ValueError(f"coordinates along single dimensions expected: drop {extra} first (ds.drop_vars)")
    return tuple(map(str, first))


def places(ds: xr.Dataset, dims: tuple[str, ...], coords: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Spacing and origin where all axes are uniform; else their values go to `coords`."""
    values = {}
    for dim in dims:
        if dim not in ds.coords:
            continue
        coordinate = ds.coords[dim]
        if coordinate.dtype.kind not in "fiu":
            raise ValueError(f"numbers expected along {dim!r}, {coordinate.dtype} found: drop or convert it first")
        values[dim] = np.asarray(coordinate.values, dtype="f8")
        if coordinate.attrs:
            coords.setdefault(dim, {})["attributes"] = plain(coordinate.attrs)
    spacing, origin = [], []
    for dim in dims:
        own = values.get(dim)
        if own is None:
            break
        even = uniform(own)
        if even is None:
            break
        origin.append(even[0])
        spacing.append(even[1])
    units = {ds.coords[dim].attrs.get("units", "") for dim in values}
    if len(spacing) == len(dims):
        unit = units.pop() if len(units) == 1 else ""
        return {"spacing": spacing, "origin": origin, "length_unit": str(unit)}
    for dim, own in values.items():
        coords.setdefault(dim, {})["values"] = own.tolist()
    return {}


def plain(attrs: Mapping[Any, Any]) -> dict[str, Any]:
    """Attributes as JSON holds them; not those that mark values without data, for which files have masks."""
    kept = {str(k): v for k, v in attrs.items() if k not in ("_FillValue", "missing_value")}
    return json.loads(json.dumps(kept, default=as_json, allow_nan=False))
