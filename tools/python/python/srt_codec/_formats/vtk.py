"""Image data of VTK: ``.vti``, legacy ``.vtk``, and series of the former in ``.pvd``, by the library vtk."""

import json
import os
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np

from .model import Broken, Part, Refusal, Source, Variable, module, plain, why_not
from .series import join

#: What lists the files of a series.
SERIES_SUFFIX = ".pvd"
#: Field data that holds the attributes of the dataset, and says where values lie.
ATTRIBUTES, CELLS = "attributes", "vtk_cells"


def _library(name: str) -> Any:
    return module(f"vtkmodules.{name}", "vtk", "VTK")


def read(path: str) -> Source:
    """Arrays of points and cells, those of several components one by one."""
    if path.lower().endswith(".pvd"):
        return _read_series(path)
    image = _image(path)
    variables = _variables(image)
    attributes, time = _field_data(image)
    return Source(variables, {}, attributes, times=None if time is None else np.array([time]))


def _image(path: str) -> Any:
    if path.lower().endswith(".vtk"):
        reader = _library("vtkIOLegacy").vtkDataSetReader()
        for kind in ("Scalars", "Vectors", "Fields", "Tensors", "Normals", "TCoords"):
            getattr(reader, f"ReadAll{kind}On")()
    else:
        reader = _library("vtkIOXML").vtkXMLImageDataReader()
    faults: list[str] = []
    # VTK says on standard error what is wrong, and goes on, unless somebody listens.
    logger = _library("vtkCommonCore").vtkLogger
    logger.SetStderrVerbosity(logger.VERBOSITY_OFF)
    reader.AddObserver("ErrorEvent", _listener(faults))
    reader.SetFileName(path)
    reader.Update()
    if faults:
        raise Broken(f"{path}: no image data that can be read: {faults[0]}")
    image = reader.GetOutput()
    if image is None or not image.IsA("vtkImageData"):
        found = "nothing" if image is None else image.GetClassName()
        raise Refusal(f"{path}: image data expected, {found} found: a grid that is not even cannot be taken")
    if image.GetNumberOfPoints() == 0:
        raise Broken(f"{path}: no image data that can be read")
    return image


def _listener(faults: list[str]) -> Any:
    def listen(_: object, __: str, text: str = "") -> None:
        faults.append(" ".join(str(text).split())[:300])

    listen.CallDataType = "string0"  # type: ignore[attr-defined]
    return listen


def _read_series(path: str) -> Source:
    listed = [entry for entry in ET.parse(path).getroot().iter("DataSet") if entry.get("file")]
    folder = os.path.dirname(path)
    files = [os.path.join(folder, str(entry.get("file"))) for entry in listed]
    if not files:
        raise Refusal(f"{path} lists no files")
    times = np.array([float(entry.get("timestep", "nan")) for entry in listed])
    return join(files, read, "time", times)


def _variables(image: Any) -> dict[str, Variable]:
    variables: dict[str, Variable] = {}
    points = tuple(image.GetDimensions())[::-1]
    cells = tuple(max(n - 1, 1) for n in points)
    for kind, shape in (("Point", points), ("Cell", cells)):
        data = getattr(image, f"Get{kind}Data")()
        for number in range(data.GetNumberOfArrays()):
            array = data.GetAbstractArray(number)
            name = array.GetName() or f"array{number}"
            count = array.GetNumberOfComponents()
            for component in range(count):
                part = f"{name}_{'xyz'[component] if count <= 3 else component}" if count > 1 else name
                part = part if part not in variables else f"{part}_{kind.lower()}s"
                variables[part] = _variable(part, image, kind, number, component, shape)
    return variables


def _variable(name: str, image: Any, kind: str, number: int, component: int, shape: tuple[int, ...]) -> Variable:
    numpy_support = _library("util.numpy_support")
    array = getattr(image, f"Get{kind}Data")().GetAbstractArray(number)
    wrong = "" if array.IsNumeric() and array.GetDataType() != 1 else "characters or bits, not numbers"
    values = np.empty(0) if wrong else numpy_support.vtk_to_numpy(array)
    if values.ndim > 1:
        values = values[:, component]
    wrong = wrong or why_not(values.dtype, shape)
    said: dict[str, Any] = {} if kind == "Point" else {CELLS: 1}
    units = _library("vtkCommonCore").vtkDataArray.UNITS_LABEL()
    if array.GetInformation().Has(units):
        said["units"] = array.GetInformation().Get(units)
    half = 0.0 if kind == "Point" else 0.5
    spacing = tuple(image.GetSpacing())[::-1]
    corner = image.GetExtent()[4::-2]
    first = (o + (c + half) * d for o, c, d in zip(tuple(image.GetOrigin())[::-1], corner, spacing))
    # A plane has one voxel along z.
    flat = 1 if shape[0] == 1 and len(shape) == 3 else 0
    placed = {"spacing": spacing[flat:], "origin": tuple(first)[flat:]}
    dims, own = ("z", "y", "x")[flat:], shape[flat:]
    return Variable(name, own, values.dtype, dims, lambda key: values.reshape(own)[key], said, why_not=wrong, placed=placed)


