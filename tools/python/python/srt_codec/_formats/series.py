"""Several files of one kind as one: its steps, or its planes."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .model import Broken, Key, Refusal, Source, Variable


class Series:
    """Files of which one beside the first is open at a time."""

    def __init__(self, paths: Sequence[str], read: Callable[[str], Source]) -> None:
        self.paths, self._read = paths, read
        self.first = read(paths[0])
        self._other: tuple[int, Source] = (0, self.first)

    def file(self, place: int) -> Source:
        """The file at a place, which is open until another one is asked for."""
        if place == 0:
            return self.first
        if self._other[0] != place:
            self._close_other()
            self._other = (place, self._read(self.paths[place]))
        return self._other[1]

    def _close_other(self) -> None:
        place, source = self._other
        if place:
            source.close()
        self._other = (0, self.first)

    def close(self) -> None:
        self._close_other()
        self.first.close()


def join(paths: Sequence[str], read: Callable[[str], Source], axis: str, times: np.ndarray | None = None) -> Source:
    """Files as one with a further axis in front, which is that of the steps where it is called ``time``.

    Parameters
    ----------
    times : array
        Time of each file, where that is known from elsewhere; else the files are asked.
    """
    series = Series(paths, read)
    try:
        first = series.first
        variables = {name: _joined(series, variable, axis) for name, variable in first.variables.items()}
        if axis == "time" and times is None and _time(first) is not None:
            found = [_time(series.file(place)) for place in range(len(paths))]
            times = np.array([np.nan if time is None else time for time in found])
    except BaseException:
        series.close()
        raise
    coordinates = dict(first.coordinates)
    known_axis = coordinates.pop(axis, None)
    if known_axis is not None and times is not None:
        coordinates[axis] = replace(known_axis, values=times)
    return replace(first, variables=variables, coordinates=coordinates, times=times, close=series.close)


def _time(source: Source) -> float | None:
    """The one time of a file."""
    known = source.coordinates.get("time")
    times = known.values if known is not None else source.times
    return float(times[0]) if times is not None and len(times) == 1 else None


def _joined(series: Series, variable: Variable, axis: str) -> Variable:
    """A variable of all files. An axis of one step gives way to that of the files."""
    name, lead = variable.name, variable.record if axis == "time" else None
    if lead is not None and variable.shape[lead] != 1:
        return replace(variable, why_not=f"{variable.shape[lead]} steps in each file, where one is expected")
    own = [place for place in range(len(variable.shape)) if place != lead]

    def read_one(place: int, rest: Key) -> Any:
        found = series.file(place).variables.get(name)
        if found is None or found.shape != variable.shape or found.dtype != variable.dtype:
            raise Broken(
                f"{series.paths[place]}: {name!r} of {variable.shape} and {variable.dtype} expected, another or none found"
            )
        key = list(rest)
        if lead is not None:
            key.insert(lead, 0)
        return np.asarray(found.read(tuple(key)))

    def read_part(key: Key) -> Any:
        place, rest = key[0], tuple(key[1:])
        if isinstance(place, slice):
            return np.stack([read_one(number, rest) for number in range(*place.indices(len(series.paths)))])
        return read_one(int(place), rest)

    dims = tuple(variable.dims[place] for place in own)
    if axis in dims and not variable.why_not:
        raise Refusal(f"{name!r} has an axis {axis} already: files can be its steps")
    placed = {
        key: (1.0 if key == "spacing" else 0.0, *(values[place] for place in own)) for key, values in variable.placed.items()
    }
    return replace(
        variable,
        shape=(len(series.paths), *(variable.shape[place] for place in own)),
        dims=(axis, *dims),
        read=read_part,
        record=0 if axis == "time" else None,
        placed=placed,
    )
