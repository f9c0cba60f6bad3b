"""The reader in VTK without a screen: grids, extents, times, levels, pictures."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
import srt_codec

vtk = pytest.importorskip("vtk")
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy  # noqa: E402

sys.path.insert(0, str(Path(__file__).parents[1]))
from srt_reader import SrtReader  # noqa: E402

SHAPE = (40, 48, 56)


def bump(shape=SHAPE, phase=0.0):
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in shape), indexing="ij")
    return (x**2 + y**2 + z**2 + 0.2 * np.sin(9 * x + phase) * np.cos(7 * y)).astype("f4")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("srt") / "u.srt"
    with srt_codec.create(
        path,
        shape=SHAPE,
        fields={"u": "", "p": ""},
        dtype={"u": "f4", "p": "f8"},
        spacing=(0.3, 0.2, 0.1),
        origin=(3.0, 2.0, 1.0),
        plan="levels",
        form="wavelet",
        max_error=1e-3,
    ) as w:
        for t in range(3):
            w.append(time=0.5 * t, u=bump(phase=t), p=bump(phase=-t).astype("f8"))
    return path


def reader(path, level=0):
    made = SrtReader()
    made.SetFileName(str(path))
    made.SetLevel(level)
    return made


def values(image, name="u"):
    shape = image.GetDimensions()[::-1]
    return vtk_to_numpy(image.GetPointData().GetArray(name)).reshape(shape)


def test_grid_fields_and_values(path):
    made = reader(path)
    made.Update()
    image = made.GetOutputDataObject(0)
    assert image.GetDimensions() == SHAPE[::-1]
    assert image.GetSpacing() == (0.1, 0.2, 0.3) and image.GetOrigin() == (1.0, 2.0, 3.0)
    f = srt_codec.open(path)
    np.testing.assert_array_equal(values(image), f["u"][0])
    np.testing.assert_array_equal(values(image, "p"), f["p"][0])


def test_times(path):
    made = reader(path)
    made.UpdateInformation()
    assert made.GetTimestepValues() == [0.0, 0.5, 1.0]
    for time, step in ((0.0, 0), (0.5, 1), (0.9, 1), (1.0, 2), (-1.0, 0), (9.0, 2)):
        made.UpdateTimeStep(time)
        np.testing.assert_array_equal(values(made.GetOutputDataObject(0)), srt_codec.open(path)["u"][step])


def test_fields_can_be_switched_off(path):
    made = reader(path)
    made.UpdateInformation()
    made.GetFieldSelection().DisableArray("u")
    made.Update()
    points = made.GetOutputDataObject(0).GetPointData()
    assert [points.GetArrayName(i) for i in range(points.GetNumberOfArrays())] == ["p"]


def test_levels_lie_where_they_say(path):
    made = reader(path, 1)
    made.Update()
    image, u = made.GetOutputDataObject(0), srt_codec.open(path)["u"].at(1)
    origin, spacing = u.placement()
    assert image.GetDimensions() == u.shape[:0:-1] and image.GetSpacing() == spacing[::-1] and image.GetOrigin() == origin[::-1]
    np.testing.assert_array_equal(values(image), u[0])
    made.SetLevel(99)
    made.Update()
    coarsest = srt_codec.open(path)["u"]
    assert made.GetOutputDataObject(0).GetDimensions() == coarsest.at(coarsest.levels).shape[:0:-1]


def test_only_the_extent_asked_for_is_decoded(path, monkeypatch):
    boxes, read = [], srt_codec.Field.read

    def noted(self, step=0, region=None, out=None):
        boxes.append(region)
        return read(self, step, region, out)

    monkeypatch.setattr(srt_codec.Field, "read", noted)
    made = reader(path)
    made.UpdateInformation()
    made.GetFieldSelection().DisableArray("p")
    made.UpdateExtent((3, 12, 4, 9, 5, 7))
    assert [(tuple(start), tuple(size)) for start, size in boxes] == [((5, 4, 3), (3, 6, 10))]
    np.testing.assert_array_equal(values(made.GetOutputDataObject(0)), srt_codec.open(path)["u"][0, 5:8, 4:10, 3:13])


def test_two_dimensions_and_half_precision(tmp_path):
    a = bump()[0].astype("f2")
    (tmp_path / "a.srt").write_bytes(srt_codec.encode(a, max_error=0, field="a"))
    made = reader(tmp_path / "a.srt")
    made.Update()
    image = made.GetOutputDataObject(0)
    assert image.GetDimensions() == (56, 48, 1)
    np.testing.assert_array_equal(values(image, "a")[0], a.astype("f4"))


def picture(source, kind):
    """What is seen of an image's isosurface or of its volume."""
    renderer, window = vtk.vtkRenderer(), vtk.vtkRenderWindow()
    if kind == "isosurface":
        contour, mapper, actor = vtk.vtkFlyingEdges3D(), vtk.vtkPolyDataMapper(), vtk.vtkActor()
        contour.SetInputData(source)
        contour.SetValue(0, 0.7)
        mapper.SetInputConnection(contour.GetOutputPort())
        mapper.ScalarVisibilityOff()
    else:
        mapper, actor, opacity, colours = vtk.vtkFixedPointVolumeRayCastMapper(), vtk.vtkVolume(), vtk.vtkPiecewiseFunction(), None
        mapper.SetInputData(source)
        opacity.AddPoint(0.0, 0.4)
        opacity.AddPoint(1.0, 0.0)
        colours = vtk.vtkColorTransferFunction()
        colours.AddRGBPoint(0.0, 1.0, 0.9, 0.2)
        colours.AddRGBPoint(1.0, 0.1, 0.2, 0.8)
        actor.GetProperty().SetScalarOpacity(opacity)
        actor.GetProperty().SetColor(colours)
    actor.SetMapper(mapper)
    renderer.AddViewProp(actor)
    window.SetOffScreenRendering(1)
    window.SetSize(300, 240)
    window.AddRenderer(renderer)
    renderer.ResetCamera()
    window.Render()
    grabbed = vtk.vtkWindowToImageFilter()
    grabbed.SetInput(window)
    grabbed.Update()
    image = grabbed.GetOutput()
    return image, vtk_to_numpy(image.GetPointData().GetScalars()).astype(float)


@pytest.mark.parametrize("kind", ["isosurface", "volume"])
def test_what_is_drawn_is_what_the_original_looks_like(path, kind):
    made = reader(path)
    made.Update()
    image = made.GetOutputDataObject(0)
    original = vtk.vtkImageData()
    original.CopyStructure(image)
    original.GetPointData().SetScalars(numpy_to_vtk(bump().ravel(), deep=True))
    drawn, decoded = picture(image, kind)
    _, expected = picture(original, kind)
    assert expected.std() > 5, "nothing is drawn"
    assert np.abs(decoded - expected).mean() < 1, "of 255"
    folder = os.environ.get("SRT_PICTURES")
    if folder:
        writer = vtk.vtkPNGWriter()
        writer.SetFileName(f"{folder}/{kind}.png")
        writer.SetInputData(drawn)
        writer.Write()


def test_pyvista_reads_by_name(path):
    pv = pytest.importorskip("pyvista")
    pytest.importorskip("srt_codec.pyvista")
    from srt_codec.pyvista import read

    image = read(path, level=1, step=2)
    assert image.dimensions == srt_codec.open(path)["u"].at(1).shape[:0:-1]
    grid = pv.read(path)
    np.testing.assert_array_equal(grid["u"].reshape(SHAPE), srt_codec.open(path)["u"][0])
