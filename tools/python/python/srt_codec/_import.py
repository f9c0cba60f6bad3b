"""The command ``srt-import``: fields of other formats to a file."""

import argparse
import json
import sys
from typing import Any

import numpy as np

from . import _formats, _options
from ._command import Parser, check_output, counted, printable, run
from ._described import TIME, uniform
from ._formats.model import Broken, Coordinate, Refusal, Source, Variable, plain
from ._formats.series import join
from ._taking import Taken, take
from ._writer import Writer, create

#: Options that go to the encoder as they are, with their types; what they mean says `srt encode --help`.
ENCODING: dict[str, Any] = {
    "model": str,
    "form": str,
    "plan": str,
    "periodic": str,
    "effort": int,
    "key_interval": int,
    "threads": int,
}


def main() -> int:
    """Run ``srt-import`` with the command line of this process."""
    asked = _parser().parse_args()
    return run(lambda: _list(asked) if asked.list else _import(asked))


def _parser() -> Parser:
    parser = Parser(
        prog="srt-import",
        description="Compress fields of other formats under an error bound, with names, units, times, places and attributes.",
        epilog=f"Formats: {_formats.described()}. Bounds and options of encoding are those of `srt encode`.",
    )
    add = parser.add_argument
    add("input", nargs="+", help="file to read, or several: its time steps")
    add("--planes", action="store_true", help="take several files as planes of a volume, not as its steps")
    add("-o", "--output", metavar="FILE", help="file to write")
    add("--list", action="store_true", help="show what the input holds")
    add("--var", action="append", default=[], metavar="NAME", help="variable to take as a field; several for several fields")
    add("--steps-axis", metavar="NAME|N", help="axis of the time steps, or none; that of time if not given")
    add("--at", action="append", default=[], metavar="NAME=PLACE", help="take one place along an axis, counted from 0")
    add("--keep-packed", action="store_true", help="take packed values (scale_factor, add_offset) as they are stored")
    bounds = parser.add_argument_group("error bound (one of them)").add_mutually_exclusive_group()
    for name in _options.BOUNDS:
        bounds.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="X")
    bounds.add_argument("--lossless", action="store_true", help="the same as --max-error 0")
    encoding = parser.add_argument_group("encoding")
    for name, kind in ENCODING.items():
        encoding.add_argument(f"--{name.replace('_', '-')}", type=kind, metavar="X")
    said = parser.add_argument_group("instead of what the input says")
    said.add_argument("--mask-value", type=float, metavar="V", help="value, as stored, that marks voxels without data")
    said.add_argument("--unit", action="append", default=[], metavar="[NAME=]UNIT")
    said.add_argument("--spacing", type=_numbers, metavar="DZ,DY,DX")
    said.add_argument("--origin", type=_numbers, metavar="Z,Y,X")
    said.add_argument("--length-unit", metavar="UNIT")
    said.add_argument("--time-unit", metavar="UNIT")
    add("-f", "--force", action="store_true", help="overwrite the output")
    add("-q", "--quiet", action="store_true", help="print nothing but errors")
    add("--json", action="store_true", help="list or report as JSON on standard output")
    return parser


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",")]


def _source(asked: argparse.Namespace) -> Source:
    """What is read: a file, or several as one."""
    if len(asked.input) == 1:
        return _formats.read(asked.input[0])
    return join(asked.input, _formats.read, "z" if asked.planes else "time")


def _list(asked: argparse.Namespace) -> None:
    source = _source(asked)
    try:
        rows = [_row(variable) for variable in source.variables.values()]
        if asked.json:
            print(json.dumps({"variables": rows, "attributes": source.attributes}))
            return
        for row in rows:
            sizes = ", ".join(f"{dim}={n}" for dim, n in zip(row["dims"], row["shape"]))
            unit = f" in {row['unit']}" if row["unit"] else ""
            steps = f", {row['steps']} steps along {row['steps_axis']}" if row["steps_axis"] else ""
            wrong = f"  (no field: {row['why_not']})" if row["why_not"] else ""
            print(printable(f"{row['name']}  {row['type']}  ({sizes}){unit}{steps}{wrong}"))
    finally:
        source.close()


def _row(variable: Variable) -> dict[str, Any]:
    """What ``--list`` says of a variable."""
    wrong, steps_axis, steps = variable.why_not, None, 1
    if not wrong:
        try:
            taken = take(variable, None, {}, True)
            steps = taken.steps
            steps_axis = None if taken.steps_axis is None else variable.dims[taken.steps_axis]
        except Refusal as refusal:
            wrong = str(refusal)
    kind = str(variable.dtype.newbyteorder("=")) if not variable.dtype.names else "compound"
    return {
        "name": variable.name,
        "type": kind,
        "dims": list(variable.dims),
        "shape": list(variable.shape),
        "unit": variable.unit,
        "steps_axis": steps_axis,
        "steps": steps,
        "why_not": wrong,
    }


