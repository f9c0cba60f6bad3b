"""Conventions that netCDF, HDF5 and Zarr share: coordinates, time, values without data, packed values."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from .model import Coordinate, Source, Variable, plain

#: Attributes that say how values are stored, and hold no longer for unpacked ones.
PACKING = ("scale_factor", "add_offset", "_Unsigned", "_FillValue", "missing_value", "valid_min", "valid_max", "valid_range")
#: Attributes of HDF5 and its users that speak of the file and not of values.
BOOKKEEPING = (
    "DIMENSION_LIST",
    "REFERENCE_LIST",
    "DIMENSION_LABELS",
    "CLASS",
    "NAME",
    "_Netcdf4Dimid",
    "_Netcdf4Coordinates",
    "_NCProperties",
    "_nc3_strict",
    "_ARRAY_DIMENSIONS",
)


def attributes(pairs: Iterable[tuple[Any, Any]]) -> dict[str, Any]:
    """Attributes of a variable or a file, but not those that keep its books."""
    return plain(pairs, BOOKKEEPING)


def is_time(name: str, said: Mapping[str, Any]) -> bool:
    """Whether a dimension is time: by its axis, its standard name, a unit "since" a date, or its name."""
    if str(said.get("axis", "")).upper() == "T" or said.get("standard_name") == "time" or " since " in str(said.get("units", "")):
        return True
    return name.lower() in ("time", "t", "times", "step", "steps")


def _coordinate(variable: Variable) -> Coordinate:
    """Places along an axis, unpacked; attributes that said how they were packed go."""
    said = variable.attributes
    values = np.asarray(variable.read((slice(None),)), "f8")
    factor, offset = said.get("scale_factor", 1.0), said.get("add_offset", 0.0)
    if (factor, offset) == (1.0, 0.0):
        return Coordinate(values, said)
    return Coordinate(values * factor + offset, {key: value for key, value in said.items() if key not in PACKING})


def source(variables: dict[str, Variable], said: dict[str, Any], unlimited: Iterable[str] = ()) -> Source:
    """Take coordinates (variables named as their only dimension) apart from the rest, and find the axis of steps."""
    coordinates = {}
    for name, variable in variables.items():
        if variable.dims == (name,) and not variable.why_not:
            coordinates[name] = _coordinate(variable)
    records = set(unlimited)
    rest = {name: variable for name, variable in variables.items() if variable.dims != (name,)}
    for variable in rest.values():
        for axis, dim in enumerate(variable.dims):
            own = coordinates[dim].attributes if dim in coordinates else {}
            if variable.record is None and is_time(dim.rsplit("/", 1)[-1], own):
                variable.record = axis
        if variable.record is None and variable.dims and variable.dims[0] in records:
            variable.record = 0
    return Source(rest, coordinates, said)