def _field_data(image: Any) -> tuple[dict[str, Any], float | None]:
    """Attributes and the time."""
    data, said, time = image.GetFieldData(), {}, None
    for number in range(data.GetNumberOfArrays()):
        array = data.GetAbstractArray(number)
        values = [array.GetVariantValue(place) for place in range(min(array.GetNumberOfValues(), 64))]
        name = array.GetName()
        if name == "TimeValue" and len(values) == 1:
            time = values[0].ToDouble()
        elif name == ATTRIBUTES and len(values) == 1:
            said.update(json.loads(values[0].ToString()))
        elif name:
            said[name] = [value.ToDouble() if array.IsNumeric() else value.ToString() for value in values]
    direction = image.GetDirectionMatrix()
    if not direction.IsIdentity():
        said["vtk_direction"] = [direction.GetElement(row, column) for row in range(3) for column in range(3)]
    return plain(said.items()), time


def write(path: str, part: Part) -> None:
    """A step as image data: its points are the voxels, or its cells, where they came from some."""
    image = _library("vtkCommonDataModel").vtkImageData()
    core, numpy_support = _library("vtkCommonCore"), _library("util.numpy_support")
    missing = 3 - len(part.shape)
    are_cells = all(part.field_attributes[name].get(CELLS) for name in part.names)
    extents = [*part.shape[::-1], *[1] * missing]
    spacing = [*part.spacing[::-1], *[1.0] * missing]
    origin = [*part.origin[::-1], *[0.0] * missing]
    if are_cells:
        flat = [*[False] * len(part.shape), *[True] * missing]
        origin = [o if alone else o - d / 2 for o, d, alone in zip(origin, spacing, flat)]
        extents = [n if alone else n + 1 for n, alone in zip(extents, flat)]
    image.SetDimensions(extents)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    kept = part.attributes.get("vtk_direction")
    if isinstance(kept, list) and len(kept) == 9:
        image.SetDirectionMatrix(kept)
    data = image.GetCellData() if are_cells else image.GetPointData()
    for name in part.names:
        values = part.read(name, 0)
        if values is None:
            continue
        # VTK has no half precision.
        values = values.astype("f4") if values.dtype == np.float16 else values
        array = numpy_support.numpy_to_vtk(np.ravel(values), deep=True)
        array.SetName(name)
        unit = part.field_attributes[name].get("units")
        if unit:
            array.GetInformation().Set(core.vtkDataArray.UNITS_LABEL(), str(unit))
        data.AddArray(array)
    if data.GetNumberOfArrays():
        data.SetActiveScalars(data.GetArrayName(0))
    _say(image, part, core)
    writer = _library("vtkIOXML").vtkXMLImageDataWriter()
    writer.SetFileName(path)
    writer.SetInputData(image)
    if not writer.Write() or not os.path.exists(path):
        raise OSError(f"{path} could not be written")


def _say(image: Any, part: Part, core: Any) -> None:
    """Time and attributes, as field data."""
    if part.attributes:
        text = core.vtkStringArray()
        text.SetName(ATTRIBUTES)
        text.InsertNextValue(json.dumps({key: value for key, value in part.attributes.items() if key != "vtk_direction"}))
        image.GetFieldData().AddArray(text)
    if np.isfinite(part.times[0]):
        time = core.vtkDoubleArray()
        time.SetName("TimeValue")
        time.InsertNextValue(float(part.times[0]))
        image.GetFieldData().AddArray(time)


def write_series(path: str, names: list[str], times: np.ndarray) -> None:
    """The list of the files of a series, with their times, or their numbers where those are not known."""
    root = ET.Element("VTKFile", type="Collection", version="0.1")
    collection = ET.SubElement(root, "Collection")
    numbers = times if np.isfinite(times).all() else np.arange(len(names))
    for name, number in zip(names, numbers.tolist()):
        ET.SubElement(collection, "DataSet", timestep=repr(number), part="0", file=name)
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
