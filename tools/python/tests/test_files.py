"""Files: what they say, where they come from, what is made of them."""

import hashlib
import io
import json
import os
import pickle

import numpy as np
import pytest
import srt_codec
from conftest import ROOT, waves

GOLDEN = ROOT / "tests/data/golden"


def sums():
    lines = (GOLDEN / "sums.txt").read_text().split("\n")
    return [(parts[1], parts[0]) for parts in (line.split() for line in lines) if len(parts) == 2]


def test_there_are_golden_files():
    assert len(sums()) > 20


@pytest.mark.parametrize("name,sha256", sums())
def test_golden_files_decode_to_their_sums(name, sha256):
    path = GOLDEN / name
    if not path.exists():
        path = GOLDEN / f"{name}.srt"
    file = srt_codec.open(path)
    frames = [(frame, field.read(step)) for field in file.values() for step, (frame, _) in enumerate(field._frames)]
    digest = hashlib.sha256()
    for _, array in sorted(frames, key=lambda frame: frame[0]):
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    assert digest.hexdigest() == sha256


@pytest.mark.parametrize("folder,errors", [("bad", None), ("unsupported", (srt_codec.Unsupported, srt_codec.MissingWeights))])
def test_bad_files_raise_our_errors(folder, errors):
    paths = list((ROOT / "tests/data" / folder).glob("*.srt"))
    assert paths
    for path in paths:
        with pytest.raises(errors or srt_codec.SrtError):
            for field in srt_codec.open(path).values():
                for step in range(len(field)):
                    field.read(step)


def test_what_a_file_says(flow):
    with srt_codec.open(flow) as file:
        assert list(file) == ["u", "p"] and len(file) == 2 and "u" in file and "v" not in file
        assert file.shape == (20, 24, 28) and file.spacing == (0.5, 0.25, 0.125) and file.origin == (-1.0, 0.0, 2.0)
        assert file.length_unit == "m" and file.time_unit == "s" and file.attrs == {"title": "waves"}
        u = file["u"]
        assert u.unit == "m/s" and u.dtype == "f4" and file["p"].dtype == "f8" and u.attrs == {"long_name": "speed"}
        assert u.times.tolist() == [0.0, 0.5, 1.0] and u.steps == (0, 1, 2)
        assert u.bound(1) == ("max_error", 1e-3) and u.measured(2)["max_error"] <= 1e-3
        assert u.psnr() > 40 and u.chunks[0] == 1 and len(u.chunks) == 4
        assert u.at(1).placement() == ((-1.0, 0.0, 2.0), (1.0, 0.5, 0.25))
        assert "u" in repr(u) and "20 x 24 x 28" in repr(file)
        for html in (file._repr_html_(), u._repr_html_()):
            assert "<table>" in html and "data:image/png;base64" in html
        with pytest.raises(KeyError):
            file["v"]
    with pytest.raises(ValueError, match="closed"):
        u[0]


def test_sources_give_the_same(flow):
    expected = srt_codec.open(flow)["u"][...]
    data = flow.read_bytes()
    with open(flow, "rb") as file:
        sources = [
            str(flow),
            flow,
            data,
            bytearray(data),
            memoryview(data),
            np.frombuffer(data, "u1"),
            f"file://{flow}",
            file,
            io.BytesIO(data),
        ]
        for source in sources:
            assert (srt_codec.open(source)["u"][...] == expected).all()


def test_a_store_is_asked_for_little(large):
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.pipe_file("/large.srt", large.read_bytes())
    asked = []
    plain = type(fs).cat_ranges

    def counted(self, paths, starts, ends, **options):
        asked.append(sum(ends) - sum(starts))
        return plain(self, paths, starts, ends, **options)

    type(fs).cat_ranges = counted
    try:
        field = srt_codec.open("memory://large.srt")[""]
        assert len(asked) <= 3
        part = field[0, 10:20, 30:40, 50:60]
    finally:
        type(fs).cat_ranges = plain
    assert (part == srt_codec.open(large)[""][0, 10:20, 30:40, 50:60]).all()
    assert len(asked) <= 7 and sum(asked) < large.stat().st_size


def test_errors_of_a_store_are_raised_as_they_are(flow):
    class Broken(io.BytesIO):
        def read(self, n=-1):
            raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        srt_codec.open(Broken(flow.read_bytes()))


def test_errors_of_the_system_are_those_of_python(tmp_path):
    with pytest.raises(FileNotFoundError):
        srt_codec.open(tmp_path / "none.srt")
    with pytest.raises((IsADirectoryError, OSError, ValueError)):
        srt_codec.open(tmp_path)
    with pytest.raises(OSError):
        srt_codec.create(tmp_path / "no" / "a.srt", shape=(2, 2), fields=["a"], psnr=40)
    with pytest.raises(ValueError, match="mode"):
        srt_codec.open(tmp_path / "a.srt", "w")
    subtitle = tmp_path / "film.srt"
    subtitle.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    with pytest.raises(srt_codec.Corrupt, match="magic"):
        srt_codec.open(subtitle)
    for kind in ("Corrupt", "Truncated", "Unsupported", "LimitExceeded", "BoundNotMet", "MissingWeights", "Device"):
        error = getattr(srt_codec, kind)("why")
        assert isinstance(error, srt_codec.SrtError) and str(pickle.loads(pickle.dumps(error))) == "why"


