"""netCDF, classic and 4, by netCDF4."""

from typing import Any

import numpy as np

from . import cf
from .hdf5 import axis_names
from .model import Coordinate, Key, Part, Source, Variable, module, values_of, why_not


def _library() -> Any:
    return module("netCDF4", "netcdf", "netCDF")


def read(path: str) -> Source:
    """Variables of all groups; those below the first by their path."""
    library = _library()
    data = library.Dataset(path, "r")
    try:
        data.set_auto_maskandscale(False)
        variables: dict[str, Variable] = {}
        unlimited: list[str] = []
        _walk(library, data, "", variables, unlimited)
        found = cf.source(variables, cf.attributes((name, data.getncattr(name)) for name in data.ncattrs()), unlimited)
    except BaseException:
        data.close()
        raise
    found.close = data.close
    return found


def _walk(library: Any, group: Any, path: str, variables: dict[str, Variable], unlimited: list[str]) -> None:
    unlimited += [name for name, dim in group.dimensions.items() if dim.isunlimited()]
    for name, stored in group.variables.items():
        dtype = stored.dtype if isinstance(stored.dtype, np.dtype) else np.dtype(object)
        said = cf.attributes((key, stored.getncattr(key)) for key in stored.ncattrs())
        if "_FillValue" in stored.ncattrs() and "_FillValue" not in said and dtype.kind == "f":
            said.setdefault("missing_value", "nan")
        wrong = why_not(dtype, stored.shape)
        if isinstance(stored.datatype, library.EnumType):
            wrong = ""
        # Bytes have no value for what was not written: all of them are values.
        default = library.default_fillvals.get(f"{dtype.kind}{dtype.itemsize}") if not wrong and dtype.itemsize > 1 else None
        reader = _reader(stored)
        variables[path + name] = Variable(
            path + name, stored.shape, dtype, stored.dimensions, reader, said, why_not=wrong, default_fill=default
        )
    for name, below in group.groups.items():
        _walk(library, below, f"{path}{name}/", variables, unlimited)


def _reader(stored: Any) -> Any:
    def read_part(key: Key) -> Any:
        return np.ma.getdata(stored[key])

    return read_part


def write(path: str, part: Part) -> None:
    """A file of netCDF-4, step by step along a dimension without an end."""
    library = _library()
    with library.Dataset(path, "w") as data:
        data.setncatts({"Conventions": "CF-1.11", **{k: _attribute(v) for k, v in part.attributes.items()}})
        dims = axis_names(part.dims, part.names)
        for dim, own, extent in zip(dims, part.dims, part.shape):
            data.createDimension(dim, extent)
            if own in part.axes:
                _coordinate(data, dim, part.axes[own])
        time = axis_names(("time",), (*part.names, *dims))[0]
        if part.has_steps:
            data.createDimension(time, None)
            if not np.isnan(part.times).any():
                _coordinate(data, time, Coordinate(part.times, part.time_attributes))
        for name in part.names:
            _variable(data, name, part, dims if name in part.still else (time, *dims))
        for name, step, values in values_of(part):
            stored = data[name]
            stored[... if name in part.still else (step, ...)] = values.astype(stored.dtype, copy=False)


def _attribute(value: Any) -> Any:
    """Whole numbers that fit take 32 bits, so that netCDF of old reads them."""
    whole = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
    return np.int32(value) if whole else int(value) if isinstance(value, bool) else value


def _coordinate(data: Any, dim: str, coordinate: Coordinate) -> None:
    stored = data.createVariable(dim, "f8", (dim,))
    stored.setncatts({k: _attribute(v) for k, v in coordinate.attributes.items() if k not in cf.PACKING})
    stored[:] = coordinate.values


def _variable(data: Any, name: str, part: Part, dims: tuple[str, ...]) -> None:
    dtype = part.dtypes[name]
    # netCDF has no half precision.
    dtype = np.dtype("f4") if dtype == np.float16 else dtype
    said = dict(part.field_attributes[name])
    fill = said.pop("_FillValue", None)
    said.pop("missing_value", None)
    stored = data.createVariable(name, dtype, dims, fill_value=None if fill is None else dtype.type(fill))
    stored.set_auto_maskandscale(False)
    stored.setncatts({key: _attribute(value) for key, value in said.items()})