def _import(asked: argparse.Namespace) -> None:
    if not asked.output:
        raise Refusal("an output expected: -o FILE, or --list")
    options = {name: getattr(asked, name) for name in (*_options.BOUNDS, *ENCODING) if getattr(asked, name) is not None}
    if asked.lossless:
        options["max_error"] = 0.0
    if not any(name in options for name in _options.BOUNDS):
        names = ", ".join(f"--{name.replace('_', '-')}" for name in _options.BOUNDS)
        raise Refusal(f"an error bound expected: one of {names}, --lossless")
    check_output(asked.output, asked.input, asked.force)
    source = _source(asked)
    try:
        fields = _taken(source, asked)
        notes = [note for taken in fields.values() for note in taken.notes]
        _write(asked, source, fields, options, notes)
    finally:
        source.close()


def _taken(source: Source, asked: argparse.Namespace) -> dict[str, Taken]:
    """The variables that are asked for; the only one there is without asking."""
    able = [name for name, variable in source.variables.items() if not variable.why_not]
    names = list(dict.fromkeys(name.strip("/") if name not in source.variables else name for name in asked.var))
    if not names and len(able) == 1:
        names = able
    if not names:
        raise Refusal(f"--var NAME expected: {asked.input[0]} holds {', '.join(able) or 'nothing that can become a field'}")
    unknown = [name for name in names if name not in source.variables]
    if unknown:
        held = ", ".join(source.variables) or "nothing"
        raise Refusal(f"no variable {unknown[0]!r}: {asked.input[0]} holds {held}")
    picked = dict(_picked(text) for text in asked.at)
    strange = set(picked) - {dim for name in names for dim in source.variables[name].dims}
    if strange:
        dims = ", ".join(dict.fromkeys(dim for name in names for dim in source.variables[name].dims))
        raise Refusal(f"no axis {sorted(strange)[0]!r}: {dims} are there")
    if asked.mask_value is not None:
        for name in names:
            source.variables[name].attributes["_FillValue"] = asked.mask_value
    fields = {name: take(source.variables[name], asked.steps_axis, picked, not asked.keep_packed) for name in names}
    first = next(iter(fields.values()))
    for name, taken in fields.items():
        if (taken.dims, taken.shape) != (first.dims, first.shape):
            raise Refusal(
                f"fields of one grid expected, {dict(zip(first.dims, first.shape))} and "
                f"{dict(zip(taken.dims, taken.shape))} found: import them into files of their own"
            )
        if taken.steps not in (1, first.steps) and first.steps != 1:
            raise Refusal(f"fields of the same steps expected, {first.steps} and {taken.steps} found")
        if taken.steps == 0:
            raise Refusal(f"{name!r} has no steps")
    return fields


def _picked(text: str) -> tuple[str, int]:
    name, found, place = text.rpartition("=")
    try:
        return name, int(place if found else "")
    except ValueError as error:
        raise Refusal(f"NAME=PLACE expected after --at, {text!r} found") from error


def _write(
    asked: argparse.Namespace, source: Source, fields: dict[str, Taken], options: dict[str, Any], notes: list[str]
) -> None:
    """Write the file step by step, and say what it came to."""
    first = next(iter(fields.values()))
    steps = max(taken.steps for taken in fields.values())
    mask = _mask_value(fields)
    if mask is not None:
        options["mask_value"] = mask
    if steps == 1:
        options.setdefault("key_interval", 1)
    times, described = _described(asked, source, fields, notes)
    if not asked.quiet:
        for note in notes:
            print(printable(f"note: {note}"), file=sys.stderr)
    values = 0
    with create(
        asked.output,
        shape=first.shape,
        fields={name: _unit(asked, name, taken) for name, taken in fields.items()},
        dtype={name: taken.dtype for name, taken in fields.items()},
        dims=[dim.rsplit("/", 1)[-1] for dim in first.dims],
        field_attrs={name: taken.attributes for name, taken in fields.items()},
        frames=sum(taken.steps for taken in fields.values()),
        **described,
        **options,
    ) as writer:
        for step in range(steps):
            time = float(times[step]) if len(times) > step and np.isfinite(times[step]) else None
            values += _write_step(writer, step, time, fields, asked.input[0])
    if asked.json:
        report = {
            "output": asked.output,
            "bytes": writer.nbytes,
            "bytes_of_values": values,
            "steps": steps,
            "fields": list(fields),
        }
        print(json.dumps(report))
    elif not asked.quiet:
        nbytes = writer.nbytes or 1
        held = f"{counted(len(fields), 'field')}, {counted(steps, 'step')}"
        print(f"{asked.output}: {nbytes} bytes, ratio {values / nbytes:.2f}, {held}")


def _write_step(writer: Writer, step: int, time: float | None, fields: dict[str, Taken], path: str) -> int:
    """Write the fields that have a step; gives the bytes of their values in memory."""
    arrays = {}
    for name, taken in fields.items():
        if step < taken.steps:
            try:
                arrays[name] = taken.read(step)
            except (Broken, Refusal, FileNotFoundError, PermissionError):
                raise
            except Exception as error:  # readers raise what they like on bytes that they do not understand
                raise Broken(f"{path}: {name!r} cannot be read at step {step}: {error}") from error
    writer.append_fields(arrays, time)
    return sum(array.nbytes for array in arrays.values())


