"""NIfTI and TIFF to files and back."""

import subprocess
import sys

import numpy as np
import pytest
import srt_codec
from conftest import waves
from doors import done, is_clean, refused

SHAPE = (6, 20, 24)


@pytest.fixture(scope="module")
def nib():
    return pytest.importorskip("nibabel")


@pytest.fixture(scope="module")
def tiff():
    return pytest.importorskip("tifffile")


@pytest.mark.parametrize("suffix", ["nii", "nii.gz"])
def test_a_series_of_nifti_goes_there_and_back(tmp_path, nib, suffix):
    a = waves((3, *SHAPE))
    affine = np.array([[-2, 0.1, 0, 9], [0, 2.5, 0.2, -8], [0, 0, 3, 7], [0, 0, 0, 1]], "f8")
    image = nib.Nifti1Image(a.T, affine)
    image.header.set_xyzt_units("mm", "sec")
    image.header.set_zooms((*image.header.get_zooms()[:3], 1.5))
    image.header["descrip"] = b"a brain"
    nib.save(image, tmp_path / f"a.{suffix}")
    assert "3 steps" in done("import", tmp_path / f"a.{suffix}", "--list")
    done("import", tmp_path / f"a.{suffix}", "-o", tmp_path / "a.srt", "--max-error", "1e-3")
    f = srt_codec.open(tmp_path / "a.srt")
    assert f["data"].shape == a.shape and f["data"].times.tolist() == [0, 1.5, 3] and f.length_unit == "mm" and f.time_unit == "s"
    assert np.allclose(f.spacing, image.header.get_zooms()[2::-1]) and f.attrs["description"] == "a brain"
    done("export", tmp_path / "a.srt", tmp_path / f"b.{suffix}")
    back = nib.load(tmp_path / f"b.{suffix}")
    assert np.abs(back.get_fdata().T - a).max() <= 1e-3 and back.get_data_dtype() == "f4" and is_clean(tmp_path)
    assert np.allclose(back.affine, affine, atol=1e-6) and back.header.get_xyzt_units() == ("mm", "sec")
    assert np.allclose(back.header.get_zooms(), image.header.get_zooms()) and back.header["descrip"] == b"a brain"
    # A box of a coarse level lies where it lay.
    done("export", tmp_path / "a.srt", tmp_path / f"c.{suffix}", "--step", "1", "--region", "2:5,4:,:")
    box = nib.load(tmp_path / f"c.{suffix}")
    assert np.allclose(box.affine[:, 3], affine @ [0, 4, 2, 1], atol=1e-5)
    assert np.abs(box.get_fdata()[..., 0].T - a[1, 2:5, 4:]).max() <= 1e-3


def test_nifti_with_a_slope_is_unpacked_or_kept(tmp_path, nib):
    stored = (np.arange(np.prod(SHAPE)).reshape(SHAPE) % 701).astype(">i2")
    image = nib.Nifti1Image(stored.T, np.eye(4), nib.Nifti1Header(endianness=">"))
    image.header.set_data_dtype(">i2")
    image.header.set_slope_inter(0.5, 10)
    nib.save(image, tmp_path / "a.nii")
    a = nib.load(tmp_path / "a.nii").get_fdata().T
    note = done("import", tmp_path / "a.nii", "-o", tmp_path / "a.srt", "--lossless")
    assert "unpacked" in note and (srt_codec.open(tmp_path / "a.srt")["data"][0] == a).all()
    done("import", tmp_path / "a.nii", "-o", tmp_path / "k.srt", "--lossless", "--keep-packed")
    done("export", tmp_path / "k.srt", tmp_path / "k.nii")
    kept = nib.load(tmp_path / "k.nii")
    assert (kept.get_fdata().T == a).all() and kept.get_data_dtype() == "i2"


def test_nifti_of_planes_and_cut_files(tmp_path, nib):
    a = waves((20, 24), "f8")
    nib.save(nib.Nifti1Image(a.T, np.eye(4)), tmp_path / "p.nii")
    done("import", tmp_path / "p.nii", "-o", tmp_path / "p.srt", "--lossless")
    done("export", tmp_path / "p.srt", tmp_path / "q.nii")
    assert (nib.load(tmp_path / "q.nii").get_fdata().T == a).all()
    (tmp_path / "cut.nii").write_bytes((tmp_path / "p.nii").read_bytes()[:500])
    refused("import", tmp_path / "cut.nii", "-o", tmp_path / "cut.srt", "--lossless", code=3)
    (tmp_path / "none.nii").write_bytes(b"no NIfTI")
    refused("import", tmp_path / "none.nii", "--list", code=3)
    assert not (tmp_path / "cut.srt").exists() and is_clean(tmp_path)


