"""Files of srt in ParaView and VTK: image data with spacing, origin, time steps, fields and levels.

ParaView: Tools, Manage Plugins, Load New, this file; ``srt_codec`` must be where its Python looks for packages. VTK: an algorithm like
any other reader, ``SrtReader().SetFileName("flow.srt")``. Only the extent that is asked for is decoded.
"""

from typing import Any

import numpy as np
import srt_codec
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkDataArraySelection
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkCommonExecutionModel import vtkAlgorithm, vtkStreamingDemandDrivenPipeline

try:
    from paraview.util.vtkAlgorithm import VTKPythonAlgorithmBase, smdomain, smhint, smproperty, smproxy
except ImportError:
    from vtkmodules.util.vtkAlgorithm import VTKPythonAlgorithmBase

    class _Unmarked:
        """Stands for ParaView's decorators, which say what its panels show."""

        def __getattr__(self, name: str) -> Any:
            return lambda **_: lambda marked: marked

    smdomain = smhint = smproperty = smproxy = _Unmarked()

#: Voxels of the finest level that is shown before another one is asked for: what is drawn at once.
_AT_ONCE = 128**3


def _moments(field: srt_codec.Field) -> list[float]:
    """When the steps of a field are: their times where all are known, else their numbers."""
    times = field.times
    return times.tolist() if np.isfinite(times).all() else [float(step) for step in field.steps]


def _three(values: tuple[Any, ...], missing: Any) -> list[Any]:
    """Numbers for x, y, z from those for the axes that a field has, slowest first."""
    return [*reversed(values), missing][:3]


@smproxy.reader(name="SrtReader", label="srt reader", extensions="srt", file_description="srt files")
class SrtReader(VTKPythonAlgorithmBase):
    """A file as image data, whose points are the voxels of a level."""

    def __init__(self) -> None:
        super().__init__(nInputPorts=0, nOutputPorts=1, outputType="vtkImageData")
        self._name: str | None = None
        self._file: srt_codec.File | None = None
        self._level = -1
        self._selection = vtkDataArraySelection()
        self._selection.AddObserver("ModifiedEvent", lambda *_: self.Modified())

    @smproperty.stringvector(name="FileName")
    @smdomain.filelist()
    @smhint.filechooser(extensions="srt", file_description="srt files")
    def SetFileName(self, name: str) -> None:  # noqa: N802, as VTK has it
        """Set the file to read."""
        if name != self._name:
            self._name, self._file = name, None
            self.Modified()

    @smproperty.intvector(name="Level", default_values=-1)
    @smdomain.intrange(min=-1, max=16)
    def SetLevel(self, level: int) -> None:  # noqa: N802
        """Set the downscaling level: 0 is full resolution; -1, the default, the finest one that is drawn at once."""
        if level != self._level:
            self._level = level
            self.Modified()

    @smproperty.doublevector(name="TimestepValues", information_only="1", si_class="vtkSITimeStepsProperty")
    def GetTimestepValues(self) -> list[float]:  # noqa: N802
        """When the steps are."""
        return sorted({moment for field in self._fields() for moment in _moments(field)})

    @smproperty.dataarrayselection(name="Fields")
    def GetFieldSelection(self) -> vtkDataArraySelection:  # noqa: N802
        """Which fields are read: all, unless some are switched off."""
        return self._selection

    def _fields(self) -> list[srt_codec.Field]:
        """All fields that have a step."""
        if self._name is None:
            return []
        if self._file is None:
            self._file = srt_codec.open(self._name)
            for name in self._file:
                self._selection.AddArray(name)
        return [field for field in self._file.values() if field.steps]

    def _shown(self) -> list[srt_codec.Field]:
        """The fields that are switched on, at the level: those whose grid is that of the first."""
        fields = [field for field in self._fields() if self._selection.ArrayIsEnabled(field.name)]
        at_level = [self._at_level(field) for field in fields]
        return [field for field in at_level if field.shape[1:] == at_level[0].shape[1:]]

    def _at_level(self, field: srt_codec.Field) -> srt_codec.Field:
        level = self._level
        if level < 0:
            level = 0
            while level < field.levels and np.prod(field.at(level).shape[1:]) > _AT_ONCE:
                level += 1
        return field.at(min(level, field.levels))

    def RequestInformation(self, request: Any, inputs: Any, outputs: Any) -> int:  # noqa: N802
        """Say what there is, without decoding anything."""
        fields = self._shown()
        if not fields:
            return 0
        info, pipeline = outputs.GetInformationObject(0), vtkStreamingDemandDrivenPipeline
        extents = _three(fields[0].shape[1:], 1)
        origin, spacing = fields[0].placement()
        info.Set(pipeline.WHOLE_EXTENT(), [n for extent in extents for n in (0, extent - 1)], 6)
        info.Set(vtkImageData.SPACING(), _three(spacing, 1.0), 3)
        info.Set(vtkImageData.ORIGIN(), _three(origin, 0.0), 3)
        info.Set(vtkAlgorithm.CAN_PRODUCE_SUB_EXTENT(), 1)
        moments = self.GetTimestepValues()
        info.Remove(pipeline.TIME_STEPS())
        for moment in moments:
            info.Append(pipeline.TIME_STEPS(), moment)
        info.Set(pipeline.TIME_RANGE(), [moments[0], moments[-1]], 2)
        return 1

    def RequestData(self, request: Any, inputs: Any, outputs: Any) -> int:  # noqa: N802
        """Decode the extent that is asked for, at the last step that has come by the time that is asked for."""
        fields = self._shown()
        if not fields:
            return 0
        info, pipeline = outputs.GetInformationObject(0), vtkStreamingDemandDrivenPipeline
        extent = info.Get(pipeline.UPDATE_EXTENT())
        has_time = info.Has(pipeline.UPDATE_TIME_STEP())
        origin, spacing = fields[0].placement()
        image = vtkImageData.GetData(outputs)
        image.SetExtent(extent)
        image.SetSpacing(_three(spacing, 1.0))
        image.SetOrigin(_three(origin, 0.0))
        box = [slice(extent[2 * axis], extent[2 * axis + 1] + 1) for axis in (2, 1, 0)]
        for field in fields:
            moments = _moments(field)
            time = info.Get(pipeline.UPDATE_TIME_STEP()) if has_time else moments[0]
            step = max((i for i, moment in enumerate(moments) if moment <= time), default=0)
            values = field[(step, *box[4 - field.ndim :])]
            # VTK has no half precision.
            values = values.astype("f4") if values.dtype == "f2" else values
            array = numpy_to_vtk(np.ascontiguousarray(values).ravel(), deep=True)
            array.SetName(field.name)
            image.GetPointData().AddArray(array)
        image.GetPointData().SetActiveScalars(fields[0].name)
        if has_time:
            image.GetInformation().Set(image.DATA_TIME_STEP(), info.Get(pipeline.UPDATE_TIME_STEP()))
        return 1