def _mask_value(fields: dict[str, Taken]) -> float | None:
    """The one value that marks missing ones in all fields."""
    found = {taken.mask_value for taken in fields.values() if taken.mask_value is not None and taken.is_declared}
    if not found:
        silent = {taken.mask_value for taken in fields.values() if taken.mask_value is not None}
        return silent.pop() if len(silent) == 1 else None
    if len(found) > 1:
        raise Refusal(f"one value for missing data expected, {sorted(found)} found: import the variables into files of their own")
    return found.pop() if found else None


def _unit(asked: argparse.Namespace, name: str, taken: Taken) -> str:
    """A unit of the command line, for this field or all, else that of the variable."""
    given = [text.rpartition("=") for text in asked.unit]
    own = [unit for field, _, unit in given if field in ("", name)]
    return own[-1] if own else taken.variable.unit


def _described(
    asked: argparse.Namespace, source: Source, fields: dict[str, Taken], notes: list[str]
) -> tuple[np.ndarray, dict[str, Any]]:
    """Times of the steps, and what is said of the dataset."""
    first = next(iter(fields.values()))
    coords: dict[str, dict[str, Any]] = {}
    times, time_unit = np.empty(0), source.time_unit
    series = next((taken for taken in fields.values() if taken.steps_axis is not None), None)
    if series is not None and series.steps_axis is not None:
        known = source.coordinates.get(series.variable.dims[series.steps_axis])
        if known is not None:
            times = known.values
            coords[TIME] = {"attributes": plain(known.attributes.items())}
            time_unit = str(known.attributes.get("units", ""))
        elif source.times is not None:
            times = source.times
    elif source.times is not None and len(source.times) == 1:
        times = source.times
    placed = _places(source, first, coords, notes)
    placed["spacing"] = asked.spacing or placed.get("spacing")
    placed["origin"] = asked.origin or placed.get("origin")
    if asked.length_unit is not None:
        placed["length_unit"] = asked.length_unit
    attributes = dict(source.attributes)
    attributes |= {f"at_{dim}": place for dim, place in _picked_places(source, first).items()}
    unit = time_unit if asked.time_unit is None else asked.time_unit
    return times, {**placed, "coords": coords, "attrs": attributes, "time_unit": unit}


def _picked_places(source: Source, taken: Taken) -> dict[str, Any]:
    """Where a field lies along axes of which it has one place: the coordinate, or the number of the place."""
    out: dict[str, Any] = {}
    for dim, part in zip(taken.variable.dims, taken.key):
        if isinstance(part, int):
            known = source.coordinates.get(dim)
            out[dim] = part if known is None or not np.isfinite(known.values[part]) else float(known.values[part])
    return out


def _places(source: Source, taken: Taken, coords: dict[str, dict[str, Any]], notes: list[str]) -> dict[str, Any]:
    """Spacing and origin where all axes are even; places that are not, or not exactly, go to `coords`."""
    if taken.variable.placed:
        placed: dict[str, Any] = {key: [values[axis] for axis in taken.axes] for key, values in taken.variable.placed.items()}
        return {**placed, "length_unit": source.length_unit}
    known = {dim: source.coordinates[dim] for dim in taken.dims if dim in source.coordinates}
    for dim, coordinate in known.items():
        coords.setdefault(dim.rsplit("/", 1)[-1], {})["attributes"] = plain(coordinate.attributes.items())
    exact = [_even(known.get(dim), False) for dim in taken.dims]
    near = [_even(known.get(dim), True) for dim in taken.dims]
    if not all(exact):
        for dim, coordinate in known.items():
            if np.isfinite(coordinate.values).all():
                coords[dim.rsplit("/", 1)[-1]]["values"] = coordinate.values.tolist()
        odd = [dim for dim, even in zip(taken.dims, near) if dim in known and even is None and len(known[dim].values) > 1]
        if odd:
            notes.append(f"places along {', '.join(odd)} do not rise evenly: they are kept as coordinates, without a spacing")
    units = {str(coordinate.attributes.get("units", "")) for coordinate in known.values()}
    even = [both for both in near if both is not None]
    if len(even) < len(taken.dims):
        return {}
    return {
        "origin": [origin for origin, _ in even],
        "spacing": [spacing for _, spacing in even],
        "length_unit": units.pop() if len(units) == 1 else "",
    }


def _even(coordinate: Coordinate | None, is_rounded: bool) -> tuple[float, float] | None:
    """Origin and spacing of even places; with `is_rounded` also of those that were rounded to single precision."""
    if coordinate is None or not np.isfinite(coordinate.values).all():
        return None
    values = coordinate.values
    if is_rounded and len(values) > 1:
        step = (values[-1] - values[0]) / (len(values) - 1)
        fitted = values[0] + step * np.arange(len(values))
        if step > 0 and np.abs(fitted - values).max() <= min(2.0**-23 * np.abs(values).max(), 1e-2 * step):
            return float(values[0]), float(step)
    return uniform(values)
