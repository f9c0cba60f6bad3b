"""The command ``srt-export``: a file to other formats."""

import argparse
import json
import os
import sys
from typing import Any

import numpy as np

from . import _formats
from ._command import Parser, check_output, counted, printable, run, whole
from ._described import attributes, axes, length, time_attributes
from ._file import Field, File
from ._file import open as open_file
from ._formats.model import Coordinate, Part, Refusal, simple
from ._indexing import Box, box_of


def main() -> int:
    """Run ``srt-export`` with the command line of this process."""
    asked = _parser().parse_args()
    return run(lambda: _export(asked))


def _parser() -> Parser:
    parser = Parser(
        prog="srt-export",
        description="Decode a file to another format, with names, units, times, places and attributes.",
        epilog=f"Formats: {_formats.described(tuple(f for f in _formats.FORMATS if f.writes))}.",
    )
    add = parser.add_argument
    add("input", help="file to decode")
    add("output", help="file to write; its suffix says the format")
    add("--field", action="append", default=[], metavar="NAME", help="field to export, several if given again; all if not given")
    steps = parser.add_mutually_exclusive_group()
    steps.add_argument("--step", type=int, metavar="N", help="number of the time step")
    steps.add_argument("--steps", metavar="A:B", help="numbers of the time steps from A on and before B")
    add("--level", type=int, default=0, metavar="N", help="downscaling level; 0, full resolution, if not given")
    add("--region", metavar="Z0:Z1,..", help="box of the level, slowest axis first; an empty end is that of the axis")
    add("--threads", type=int, metavar="N", help="threads; all cores if not given")
    add("-f", "--force", action="store_true", help="overwrite the output")
    add("-q", "--quiet", action="store_true", help="print nothing but errors")
    add("--json", action="store_true", help="report as JSON on standard output")
    return parser


def _export(asked: argparse.Namespace) -> None:
    known = _formats.by_suffix(asked.output)
    if known is None or not known.writes:
        able = _formats.described(tuple(f for f in _formats.FORMATS if f.writes))
        raise Refusal(f"an output of a format that is written expected ({able}), {asked.output!r} found")
    with open_file(asked.input, threads=asked.threads) as file:
        fields = _fields(file, asked.field)
        if len(fields) > 1 and not known.has_fields:
            raise Refusal(f"--field NAME expected: {known.name} holds one field, the file {', '.join(fields)}")
        numbers = _steps(fields, asked)
        part = _part(file, fields, numbers, asked)
        names = _names(asked.output, known, numbers)
        series = _series(asked.output, known, names)
        for name in [*names, *([series] if series else [])]:
            check_output(os.path.join(os.path.dirname(asked.output), name), [asked.input], asked.force)
        with whole(asked.output) as folder:
            writer = known.load()
            if len(names) == 1:
                writer.write(os.path.join(folder, names[0]), part)
            else:
                for step, name in enumerate(names):
                    writer.write(os.path.join(folder, name), _at(part, step))
            if series:
                writer.write_series(os.path.join(folder, series), names, part.times)
    _report(asked, [*names, *([series] if series else [])], part)


def _report(asked: argparse.Namespace, names: list[str], part: Part) -> None:
    if asked.json:
        print(json.dumps({"outputs": names, "fields": part.names, "steps": len(part.times), "shape": list(part.shape)}))
    elif not asked.quiet:
        for note in dict.fromkeys(part.notes):
            print(printable(f"note: {note}"), file=sys.stderr)
        first, last = names[0], names[-1]
        grid = " x ".join(map(str, part.shape))
        listed = first if first == last else f"{first} to {last}"
        print(f"{listed}: {counted(len(part.names), 'field')} of {grid}, {counted(len(part.times), 'step')}")


def _fields(file: File, asked: list[str]) -> dict[str, Field]:
    unknown = [name for name in asked if name not in file]
    if unknown:
        raise Refusal(f"no field {unknown[0]!r}: the file holds {', '.join(map(repr, file)) or 'none'}")
    found = {name: file[name] for name in asked or file if len(file[name])}
    if not found:
        raise Refusal("a field with steps expected, none found")
    return found


def _steps(fields: dict[str, Field], asked: argparse.Namespace) -> list[int]:
    """Numbers of the steps that are exported."""
    there = sorted({step for field in fields.values() for step in field.steps})
    if asked.step is not None:
        if asked.step not in there:
            raise Refusal(f"no step {asked.step}: steps from {there[0]} to {there[-1]} are there")
        return [asked.step]
    if asked.steps is None:
        return there
    try:
        start, end = (int(text) if text else None for text in asked.steps.split(":"))
    except ValueError as error:
        raise Refusal(f"A:B expected after --steps, {asked.steps!r} found") from error
    kept = [step for step in there if (start is None or step >= start) and (end is None or step < end)]
    if not kept:
        raise Refusal(f"no steps in {asked.steps}: steps from {there[0]} to {there[-1]} are there")
    return kept


