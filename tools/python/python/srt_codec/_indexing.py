"""Indices of numpy's to boxes that are read and what is picked of them."""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

#: Start and size along every axis of space.
Box = tuple[list[int], list[int]]


class _Empty(Exception):
    """Nothing is selected along an axis."""


def box_of(region: Sequence[slice | tuple[int, int]], shape: Sequence[int]) -> Box:
    """A box from slices or pairs of start and end.

    Raises
    ------
    IndexError
        For another number of axes, for steps, and boxes that are empty or leave the grid.
    """
    if len(region) != len(shape):
        raise IndexError(f"a region of {len(shape)} axes expected, {len(region)} found")
    start, size = [], []
    for part, extent in zip(region, shape):
        if isinstance(part, slice):
            if part.step not in (None, 1):
                raise IndexError("slices without a step expected in a region")
            first, end, _ = part.indices(extent)
        else:
            first, end = map(operator.index, part)
        if not 0 <= first < end <= extent:
            raise IndexError(f"start and end within an axis of {extent} expected, {first} and {end} found")
        start.append(first)
        size.append(end - first)
    return start, size


def expand(key: Any, ndim: int) -> list[Any]:
    """One item for every axis, `None` where an axis is to be added; the ellipsis, if there is one, stands for no axis."""
    items = list(key) if isinstance(key, tuple) else [key]
    plain: list[Any] = []
    for item in items:
        if isinstance(item, (list, np.ndarray)):
            item = np.asarray(item)
            if item.size == 0 and item.dtype.kind == "f":
                item = item.astype(np.intp)
            if item.dtype == bool:
                if item.ndim == 0:
                    raise IndexError("integers, slices, arrays of them or of booleans expected")
                plain += [(found, extent) for found, extent in zip(item.nonzero(), item.shape)]
                continue
            if item.dtype.kind not in "iu":
                raise IndexError("arrays used as indices must be of integer or boolean type")
        elif isinstance(item, (bool, np.bool_)):
            raise IndexError("integers, slices, arrays of them or of booleans expected")
        plain.append(item)
    used = sum(item is not None and item is not Ellipsis for item in plain)
    dots = sum(item is Ellipsis for item in plain)
    if dots > 1 or used > ndim:
        raise IndexError(f"at most {ndim} indices and one ellipsis expected, {used} and {dots} found")
    place = next((i for i, item in enumerate(plain) if item is Ellipsis), len(plain))
    # An ellipsis stays, for it keeps arrays of indices apart also where it stands for no axis.
    return plain[: place + 1] + [slice(None)] * (ndim - used) + plain[place + 1 :]


def _selection(item: Any, extent: int) -> Any:
    """An item with indices from 0 on: an integer, a range or an array of integers."""
    if isinstance(item, tuple):
        item, masked = item
        if masked != extent:
            raise IndexError(f"a boolean index of {extent} expected along an axis, of {masked} found")
    if isinstance(item, slice):
        return range(*item.indices(extent))
    if isinstance(item, np.ndarray) and item.ndim:
        if item.size and (item.min() < -extent or item.max() >= extent):
            raise IndexError(f"indices within an axis of {extent} expected")
        return np.where(item < 0, item + extent, item).astype(np.intp)
    index = operator.index(item)
    if not -extent <= index < extent:
        raise IndexError(f"index {index} is out of bounds for an axis of {extent}")
    return index % extent


def _bounds(chosen: Any) -> tuple[int, int, Any]:
    """First index and end of what an item needs, and the item counted from the first."""
    if isinstance(chosen, range):
        if not chosen:
            raise _Empty
        first, last = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1])
        stop = chosen[-1] - first + (1 if chosen.step > 0 else -1)
        return first, last + 1, slice(chosen[0] - first, None if stop < 0 else stop, chosen.step)
    if isinstance(chosen, np.ndarray):
        if not chosen.size:
            raise _Empty
        first = int(chosen.min())
        return first, int(chosen.max()) + 1, chosen - first
    return chosen, chosen + 1, 0


def _as_slice(chosen: range) -> slice:
    if not chosen:
        return slice(0, 0)
    return slice(chosen.start, None if chosen.stop < 0 else chosen.stop, chosen.step)


def _steps(chosen: Any) -> tuple[list[int], Any]:
    """Steps to be read, and the item among them."""
    if isinstance(chosen, range):
        if not chosen:
            raise _Empty
        return list(chosen), slice(None)
    if isinstance(chosen, np.ndarray):
        if not chosen.size:
            raise _Empty
        steps, places = np.unique(chosen, return_inverse=True)
        return [int(step) for step in steps], places.reshape(chosen.shape)
    return [chosen], 0


def _is_free(item: Any) -> bool:
    """Whether an item is of no axis."""
    return item is None or item is Ellipsis


Read = Callable[[list[int], Box], np.ndarray]


def _pick(key: Any, shape: Sequence[int], read: Read, dtype: np.dtype, pick: Callable[[np.ndarray, list[Any]], Any]) -> Any:
    axes = iter(shape)
    chosen = [item if _is_free(item) else _selection(item, next(axes)) for item in key]
    try:
        inner: list[Any] = []
        start, size, steps = [], [], None
        for item in chosen:
            if _is_free(item):
                inner.append(item)
            elif steps is None:
                steps, places = _steps(item)
                inner.append(places)
            else:
                first, end, rest = _bounds(item)
                start.append(first)
                size.append(end - first)
                inner.append(rest)
    except _Empty:
        plain = [_as_slice(item) if isinstance(item, range) else item for item in chosen]
        nothing = np.broadcast_to(np.zeros((), dtype), shape)
        return pick(nothing, plain).copy()
    box = read(steps or [], (start, size))
    found = pick(box, inner)
    # A few values must not keep a large box in memory.
    if isinstance(found, np.ndarray) and found.base is not None and found.size * 2 < box.size:
        found = found.copy()
    return found


def read_as_numpy(key: Any, shape: Sequence[int], dtype: np.dtype, read: Read) -> Any:
    """What numpy would give for ``array[key]``.

    `read` gives an array of some steps and a box.
    """
    return _pick(expand(key, len(shape)), shape, read, dtype, lambda box, item: box[tuple(item)])


def read_outer(key: Any, shape: Sequence[int], dtype: np.dtype, read: Read) -> Any:
    """As `read_as_numpy`, but every array of integers, of one axis each, picks along its own axis."""

    def pick(box: np.ndarray, items: list[Any]) -> np.ndarray:
        items = [item for item in items if item is not Ellipsis]
        for axis in reversed(range(len(items))):
            box = box[(slice(None),) * axis + (items[axis],)]
        return box

    return _pick(expand(key, len(shape)), shape, read, dtype, pick)
