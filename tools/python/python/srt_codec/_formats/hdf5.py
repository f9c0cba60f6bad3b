"""HDF5, by h5py."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from . import cf
from .model import Coordinate, Key, Part, Source, Variable, module, spatial, values_of, why_not


def _library() -> Any:
    return module("h5py", "hdf5", "HDF5")


def read(path: str) -> Source:
    """Datasets of all groups by their paths, with what dimension scales say of their axes."""
    library = _library()
    file = library.File(path, "r")
    try:
        variables: dict[str, Variable] = {}

        def visit(name: str, item: Any) -> None:
            if isinstance(item, library.Dataset):
                variables[name] = _variable(name, item)

        file.visititems(visit)
        unlimited = [v.dims[0] for name, v in variables.items() if v.dims and (file[name].maxshape or (1,))[0] is None]
        found = cf.source(variables, cf.attributes(_pairs(file)), unlimited)
    except BaseException:
        file.close()
        raise
    found.close = file.close
    return found


def _pairs(item: Any) -> list[tuple[str, Any]]:
    """Attributes that h5py can read; the others are of types that JSON does not hold either."""
    pairs = []
    for name in item.attrs:
        try:
            pairs.append((name, item.attrs[name]))
        except (OSError, TypeError, ValueError):
            continue
    return pairs


def _variable(name: str, stored: Any) -> Variable:
    said = cf.attributes(_pairs(stored))
    shape = stored.shape
    dims = () if shape is None else _dims(name, stored)

    def read_part(key: Key) -> Any:
        return stored[key]

    return Variable(name, shape or (), stored.dtype, dims, read_part, said, why_not=why_not(stored.dtype, shape))


def _dims(name: str, stored: Any) -> tuple[str, ...]:
    if stored.is_scale and stored.ndim == 1:
        return (name,)
    dims = []
    for axis, plain in enumerate(spatial(stored.ndim)):
        dim = stored.dims[axis]
        scale = dim[0].name.strip("/") if len(dim) else ""
        dims.append(scale or dim.label or plain)
    return tuple(dims) if len(set(dims)) == len(dims) else spatial(stored.ndim)


def axis_names(dims: Iterable[str], taken: Iterable[str]) -> tuple[str, ...]:
    """Names of dimensions as other files take them: without a path, and not those of fields."""
    known = set(taken)
    bare = [dim.rsplit("/", 1)[-1] or "axis" for dim in dims]
    return tuple(f"{dim}_axis" if dim in known else dim for dim in bare)


def write(path: str, part: Part) -> None:
    """Datasets with dimension scales, written step by step."""
    library = _library()
    # Attributes longer than 64 KiB, as histories are, need the layout of HDF5 1.8.
    with library.File(path, "w", libver="v108") as file:
        file.attrs.update(part.attributes)
        dims = axis_names(part.dims, part.names)
        scales = {}
        for dim, own in zip(dims, part.dims):
            if own in part.axes:
                scales[dim] = _scale(file, dim, part.axes[own])
        time = axis_names(("time",), (*part.names, *dims))[0]
        if part.has_steps and not np.isnan(part.times).any():
            scales[time] = _scale(file, time, Coordinate(part.times, part.time_attributes))
        for name in part.names:
            _dataset(file, name, part, dims if name in part.still else (time, *dims), scales)
        for name, step, values in values_of(part):
            file[name][... if name in part.still else (step, ...)] = values


def _dataset(file: Any, name: str, part: Part, dims: tuple[str, ...], scales: dict[str, Any]) -> None:
    shape = part.shape if name in part.still else (len(part.times), *part.shape)
    said = dict(part.field_attributes[name])
    fill = said.pop("_FillValue", None)
    stored = file.create_dataset(name, shape, part.dtypes[name], fillvalue=fill)
    if fill is not None:
        said["_FillValue"] = part.dtypes[name].type(fill)
    stored.attrs.update(said)
    for axis, dim in enumerate(dims):
        stored.dims[axis].label = dim
        if dim in scales:
            stored.dims[axis].attach_scale(scales[dim])


def _scale(file: Any, name: str, coordinate: Coordinate) -> Any:
    scale = file.create_dataset(name, data=coordinate.values)
    scale.attrs.update({key: value for key, value in coordinate.attributes.items() if key not in cf.PACKING})
    scale.make_scale(name)
    return scale
