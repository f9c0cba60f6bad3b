"""How a variable of another format becomes a field: its steps, its axes, its values and their type."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from . import _codec
from ._arrays import stored_dtype
from ._formats import cf
from ._formats.model import Key, Refusal, Variable
from ._native import SrtError


@cache
def is_taken(dtype: np.dtype, rank: int) -> bool:
    """Whether this build stores arrays of a type and rank as they are: one of them is tried."""
    try:
        if stored_dtype(dtype) != dtype:
            return False
        _codec.encode(np.zeros((2,) * rank, dtype), max_error=0)
    except (TypeError, ValueError, SrtError):
        return False
    return True


def carrier(dtype: np.dtype) -> np.dtype:
    """The type that values of `dtype` are stored as: their own, or a float that holds each of them exactly.

    Raises
    ------
    Refusal
        For what is no number.
    """
    native = dtype.newbyteorder("=")
    if is_taken(native, 3):
        return native
    if native.kind not in "iu":
        raise Refusal(f"floats or integers expected, {dtype} found")
    return np.dtype("f4" if native.itemsize <= 2 else "f8")


@dataclass
class Taken:
    """A variable as a field: `read` gives a step.

    `key` has what was picked along each axis: a number, ``None`` for the axis of steps, a slice for axes of the field.
    """

    variable: Variable
    key: tuple[int | slice | None, ...]
    dtype: np.dtype
    #: Value that marks voxels without data, of the stored values; whether the file says it, or its format alone.
    fill: float | None
    is_declared: bool
    #: Further values that mark voxels without data, as stored.
    others: tuple[float, ...]
    #: Factor and offset of packed values that are unpacked.
    packing: tuple[float, float] | None
    notes: list[str] = field(default_factory=list)

    @property
    def axes(self) -> list[int]:
        """Axes of the variable that are axes of the field."""
        return [axis for axis, part in enumerate(self.key) if isinstance(part, slice)]

    @property
    def dims(self) -> tuple[str, ...]:
        return tuple(self.variable.dims[axis] for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.variable.shape[axis] for axis in self.axes)

    @property
    def steps_axis(self) -> int | None:
        return self.key.index(None) if None in self.key else None

    @property
    def steps(self) -> int:
        """Number of steps, of which a field without an axis for them has one."""
        return 1 if self.steps_axis is None else self.variable.shape[self.steps_axis]

    @property
    def mask_value(self) -> float | None:
        """What marks voxels without data in the field: unpacked ones have NaN there."""
        return None if self.packing else self.fill

    @property
    def attributes(self) -> dict[str, Any]:
        """What is said of the field, without what holds no longer."""
        left_out = {"units", "missing_value", "_FillValue", "_Unsigned", *(cf.PACKING if self.packing else ())}
        said = self.variable.attributes
        # What was promised and measured of a field that was one before does not hold for what is made of it.
        kept = {name: value for name, value in said.items() if name not in left_out and not name.startswith("srt_")}
        if self.mask_value is not None and self.is_declared:
            kept["_FillValue"] = int(self.mask_value) if self.dtype.kind in "iu" else self.mask_value
        return kept

    def read(self, step: int) -> np.ndarray:
        """Values of a step, of the field's type."""
        key: Key = tuple(step if part is None else part for part in self.key)
        values = np.asarray(self.variable.read(key))
        if self.variable.attributes.get("_Unsigned") == "true" and values.dtype.kind == "i":
            values = values.view(values.dtype.str.replace("i", "u"))
        if self.packing is None:
            out = values.astype(self.dtype, copy=bool(self.others))
            for mark in self.others:
                out[values == mark] = np.nan if self.fill is None else self.fill
            return out
        factor, offset = self.packing
        out = (values.astype("f8") * factor + offset).astype(self.dtype)
        for missing in (self.fill, *self.others):
            if missing is not None:
                out[values == missing] = np.nan
        return out


def take(variable: Variable, steps_axis: str | None, picked: dict[str, int], is_unpacked: bool) -> Taken:
    """Decide how a variable becomes a field.

    Parameters
    ----------
    steps_axis : str
        Name or number of the axis of steps, ``"none"`` for no steps; None for what the file says.
    picked : dict
        Numbers along dimensions that are not taken whole.
    is_unpacked : bool
        Whether packed values are unpacked.

    Raises
    ------
    Refusal
        For what has no values, no numbers, or too many axes.
    """
    if variable.why_not:
        raise Refusal(f"{variable.name!r} cannot become a field: {variable.why_not}")
    key: list[int | slice | None] = [slice(None)] * len(variable.shape)
    for dim, place in picked.items():
        if dim in variable.dims:
            axis = variable.dims.index(dim)
            if not -variable.shape[axis] <= place < variable.shape[axis]:
                raise Refusal(f"a place within {variable.shape[axis]} expected along {dim!r} of {variable.name!r}, {place} found")
            key[axis] = place % variable.shape[axis]
    steps = _steps_axis(variable, steps_axis, key)
    if steps is not None:
        key[steps] = None
    notes = _drop_single_axes(variable, key)
    rank = sum(isinstance(part, slice) for part in key)
    if rank > 3:
        sizes = ", ".join(f"{dim} ({n})" for dim, n in zip(variable.dims, variable.shape))
        raise Refusal(
            f"up to three axes beside the steps expected, {rank} found in {variable.name!r}: {sizes}; "
            "--steps-axis NAME says which are steps, --at NAME=PLACE takes one place along an axis"
        )
    taken = _values(variable, tuple(key), notes, is_unpacked)
    if not is_taken(taken.dtype, rank):
        raise Refusal(f"{variable.name!r} has {rank} axes beside the steps, which are not stored: two or three expected")
    return taken


