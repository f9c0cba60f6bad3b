"""TIFF and its stacks (plain, of ImageJ, OME), by tifffile."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from .model import Broken, Key, Part, Refusal, Source, Variable, module, plain, why_not

#: Axes by the letters of tifffile; others keep their letter.
AXES = {"X": "x", "Y": "y", "Z": "z", "T": "time", "C": "channel", "S": "sample"}
#: Units of time of OME.
CLOCKS = ("s", "ms", "us", "ns", "min", "h", "d")
MICRONS = ("µm", "μm", "\\u00B5m", "micron", "microns")


def _library() -> Any:
    return module("tifffile", "tiff", "TIFF")


def read(path: str) -> Source:
    """Series of images: ``data``, or several by number."""
    library = _library()
    file = library.TiffFile(path)
    # tifffile logs that pages are missing, and goes on with those that are there.
    faults: list[str] = []
    library.logger().addFilter(lambda record: faults.append(record.getMessage()))
    try:
        placed, length_unit, clock, said = _metadata(library, file)
        variables = {}
        for number, series in enumerate(file.series):
            name = "data" if len(file.series) == 1 else f"data{number}"
            variables[name] = _variable(name, path, file, series, placed)
        cut = [fault for fault in faults if "invalid page offset" in fault or "failed to reshape" in fault]
        if cut:
            raise Broken(f"{path}: {cut[0]}")
        times = None
        first = next(iter(variables.values()), None)
        if first is not None and first.record is not None and clock is not None:
            times = clock[0] * np.arange(first.shape[first.record])
        time_unit = "" if times is None or clock is None else clock[1]
        found = Source(variables, {}, said, length_unit, time_unit, times, file.close)
    except BaseException:
        file.close()
        raise
    return found


def _variable(name: str, path: str, file: Any, series: Any, placed: dict[str, float]) -> Variable:
    dims = _dims(series.axes)
    shape, dtype = tuple(series.shape), np.dtype(series.dtype)
    record = dims.index("time") if "time" in dims else None
    variable = Variable(name, shape, dtype, dims, _reader(path, file, series), record=record, why_not=why_not(dtype, shape))
    if set(placed) & set(dims):
        variable.placed = {"spacing": tuple(placed.get(dim, 1.0) for dim in dims), "origin": (0.0,) * len(dims)}
    return variable


def _dims(letters: str) -> tuple[str, ...]:
    """Names of axes. Pages of a plain stack, whose axis has no meaning of its own, lie along z."""
    names = [AXES.get(letter, letter.lower()) for letter in letters]
    odd = [axis for axis, letter in enumerate(letters) if letter in "IQ"]
    if "Z" not in letters and odd and letters[odd[-1] + 1 :] in ("YX", "YXS"):
        names[odd[-1]] = "z"
    return tuple(name if names.index(name) == axis else f"{name}{axis}" for axis, name in enumerate(names))


def _reader(path: str, file: Any, series: Any) -> Any:
    shape, dtype = tuple(series.shape), np.dtype(series.dtype)
    if series.dataoffset is not None:
        mapped = np.memmap(path, dtype.newbyteorder(file.byteorder), "r", series.dataoffset, shape)
        return lambda key: np.asarray(mapped[key])
    own = tuple(series.keyframe.shape)
    lead = shape[: len(shape) - len(own)]
    if shape[len(lead) :] != own or len(series.pages) != int(np.prod(lead)):
        return lambda key: series.asarray()[key]

    def read_part(key: Key) -> Any:
        numbers = np.arange(len(series.pages)).reshape(lead)[key[: len(lead)]]
        pages = [_page(series, number)[key[len(lead) :]] for number in np.ravel(numbers)]
        return np.stack(pages).reshape(*np.shape(numbers), *pages[0].shape)

    return read_part


def _page(series: Any, number: int) -> Any:
    page = series.pages[number]
    return np.zeros(series.keyframe.shape, series.dtype) if page is None else page.asarray()


def _metadata(library: Any, file: Any) -> tuple[dict[str, float], str, tuple[float, str] | None, dict[str, Any]]:
    """Distances by axis, their unit, time between steps with its unit, attributes."""
    if file.is_ome:
        return _of_ome(library.xml2dict(file.ome_metadata))
    if not file.is_imagej:
        return {}, "", None, _description(file.pages[0].description)
    said = file.imagej_metadata or {}
    unit = str(said.get("unit", ""))
    placed = {"z": float(said["spacing"])} if "spacing" in said else {}
    tags = file.pages[0].tags
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        per_unit = tags[tag].value if tag in tags else (0, 1)
        if unit and per_unit[0]:
            placed[axis] = per_unit[1] / per_unit[0]
    kept = plain((key, value) for key, value in said.items() if key in ("Info", "Title"))
    clock = (float(said["finterval"]), str(said.get("tunit", "s"))) if said.get("finterval") else None
    return placed, "um" if unit in MICRONS else unit, clock, kept


def _of_ome(said: Any) -> tuple[dict[str, float], str, tuple[float, str] | None, dict[str, Any]]:
    image = said["OME"]["Image"]
    image = image[0] if isinstance(image, list) else image
    pixels = image["Pixels"]
    placed = {axis: float(pixels[f"PhysicalSize{axis.upper()}"]) for axis in "zyx" if f"PhysicalSize{axis.upper()}" in pixels}
    unit = str(pixels.get("PhysicalSizeXUnit", "µm")) if placed else ""
    clock = (float(pixels["TimeIncrement"]), str(pixels.get("TimeIncrementUnit", "s"))) if "TimeIncrement" in pixels else None
    unit = {"pixel": "", "reference frame": ""}.get(unit, unit)
    return placed, "um" if unit in MICRONS else unit, clock, _description(image.get("Description", ""))


def _description(text: Any) -> dict[str, Any]:
    """What a description says: the attributes that `write` put there, or words."""
    try:
        said = json.loads(text)
    except (TypeError, ValueError):
        return plain([("description", text)] if text else [])
    return plain(said.items() if isinstance(said, dict) and "shape" not in said else [])


def write(path: str, part: Part) -> None:
    """A stack with the metadata of OME, page by page."""
    library = _library()
    (name,) = part.names
    dtype = np.dtype("f4") if part.dtypes[name] == np.float16 else part.dtypes[name]
    rank = len(part.shape)
    if rank == 1:
        raise Refusal("fields of two or three axes expected for TIFF, a line found")
    many = part.has_steps and len(part.times) > 1
    metadata: dict[str, Any] = {"axes": "T" * many + "ZYX"[3 - rank :], "Name": name}
    unit = {"um": "µm"}.get(part.length_unit, part.length_unit)
    for axis, spacing in zip("ZYX"[3 - rank :], part.spacing):
        metadata[f"PhysicalSize{axis}"] = abs(spacing)
        # The unit of OME for what has none.
        metadata[f"PhysicalSize{axis}Unit"] = unit if unit in ("µm", "mm", "m", "nm", "cm", "km", "Å", "pm") else "pixel"
    said = {**part.attributes, **{k: v for k, v in part.field_attributes[name].items() if k != "_FillValue"}}
    if said:
        metadata["Description"] = json.dumps(said)
    interval = part.interval(CLOCKS) if many else None
    if interval is not None:
        metadata |= {"TimeIncrement": interval, "TimeIncrementUnit": part.time_attributes["units"]}

    def pages() -> Iterator[np.ndarray]:
        for step in range(len(part.times)):
            values = part.read(name, step)
            if values is None:
                raise Refusal(f"{name!r} has no values at step {step}, which TIFF cannot leave out: --steps takes others")
            yield from (values.astype(dtype, copy=False).reshape(-1, *values.shape[-2:]))

    shape = (*(len(part.times),) * many, *part.shape)
    large = int(np.prod(shape)) * dtype.itemsize > 2**32 - 2**25
    library.imwrite(path, pages(), shape=shape, dtype=dtype, ome=True, bigtiff=large, metadata=metadata, photometric="minisblack")