def test_a_series_of_tiff_goes_there_and_back(tmp_path, tiff):
    a = waves((3, *SHAPE))
    metadata = {"axes": "TZYX", "spacing": 0.5, "unit": "um", "finterval": 2.0}
    tiff.imwrite(tmp_path / "a.tif", a, imagej=True, resolution=(4.0, 5.0), metadata=metadata)
    done("import", tmp_path / "a.tif", "-o", tmp_path / "a.srt", "--max-error", "1e-3", "--unit", "mV")
    f = srt_codec.open(tmp_path / "a.srt")
    assert f["data"].shape == a.shape and np.allclose(f.spacing, (0.5, 0.2, 0.25)) and f.length_unit == "um"
    assert f["data"].times.tolist() == [0, 2, 4] and f.time_unit == "s" and f["data"].unit == "mV"
    done("export", tmp_path / "a.srt", tmp_path / "b.tif")
    assert np.abs(tiff.imread(tmp_path / "b.tif") - a).max() <= 1e-3 and is_clean(tmp_path)
    done("import", tmp_path / "b.tif", "-o", tmp_path / "b.srt", "--lossless")
    g = srt_codec.open(tmp_path / "b.srt")
    assert (g["data"][...] == f["data"][...]).all() and g.spacing == f.spacing and g.length_unit == "um"
    assert g["data"].times.tolist() == [0, 2, 4]


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", ">f4", "f8", "i4"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_stacks_of_tiff_keep_their_type(tmp_path, tiff, dtype, compression):
    a = (waves(SHAPE, "f8") * 40 + 100).astype(dtype)
    byteorder = ">" if dtype.startswith(">") else "<"
    tiff.imwrite(tmp_path / "a.tif", a, byteorder=byteorder, compression=compression, photometric="minisblack", metadata=None)
    done("import", tmp_path / "a.tif", "-o", tmp_path / "a.srt", "--lossless")
    done("export", tmp_path / "a.srt", tmp_path / "b.tif")
    back = tiff.imread(tmp_path / "b.tif")
    assert (back == a).all() and back.dtype == np.dtype(dtype).newbyteorder("=")


def test_several_files_are_steps_or_planes(tmp_path, tiff):
    a = waves(SHAPE)
    files = [tmp_path / f"slice{z}.tif" for z in range(len(a))]
    for file, plane in zip(files, a):
        tiff.imwrite(file, plane)
    done("import", *files, "--planes", "-o", tmp_path / "v.srt", "--max-error", "1e-3")
    volume = srt_codec.open(tmp_path / "v.srt")["data"]
    assert volume.shape == (1, *SHAPE) and np.abs(volume[0] - a).max() <= 1e-3
    done("import", *files, "-o", tmp_path / "s.srt", "--max-error", "1e-3")
    assert np.abs(srt_codec.open(tmp_path / "s.srt")["data"][...] - a).max() <= 1e-3
    tiff.imwrite(files[3], a[0, :4])
    assert "slice3.tif" in refused("import", *files, "-o", tmp_path / "v.srt", "--psnr", "50", "-f", code=3)
    assert is_clean(tmp_path) and srt_codec.open(tmp_path / "v.srt")["data"].shape == (1, *SHAPE)


def test_tiff_of_colours_and_cut_files(tmp_path, tiff):
    a = (np.arange(20 * 24 * 3).reshape(20, 24, 3) % 251).astype("u1")
    tiff.imwrite(tmp_path / "rgb.tif", a, photometric="rgb")
    done("import", tmp_path / "rgb.tif", "--at", "sample=1", "-o", tmp_path / "g.srt", "--lossless")
    assert (srt_codec.open(tmp_path / "g.srt")["data"][0] == a[..., 1]).all()
    tiff.imwrite(tmp_path / "z.tif", waves(SHAPE), compression="zlib")
    (tmp_path / "cut.tif").write_bytes((tmp_path / "z.tif").read_bytes()[:4000])
    refused("import", tmp_path / "cut.tif", "-o", tmp_path / "cut.srt", "--lossless", code=3)
    (tmp_path / "none.tif").write_bytes(b"no TIFF")
    refused("import", tmp_path / "none.tif", "--list", code=3)
    assert not (tmp_path / "cut.srt").exists() and is_clean(tmp_path)


def test_times_that_a_format_cannot_say_are_noted(tmp_path, tiff, nib):
    for unit, times, says in (("s", (0, 1, 3), "evenly"), ("days since 2000-01-01", (0, 1, 2), "does not know")):
        with srt_codec.create(tmp_path / "a.srt", shape=(16, 20), fields=["u"], max_error=0, time_unit=unit) as writer:
            for time in times:
                writer.append(time=time, u=waves((16, 20)))
        for suffix in ("nii", "tif"):
            assert says in done("export", tmp_path / "a.srt", tmp_path / f"a.{suffix}", "-f")


def test_a_reader_that_is_missing_is_named(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"II*\0")
    script = (
        "import sys; sys.modules['tifffile'] = None; from srt_codec._import import main; "
        f"sys.argv = ['srt-import', {str(tmp_path / 'a.tif')!r}, '--list']; sys.exit(main())"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.returncode == 2 and "pip install 'srt-codec[tiff]'" in ran.stderr


def test_a_format_of_one_field_asks_which(tmp_path, flow, nib):
    assert "--field" in refused("export", flow, tmp_path / "a.nii")
    done("export", flow, tmp_path / "a.nii", "--field", "u")
    image = nib.load(tmp_path / "a.nii")
    assert np.allclose(image.header.get_zooms(), (0.125, 0.25, 0.5, 0.5)) and np.allclose(image.affine[:3, 3], (2, 0, -1))
    assert image.header.get_xyzt_units() == ("meter", "sec")
