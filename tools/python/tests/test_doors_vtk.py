"""Image data of VTK to files and back."""

import numpy as np
import pytest
import srt_codec
from conftest import waves
from doors import done, is_clean, refused

xml = pytest.importorskip("vtkmodules.vtkIOXML")
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy  # noqa: E402
from vtkmodules.vtkCommonCore import vtkStringArray  # noqa: E402
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkRectilinearGrid  # noqa: E402
from vtkmodules.vtkIOLegacy import vtkDataSetWriter  # noqa: E402

SHAPE = (10, 12, 14)


def image_of(points, cells=None):
    """Image data with arrays by name; those of more than three axes have components."""
    image = vtkImageData()
    image.SetDimensions(SHAPE[::-1])
    image.SetSpacing(0.5, 0.25, 2.0)
    image.SetOrigin(1.0, 2.0, 3.0)
    for data, arrays in ((image.GetPointData(), points), (image.GetCellData(), cells or {})):
        for name, values in arrays.items():
            array = numpy_to_vtk(values.reshape(-1, *values.shape[3:]), deep=True)
            array.SetName(name)
            data.AddArray(array)
    return image


def written(writer, image, path):
    writer.SetFileName(str(path))
    writer.SetInputData(image)
    assert writer.Write()
    return path


def loaded(path):
    reader = xml.vtkXMLImageDataReader()
    reader.SetFileName(str(path))
    reader.Update()
    return reader.GetOutput()


def test_points_go_there_and_back(tmp_path):
    image = image_of({"u": waves(SHAPE), "v": waves((*SHAPE, 3), "f8"), "n": np.arange(10 * 12 * 14, dtype="u2").reshape(SHAPE)})
    path = written(xml.vtkXMLImageDataWriter(), image, tmp_path / "a.vti")
    listed = done("import", path, "--list")
    assert "v_z  float64  (z=10, y=12, x=14)" in listed
    args = ["--var", "u", "--var", "v_y", "--var", "n", "--max-error", "1e-3", "--unit", "u=m/s"]
    done("import", path, *args, "-o", tmp_path / "a.srt")
    f = srt_codec.open(tmp_path / "a.srt")
    assert f.spacing == (2.0, 0.25, 0.5) and f.origin == (3.0, 2.0, 1.0) and f["v_y"].dtype == "f8"
    done("export", tmp_path / "a.srt", tmp_path / "b.vti")
    back = loaded(tmp_path / "b.vti")
    assert back.GetDimensions() == SHAPE[::-1] and back.GetSpacing() == (0.5, 0.25, 2.0) and back.GetOrigin() == (1, 2, 3)
    data = back.GetPointData()
    u, v = (vtk_to_numpy(data.GetArray(name)).reshape(SHAPE) for name in ("u", "v_y"))
    assert np.abs(u - waves(SHAPE)).max() <= 1e-3 and np.abs(v - waves((*SHAPE, 3), "f8")[..., 1]).max() <= 1e-3
    assert (vtk_to_numpy(data.GetArray("n")) == np.arange(10 * 12 * 14)).all()
    done("import", tmp_path / "b.vti", "--var", "u", "-o", tmp_path / "b.srt", "--lossless")
    assert srt_codec.open(tmp_path / "b.srt")["u"].unit == "m/s" and is_clean(tmp_path)


def test_cells_lie_in_the_middle_and_come_back_as_cells(tmp_path):
    cells = waves(tuple(n - 1 for n in SHAPE))
    path = written(xml.vtkXMLImageDataWriter(), image_of({"u": waves(SHAPE)}, {"u": cells, "w": cells}), tmp_path / "a.vti")
    assert "u_cells" in done("import", path, "--list")
    assert "one grid" in refused("import", path, "--var", "u", "--var", "w", "-o", tmp_path / "o.srt", "--psnr", "50")
    done("import", path, "--var", "w", "-o", tmp_path / "w.srt", "--max-error", "1e-3")
    assert srt_codec.open(tmp_path / "w.srt").origin == (4.0, 2.125, 1.25)
    done("export", tmp_path / "w.srt", tmp_path / "w.vti")
    back = loaded(tmp_path / "w.vti")
    assert back.GetDimensions() == SHAPE[::-1] and back.GetOrigin() == (1, 2, 3)
    assert np.abs(vtk_to_numpy(back.GetCellData().GetArray("w")) - cells.ravel()).max() <= 1e-3


def test_steps_become_numbered_files_with_a_list(tmp_path, flow):
    done("export", flow, tmp_path / "f.vti")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.pvd", "f_0000.vti", "f_0001.vti", "f_0002.vti"]
    assert "-f" in refused("export", flow, tmp_path / "f.vti")
    done("export", flow, tmp_path / "f.vti", "-f")
    done("import", tmp_path / "f.pvd", "--var", "u", "--var", "p", "-o", tmp_path / "g.srt", "--lossless")
    f, g = srt_codec.open(flow), srt_codec.open(tmp_path / "g.srt")
    assert (g["u"][...] == f["u"][...]).all() and (g["p"][...] == f["p"][...]).all() and g.attrs == f.attrs
    assert g["u"].times.tolist() == [0, 0.5, 1] and g.spacing == f.spacing and g.origin == f.origin and g["p"].unit == "Pa"
    done("export", flow, tmp_path / "one.vti", "--step", "2", "--level", "1", "--field", "u")
    one = loaded(tmp_path / "one.vti")
    assert one.GetDimensions() == (14, 12, 10) and one.GetFieldData().GetArray("TimeValue").GetValue(0) == 1.0


def test_legacy_files_and_planes(tmp_path):
    image = image_of({"u": waves(SHAPE), "v": waves((*SHAPE, 3))})
    words = vtkStringArray()
    words.SetName("words")
    words.SetNumberOfValues(10 * 12 * 14)
    image.GetPointData().AddArray(words)
    writer = vtkDataSetWriter()
    writer.SetFileTypeToBinary()
    path = written(writer, image, tmp_path / "a.vtk")
    assert "words" in done("import", path, "--list")
    done("import", path, "--var", "u", "-o", tmp_path / "a.srt", "--lossless")
    assert (srt_codec.open(tmp_path / "a.srt")["u"][0] == waves(SHAPE)).all()
    (tmp_path / "p.srt").write_bytes(srt_codec.encode(waves((20, 30)), max_error=0, field="p"))
    done("export", tmp_path / "p.srt", tmp_path / "p.vti")
    done("import", tmp_path / "p.vti", "-o", tmp_path / "q.srt", "--lossless")
    assert (srt_codec.open(tmp_path / "q.srt")["p"][0] == waves((20, 30))).all()


def test_what_is_no_image_data_is_refused(tmp_path):
    path = written(vtkDataSetWriter(), vtkRectilinearGrid(), tmp_path / "r.vtk")
    assert "image data expected" in refused("import", path, "--list")
    whole = written(xml.vtkXMLImageDataWriter(), image_of({"u": waves(SHAPE)}), tmp_path / "a.vti").read_bytes()
    (tmp_path / "cut.vti").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "none.vti").write_text("no VTK")
    (tmp_path / "none.pvd").write_text("no XML")
    for name in ("cut.vti", "none.vti", "none.pvd"):
        refused("import", tmp_path / name, "--list", code=3)