def test_pickles_by_path_url_and_bytes(flow):
    for source in (flow, str(flow), f"file://{flow}", flow.read_bytes(), memoryview(flow.read_bytes())):
        file = srt_codec.open(source, threads=1)
        pickled = pickle.dumps(file)
        assert isinstance(source, (bytes, memoryview)) or len(pickled) < 1000
        assert (pickle.loads(pickled)["p"][1, 3] == file["p"][1, 3]).all()
        field = pickle.loads(pickle.dumps(file["p"].at(1)))
        assert field.level == 1 and (field[0] == file["p"].at(1)[0]).all()
    with open(flow, "rb") as opened, pytest.raises(TypeError, match="pickle"):
        pickle.dumps(srt_codec.open(opened))


def test_a_file_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "a.srt"
    with pytest.raises(RuntimeError, match="stop"):
        with srt_codec.create(path, shape=(4, 5), fields=["a"], psnr=40) as w:
            w.append(a=np.ones((4, 5), "f4"))
            raise RuntimeError("stop")
    assert os.listdir(tmp_path) == []
    with srt_codec.create(path, shape=(4, 5), fields=["a", "b"], dtype="f4", max_error=0) as w:
        with pytest.raises(KeyError):
            w.append(c=np.ones((4, 5)))
        with pytest.raises(ValueError, match="shape"):
            w.append(a=np.ones((5, 4), "f4"))
        with pytest.raises(ValueError, match="larger"):
            w.append(a=np.full((4, 5), 1e300))
        w.append(a=np.asfortranarray(np.arange(20, dtype="f4").reshape(4, 5)), b=np.full((4, 5), 0.1))
    assert os.listdir(tmp_path) == ["a.srt"]
    assert (srt_codec.open(path)["a"][0] == np.arange(20).reshape(4, 5)).all()
    assert (srt_codec.open(path)["b"][0] == np.float32(0.1)).all()


def test_attributes_and_coordinates_come_back(tmp_path):
    path = tmp_path / "a.srt"
    lat = [-60.5, -30.0, 10.25, 45.0]
    with srt_codec.create(
        path,
        shape=(4, 5),
        fields=["t"],
        max_error=0.1,
        dims=("lat", "lon"),
        coords={"lat": {"values": lat, "attributes": {"units": "degrees_north"}}},
        attrs={"history": "é", "n": np.float32(1.5), "list": np.arange(3)},
    ) as w:
        w.append(t=np.zeros((4, 5), "f4"))
    file = srt_codec.open(path)
    assert file.dims == ("lat", "lon") and file.coords["lat"].tolist() == lat
    assert file.attrs == {"history": "é", "n": 1.5, "list": [0, 1, 2]}
    assert srt_codec.inspect(path)["dataset"]["attributes"]["dimensions"] == ["lat", "lon"]
    for attrs in ({"a": float("nan")}, {"a": "x" * (1 << 20)}):
        with pytest.raises(ValueError):
            srt_codec.create(path, shape=(4, 5), fields=["t"], max_error=0.1, attrs=attrs)
    with pytest.raises(TypeError, match="JSON"):
        srt_codec.create(path, shape=(4, 5), fields=["t"], max_error=0.1, attrs={"a": object()})


def test_parts_make_the_whole(tmp_path, turbulence):
    stat = srt_codec.stat(turbulence)
    span = (stat["min"], stat["max"])
    paths = []
    for start in (0, 32):
        paths.append(tmp_path / f"{start}.srt")
        slab = np.asfortranarray(turbulence[start : start + 32])
        srt_codec.encode_part(slab, paths[-1], start=start, total=64, field="u", psnr=50, range=span)
    whole = tmp_path / "whole.srt"
    assert srt_codec.merge(paths, whole) == whole.stat().st_size
    found = srt_codec.open(whole)["u"][0]
    rmse = np.sqrt(np.mean((found.astype("f8") - turbulence) ** 2))
    assert 20 * np.log10((span[1] - span[0]) / rmse) >= 50
    with pytest.raises(TypeError, match="range"):
        srt_codec.encode_part(turbulence, tmp_path / "x.srt", start=0, total=64, psnr=50)
    with pytest.raises(ValueError, match="part"):
        srt_codec.open(paths[0])["u"][0]


def test_inspect_is_that_of_the_program(tmp_path, flow):
    found = srt_codec.inspect(flow)
    assert found["dataset"]["shape"] == [20, 24, 28]
    json.dumps(found)
    # A compact file is shown in its long form.
    (tmp_path / "small.srt").write_bytes(srt_codec.encode(waves((8, 9, 10)), max_error=1e-2))
    small = srt_codec.inspect(tmp_path / "small.srt")
    assert small["dataset"]["shape"] == [8, 9, 10] and not small.get("findings")


def test_waves_are_smooth():
    assert len(srt_codec.encode(waves((32, 32, 32)), max_error=1e-2)) < 32**3


def test_steps_are_predicted_from_those_before(tmp_path, turbulence):
    steps = [turbulence + np.float32(0.02 * t) * turbulence[::-1] for t in range(4)]
    sizes = {}
    for interval in (1, None):
        path = tmp_path / f"{interval}.srt"
        with srt_codec.create(path, shape=turbulence.shape, fields=["u"], psnr=50, model="none", **({"key_interval": 1} if interval else {})) as w:
            for u in steps:
                w.append(u=u)
        sizes[interval] = path.stat().st_size
        with srt_codec.open(path) as file:
            for t, u in enumerate(steps):
                decoded = file["u"][t].astype("f8")
                mse = np.mean((decoded - u) ** 2)
                assert 20 * np.log10(np.ptp(u) / np.sqrt(mse)) >= 50
            np.testing.assert_array_equal(file["u"][3, 5:9, ::2], decoded[5:9, ::2])
    assert sizes[None] < 0.7 * sizes[1]