def _box(text: str | None, grid: tuple[int, ...]) -> Box:
    """A box of a grid as the command line says it."""
    if text is None:
        return [0] * len(grid), list(grid)
    try:
        pairs = [tuple(part.split(":")) for part in text.split(",")]
        parts = [slice(int(start or 0), int(end) if end else None) for start, end in pairs]
    except ValueError as error:
        raise Refusal(f"Z0:Z1,Y0:Y1,X0:X1 expected as region, {text!r} found") from error
    if any(part.start < 0 or (part.stop is not None and part.stop > n) for part, n in zip(parts, grid)):
        raise Refusal(f"a region within {' x '.join(map(str, grid))} expected, {text!r} found")
    return box_of(parts, grid)


def _part(file: File, whole_fields: dict[str, Field], numbers: list[int], asked: argparse.Namespace) -> Part:
    """What is exported, of which nothing is decoded yet."""
    fields = {name or "field": field.at(asked.level) for name, field in whole_fields.items()}
    first = next(iter(fields.values()))
    for name, field in fields.items():
        if field.shape[1:] != first.shape[1:]:
            raise Refusal(f"fields of one grid expected at level {asked.level}, {name!r} has another: --field NAME takes one")
    box = _box(asked.region, first.shape[1:])
    start, size = box
    origin, spacing = first.placement()
    many = len(numbers) > 1
    still = {name for name, field in fields.items() if len(field) == 1 and many}
    times = _times(fields, numbers)
    has_steps = many or not np.isnan(times).any()

    def read(name: str, step: int) -> np.ndarray | None:
        field = fields[name]
        if name in still:
            return field.read(0, box)
        return field.read(field.steps.index(numbers[step]), box) if numbers[step] in field.steps else None

    part_origin = tuple(o + a * s for o, s, a in zip(origin, spacing, start))
    places = {dim: values[a : a + n] for (dim, values), a, n in zip(_all_axes(file, first), start, size) if values is not None}
    return Part(
        names=list(fields),
        dims=file.dims,
        shape=tuple(size),
        dtypes={name: field.dtype for name, field in fields.items()},
        attributes=simple(file.attrs),
        field_attributes={name: simple(attributes(field)) for name, field in fields.items()},
        axes={dim: Coordinate(v, simple(file._attributes_of("coordinates", dim) or length(file))) for dim, v in places.items()},
        origin=part_origin,
        spacing=spacing,
        length_unit=file.length_unit,
        times=times,
        time_attributes=simple(time_attributes(file)),
        has_steps=has_steps,
        still=still if has_steps else set(fields),
        voxels=_voxels(file, part_origin, spacing),
        read=read,
    )


def _voxels(file: File, origin: tuple[float, ...], spacing: tuple[float, ...]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Origin and spacing in voxels of full resolution."""
    fine_origin = file.origin or (0.0,) * len(origin)
    fine = file.spacing or (1.0,) * len(origin)
    return tuple((o - first) / d for o, first, d in zip(origin, fine_origin, fine)), tuple(s / d for s, d in zip(spacing, fine))


def _all_axes(file: File, field: Field) -> list[tuple[str, np.ndarray | None]]:
    known = axes(file, field)
    return [(dim, known.get(dim)) for dim in file.dims]


def _times(fields: dict[str, Field], numbers: list[int]) -> np.ndarray:
    """Time of each step, from the first field that has it."""
    known: dict[int, float] = {}
    for field in fields.values():
        known = {**dict(zip(field.steps, field.times.tolist())), **known}
    return np.array([known[number] for number in numbers], "f8")


def _names(output: str, known: _formats.Format, numbers: list[int]) -> list[str]:
    """Names of the files: one, or one for each step by its number."""
    name = os.path.basename(output)
    if known.has_steps or len(numbers) == 1:
        return [name]
    suffix = next(suffix for suffix in known.suffixes if name.lower().endswith(suffix))
    digits = max(4, len(str(numbers[-1])))
    return [f"{name[: -len(suffix)]}_{number:0{digits}}{name[-len(suffix) :]}" for number in numbers]


def _series(output: str, known: _formats.Format, names: list[str]) -> str | None:
    """Name of the list of the files, where a format has one."""
    kind = getattr(known.load(), "SERIES_SUFFIX", None)
    return None if kind is None or len(names) == 1 else os.path.splitext(os.path.basename(output))[0] + kind


def _at(part: Part, step: int) -> Part:
    """A step of what is exported."""
    said: dict[str, Any] = dict(vars(part))
    said["times"] = part.times[step : step + 1]
    said["read"] = lambda name, _: part.read(name, step)
    return Part(**said)