def _steps_axis(variable: Variable, said: str | None, key: Sequence[int | slice | None]) -> int | None:
    """The axis of steps: that which is asked for, else the file's, where two axes are left beside it."""
    if said is None:
        axis = variable.record
        left = [n for n, part in zip(variable.shape, key) if isinstance(part, slice)]
        return axis if axis is not None and isinstance(key[axis], slice) and len(left) > 2 else None
    if said == "none":
        return None
    if said in variable.dims:
        return variable.dims.index(said)
    if said.isdecimal() and int(said) < len(variable.dims):
        return int(said)
    raise Refusal(f"one of {list(variable.dims)} expected as axis of the steps of {variable.name!r}, {said!r} found")


def _drop_single_axes(variable: Variable, key: list[int | slice | None]) -> list[str]:
    """Takes axes of one place out where there are more than three."""
    notes = []
    for axis, (dim, extent) in enumerate(zip(variable.dims, variable.shape)):
        rank = sum(isinstance(part, slice) for part in key)
        if rank > 3 and extent == 1 and isinstance(key[axis], slice):
            key[axis] = 0
            notes.append(f"{variable.name}: the axis {dim} of one place is left out")
    return notes


def _values(variable: Variable, key: tuple[int | slice | None, ...], notes: list[str], is_unpacked: bool) -> Taken:
    """Type and fill value, and what is done about packed values."""
    said = variable.attributes
    dtype = variable.dtype.newbyteorder("=")
    if said.get("_Unsigned") == "true" and dtype.kind == "i":
        dtype = np.dtype(dtype.str.replace("i", "u"))
    marks, is_declared = _marks(variable, dtype)
    fill, others = (marks[0], tuple(marks[1:])) if marks else (None, ())
    factor, offset = (said.get(name, neutral) for name, neutral in (("scale_factor", 1.0), ("add_offset", 0.0)))
    is_packed = isinstance(factor, int | float) and isinstance(offset, int | float) and (factor, offset) != (1.0, 0.0)
    if is_packed and is_unpacked:
        unpacked = _unpacked(dtype, float(factor), float(offset))
        notes.append(f"{variable.name}: {dtype} values are unpacked to {unpacked} (value * {factor:g} + {offset:g})")
        return Taken(variable, key, unpacked, fill, is_declared, others, (float(factor), float(offset)), notes)
    stored = carrier(dtype)
    if stored != dtype:
        notes.append(f"{variable.name}: {dtype} is stored as {stored}, which holds each value exactly")
    return Taken(variable, key, stored, fill, is_declared, others, None, notes)


def _marks(variable: Variable, dtype: np.dtype) -> tuple[list[float], bool]:
    """Values that mark voxels without data, and whether the file says them, or its format alone. NaN needs no mark."""
    declared: list[Any] = []
    for name in ("_FillValue", "missing_value"):
        value = variable.attributes.get(name, [])
        declared += value if isinstance(value, list) else [value]
    found = [_as_stored(value, dtype) for value in (declared or [variable.default_fill])]
    return list(dict.fromkeys(mark for mark in found if mark is not None)), bool(declared)


def _as_stored(value: Any, dtype: np.dtype) -> float | None:
    """A mark of missing values, of the type of the values: 1e20 is another number in single precision."""
    if not isinstance(value, int | float):
        return None
    if dtype.kind == "u":
        return float(int(value) % 2 ** (8 * dtype.itemsize))
    return float(np.array(value).astype(dtype)) if dtype.kind == "f" else float(value)


def _unpacked(dtype: np.dtype, factor: float, offset: float) -> np.dtype:
    """Single precision where it tells neighbouring packed values apart by a quarter of their distance, else double."""
    if dtype.kind == "f":
        return dtype
    largest = abs(offset) + 2.0 ** (8 * dtype.itemsize) * abs(factor)
    return np.dtype("f4" if largest <= 2.0**22 * abs(factor) else "f8")
