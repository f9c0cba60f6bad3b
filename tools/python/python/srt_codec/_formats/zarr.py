"""Zarr, of version 2 and 3, by zarr: arrays of all groups."""

from typing import Any

import numpy as np

from . import cf
from .hdf5 import axis_names
from .model import Coordinate, Key, Part, Source, Variable, module, spatial, values_of, why_not


def read(path: str) -> Source:
    """Arrays by their paths; a store that is a single array has ``data``."""
    library = module("zarr", "zarr", "Zarr")
    opened = library.open(path, mode="r")
    variables: dict[str, Variable] = {}
    if isinstance(opened, library.Group):
        for name, item in opened.members(max_depth=None):
            if isinstance(item, library.Array):
                variables[name] = _variable(name, item)
    else:
        variables["data"] = _variable("data", opened)
    return cf.source(variables, {} if "data" in variables else cf.attributes(dict(opened.attrs).items()))


def _variable(name: str, stored: Any) -> Variable:
    dtype = np.dtype(stored.dtype)
    said = cf.attributes(dict(stored.attrs).items())

    def read_part(key: Key) -> Any:
        return stored[key]

    return Variable(name, stored.shape, dtype, _dims(name, stored), read_part, said, why_not=why_not(dtype, stored.shape))


def _dims(name: str, stored: Any) -> tuple[str, ...]:
    """Names of axes: of version 3, or as xarray writes them in version 2; in the group of the array."""
    names = getattr(stored.metadata, "dimension_names", None) or stored.attrs.get("_ARRAY_DIMENSIONS") or ()
    plain = spatial(stored.ndim)
    if len(names) != stored.ndim:
        return plain
    group = name.rpartition("/")[0]
    dims = tuple(f"{group}/{dim}" if dim and group else str(dim or own) for dim, own in zip(names, plain))
    return dims if len(set(dims)) == len(dims) else plain


def write(path: str, part: Part) -> None:
    """Arrays of version 3 with names of dimensions, a chunk for each step."""
    group = module("zarr", "zarr", "Zarr").open_group(path, mode="w", attributes=part.attributes)
    dims = axis_names(part.dims, part.names)
    time = axis_names(("time",), (*part.names, *dims))[0]
    axes = {dim: part.axes[own] for dim, own in zip(dims, part.dims) if own in part.axes}
    if part.has_steps and not np.isnan(part.times).any():
        axes[time] = Coordinate(part.times, part.time_attributes)
    for dim, axis in axes.items():
        said = {key: value for key, value in axis.attributes.items() if key not in cf.PACKING}
        stored = group.create_array(dim, shape=axis.values.shape, dtype="f8", dimension_names=(dim,), attributes=said)
        stored[...] = axis.values
    for name in part.names:
        steps = () if name in part.still else (len(part.times),)
        said = part.field_attributes[name]
        group.create_array(
            name,
            shape=(*steps, *part.shape),
            chunks=(*(1 for _ in steps), *part.shape),
            dtype=part.dtypes[name],
            dimension_names=(*(time for _ in steps), *dims),
            attributes=said,
            fill_value=said.get("_FillValue", 0),
        )
    for name, step, values in values_of(part):
        group[name][... if name in part.still else (step, ...)] = values
