"""What a file of another format holds, said in one way for all of them."""

import importlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: An integer or a slice for each axis of a variable.
Key = tuple[int | slice, ...]


class Refusal(Exception):
    """What cannot be done as it was asked: usage, names, types, shapes."""


class Broken(Exception):
    """A file that its reader cannot make sense of: corrupt, truncated, or of another format than it says."""


@dataclass
class Variable:
    """An array of a file, of which nothing is read yet.

    `read` takes an integer or a slice for each axis and gives values as they are stored. `why_not` says why it cannot become a
    field; empty where it can. `record` is the axis of time steps, where the file says one.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype
    dims: tuple[str, ...]
    read: Callable[[Key], Any]
    attributes: dict[str, Any] = field(default_factory=dict)
    record: int | None = None
    why_not: str = ""
    #: Spacing and origin per axis, where the file says them of this variable and not by coordinates.
    placed: dict[str, tuple[float, ...]] = field(default_factory=dict)
    #: A value that stands for no data where the file says none: the one its format has for that.
    default_fill: float | None = None

    @property
    def unit(self) -> str:
        """Its unit, empty where none is said."""
        return str(self.attributes.get("units", ""))


@dataclass
class Coordinate:
    """Places along a dimension, with what is said of them."""

    values: np.ndarray
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass
class Source:
    """A file that is open: variables by name, coordinates by dimension, what is said of the whole."""

    variables: dict[str, Variable]
    coordinates: dict[str, Coordinate] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    length_unit: str = ""
    time_unit: str = ""
    #: Time of each step, where that is no coordinate.
    times: np.ndarray | None = None
    close: Callable[[], Any] = lambda: None


@dataclass
class Part:
    """What is exported: fields of one grid over the same steps, decoded one step at a time.

    `axes` has a coordinate per dimension, as far as known. `read` gives a field at a place among `times`, or None where it has
    no such step; those that are `still` are the same at all of them.
    """

    names: list[str]
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtypes: dict[str, np.dtype]
    attributes: dict[str, Any]
    field_attributes: dict[str, dict[str, Any]]
    axes: dict[str, Coordinate]
    origin: tuple[float, ...]
    spacing: tuple[float, ...]
    length_unit: str
    times: np.ndarray
    time_attributes: dict[str, Any]
    has_steps: bool
    still: set[str]
    #: Origin and spacing in voxels of full resolution.
    voxels: tuple[tuple[float, ...], tuple[float, ...]]
    read: Callable[[str, int], np.ndarray | None]
    #: What could not be taken along, for who reads it.
    notes: list[str] = field(default_factory=list)

    def interval(self, units: Iterable[str]) -> float | None:
        """Time from step to step, where that is always the same and in one of `units`; otherwise there is a note."""
        steps = np.diff(self.times)
        if not len(steps) or np.isnan(self.times).any():
            return None
        if not np.allclose(steps, steps[0], rtol=1e-9, atol=0):
            self.notes.append("times are not evenly apart, which the format cannot say: they are left out")
            return None
        unit = str(self.time_attributes.get("units", ""))
        if unit not in units:
            self.notes.append(f"times are in {unit or 'no unit'!r}, which the format does not know: they are left out")
            return None
        return float(steps[0])


def values_of(part: Part) -> Iterator[tuple[str, int, np.ndarray]]:
    """Name, step and values of all that is exported, step by step; what is still comes once."""
    for step in range(len(part.times)):
        for name in part.names:
            values = part.read(name, step) if step == 0 or name not in part.still else None
            if values is not None:
                yield name, step, values


def module(name: str, extra: str, what: str) -> Any:
    """A reader that may be missing.

    Raises
    ------
    Refusal
        With the name of what installs it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Refusal(f"{what} needs the package {name.split('.')[0]}: pip install 'srt-codec[{extra}]'") from error


def simple(said: dict[str, Any]) -> dict[str, Any]:
    """Attributes as files of others hold them: numbers, text and lists of one of them; what is nested as JSON."""

    def of(value: Any) -> Any:
        if isinstance(value, bool):
            return int(value)
        kinds = {type(v) for v in value} if isinstance(value, list) else {type(value)}
        return value if kinds <= {int, float} or kinds == {str} else json.dumps(value)

    return {name: of(value) for name, value in said.items()}


def spatial(rank: int) -> tuple[str, ...]:
    """Names of axes that have none, slowest first."""
    return ("t", "z", "y", "x")[4 - rank :] if rank <= 4 else tuple(f"d{axis}" for axis in range(rank))


def as_text(value: Any) -> Any:
    """An attribute as JSON holds it: bytes as text, values of numpy as those of Python; None for what JSON does not hold."""
    if isinstance(value, bytes | np.bytes_):
        return bytes(value).decode("utf-8", "replace").rstrip("\0")
    if isinstance(value, np.ndarray | np.generic):
        value = as_text(value.tolist())
    if isinstance(value, list | tuple):
        kept = [as_text(v) for v in value]
        if any(v is None for v in kept):
            return None
        return kept[0] if len(kept) == 1 else kept
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value if isinstance(value, str | int | float | bool) else None


def plain(pairs: Iterable[tuple[Any, Any]], left_out: Iterable[str] = ()) -> dict[str, Any]:
    """Attributes that JSON holds."""
    dropped = set(left_out)
    kept = {str(name): as_text(value) for name, value in pairs if str(name) not in dropped}
    return {name: value for name, value in kept.items() if value is not None}


def why_not(dtype: np.dtype, shape: tuple[int, ...] | None) -> str:
    """Why an array cannot become a field; empty where it can."""
    if dtype.names:
        return f"a compound of {', '.join(dtype.names)}"
    if dtype.kind in "SUOTV":
        return "characters or objects, not numbers"
    if dtype.kind not in "fiu" or dtype.itemsize > 8:
        return f"{dtype}, which is not stored"
    if shape is None or 0 in shape:
        return "empty"
    if not shape:
        return "a single value"
    return ""
