"""The serializer ``srt`` of Zarr v3."""

import numpy as np
import pytest
import srt_codec

zarr = pytest.importorskip("zarr")

from conftest import waves  # noqa: E402
from srt_codec.zarr import SrtCodec  # noqa: E402


def array(a, chunks, **options):
    codec = options.pop("codec", None) or SrtCodec(max_error=1e-3)
    z = zarr.create_array({}, shape=a.shape, chunks=chunks, dtype=a.dtype, serializer=codec, compressors=None, **options)
    z[...] = a
    return z


@pytest.mark.parametrize(
    "shape,chunks",
    [
        ((20, 24, 28), (16, 16, 16)),
        ((40, 30), (16, 30)),
        ((5, 9, 10, 11), (1, 9, 10, 11)),
        ((2, 3, 8, 9, 10), (1, 1, 8, 8, 8)),
        ((50,), (20,)),
    ],
)
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_arrays_of_all_ranks(shape, chunks, dtype):
    a = waves(shape, dtype)
    z = array(a, chunks, codec=SrtCodec(max_error=0.01))
    back = z[...]
    assert back.dtype == a.dtype and np.abs(back.astype("f8") - a.astype("f8")).max() <= 0.01
    again = zarr.open_array(z.store)
    for key in (
        (0,),
        (slice(1, 4),),
        (..., slice(2, 9, 3)),
        (..., -1),
        (slice(None, None, 2), ..., 1) if len(shape) > 1 else (3,),
    ):
        np.testing.assert_array_equal(again[key], back[key])
    outer = ([0, 1],) + (slice(1, 7),) * (len(shape) - 1)
    np.testing.assert_array_equal(again.oindex[outer], back[outer])
    points = tuple(np.array([0, n - 1]) for n in shape)
    np.testing.assert_array_equal(again.vindex[points], back[points])


def test_sharding_and_regions():
    a = waves((64, 64, 64))
    z = array(a, (32, 32, 32), shards=(64, 64, 64))
    assert np.abs(z[...] - a).max() <= 1e-3
    np.testing.assert_array_equal(z[3:40, 5, ::2], z[...][3:40, 5, ::2])
    # A read-modify-write of a lossy chunk moves its neighbours, each time by up to another bound.
    z[0, 0, 0] = 7.0
    assert abs(z[0, 0, 0] - 7.0) <= 1e-3 and np.abs(z[...] - a)[1:].max() <= 2e-3


def test_fill_values_come_back_exactly():
    a = waves((16, 16, 16))
    a[2:5] = -999.0
    z = array(a, (16, 16, 16), fill_value=-999.0)
    assert (z[2:5] == -999.0).all() and np.abs(z[...] - a).max() <= 1e-3
    z = zarr.create_array(
        {}, shape=(16, 16), chunks=(16, 16), dtype="f4", serializer=SrtCodec(max_error=0.1), compressors=None, fill_value=0
    )
    z[3:9, 3:9] = 5.0
    assert (z[:3] == 0).all()
    nan = waves((16, 16, 16))
    nan[0] = np.nan
    assert np.isnan(array(nan, (8, 8, 8), fill_value=np.nan)[0]).all()


def test_big_endian_and_f_order_data():
    a = np.asfortranarray(waves((12, 13, 14), "f8"))
    assert np.abs(array(a, (12, 13, 14))[...] - a).max() <= 1e-3
    z = zarr.create_array(
        {}, shape=a.shape, chunks=(12, 13, 14), dtype=">f8", serializer=SrtCodec(max_error=1e-3), compressors=None
    )
    z[...] = a
    assert np.abs(z[...] - a).max() <= 1e-3


def test_configuration_is_read_and_written():
    codec = SrtCodec(psnr=50, range=(0, 2), effort=1)
    said = codec.to_dict()
    assert said == {"name": "srt", "configuration": {"psnr": 50.0, "range": [0.0, 2.0], "effort": 1}}
    assert SrtCodec.from_dict(said) == codec and hash(codec) == hash(SrtCodec.from_dict(said))
    with pytest.raises(TypeError):
        SrtCodec()
    with pytest.raises(TypeError, match="unknown|expected"):
        SrtCodec(psnr=50, nonsense=1)
    assert isinstance(zarr.registry.get_codec_class("srt"), type)


def test_a_range_makes_chunks_agree_on_psnr():
    a = np.concatenate([waves((32, 32, 32)), 0.01 * waves((32, 32, 32))])
    span = (float(a.min()), float(a.max()))
    size = lambda z: z.nbytes_stored()  # noqa: E731
    assert size(array(a, (32, 32, 32), codec=SrtCodec(psnr=60, range=span))) < size(
        array(a, (32, 32, 32), codec=SrtCodec(psnr=60))
    )


def test_what_cannot_be_stored_is_refused():
    for dtype, chunks in (("i8", (8, 8, 8)), ("bool", (8, 8, 8))):
        with pytest.raises(ValueError, match="float"):
            zarr.create_array({}, shape=(8, 8, 8), chunks=chunks, dtype=dtype, serializer=SrtCodec(psnr=40), compressors=None)
    with pytest.raises(ValueError, match="one voxel"):
        zarr.create_array({}, shape=(2, 8, 8, 8), chunks=(2, 8, 8, 8), dtype="f4", serializer=SrtCodec(psnr=40), compressors=None)


def test_xarray_writes_through_it(tmp_path):
    xr = pytest.importorskip("xarray")
    a = waves((2, 16, 16, 16))
    ds = xr.Dataset({"u": (("t", "z", "y", "x"), a)})
    encoding = {"u": {"serializer": SrtCodec(max_error=1e-3), "chunks": (1, 16, 16, 16), "compressors": ()}}
    ds.to_zarr(tmp_path / "a.zarr", encoding=encoding, zarr_format=3, consolidated=False)
    with xr.open_zarr(tmp_path / "a.zarr", consolidated=False) as back:
        assert np.abs(back.u.values - a).max() <= 1e-3


def test_seams_cost():
    """What the page says of small chunks."""
    a = waves((64, 64, 64))
    one = len(srt_codec.encode(a, psnr=40, effort=1))
    eight = sum(
        len(srt_codec.encode(a[z : z + 32, y : y + 32, x : x + 32], psnr=40, effort=1))
        for z in (0, 32)
        for y in (0, 32)
        for x in (0, 32)
    )
    assert eight > one
