"""Arrays of every kind come back as what they are."""

import numpy as np
import pytest
import srt_codec
from conftest import waves

SHAPE = (12, 13, 17)


def back(a, **options):
    return srt_codec.decode(srt_codec.encode(a, **(options or {"max_error": 1e-3})))


def near(a, b, error=1e-3):
    assert a.shape == b.shape
    assert np.abs(a.astype("f8") - b.astype("f8")).max() <= error


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_types_are_kept(dtype):
    a = waves(SHAPE, dtype)
    b = back(a, max_error=1e-2)
    assert b.dtype == a.dtype and b.flags.c_contiguous
    near(a, b, 1e-2)
    assert back(a, max_error=0).tobytes() == a.tobytes()


@pytest.mark.parametrize("dtype", ["f4", "f8", "f2"])
def test_order_of_fortran_is_no_other_field(dtype):
    a = np.asfortranarray(waves(SHAPE, dtype))
    assert back(a, max_error=0).tolist() == a.tolist()
    with pytest.raises(ValueError, match="order of C"):
        # What the conversion before it prevents: the extension itself must refuse it.
        srt_codec._native.encode(a, srt_codec._options.native(("max_error", 0.0)))


def test_strides_views_and_foreign_bytes():
    a = waves((24, 26, 34))
    for view in (a[::2, 1::2, ::-2], a.T, a[:, 3], a[::-1], np.broadcast_to(a[0], (3, *a[0].shape))):
        near(view, back(view))
    for dtype in (">f4", ">f8", ">f2", "<f4"):
        b = back(a.astype(dtype), max_error=0)
        assert b.dtype.isnative and (b == a.astype(dtype)).all()


def test_arrays_at_odd_bytes():
    a = waves(SHAPE)
    odd = np.frombuffer(b"x" + a.tobytes(), "f4", offset=1).reshape(SHAPE)
    assert not odd.flags.aligned
    assert (back(odd, max_error=0) == a).all()
    out = np.frombuffer(bytearray(1 + a.nbytes), "f4", offset=1).reshape(SHAPE)
    with pytest.raises(ValueError, match="out"):
        srt_codec.decode(srt_codec.encode(a, psnr=40), out=out)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i2"])
def test_integers_come_back_as_they_are_or_as_floats_that_hold_them(dtype):
    rng = np.random.default_rng(1)
    info = np.iinfo(dtype)
    a = rng.integers(max(info.min, -(2**53)), min(info.max, 2**53), SHAPE, dtype=np.dtype(dtype).newbyteorder("="))
    b = back(a.astype(dtype), max_error=0)
    assert b.dtype == ("f8" if info.bits == 64 else np.dtype(dtype).newbyteorder("="))
    assert (b == a).all()


def test_what_is_not_stored_says_so():
    with pytest.raises(ValueError, match="2\\*\\*53"):
        back(np.full((4, 5), 2**60))
    for dtype in (bool, complex, "M8[s]", object, "U3", np.longdouble):
        with pytest.raises(TypeError, match="float16"):
            back(np.zeros((4, 5), dtype))
    for shape in ((), (2, 2, 2, 2), (0, 5)):
        with pytest.raises(ValueError):
            back(np.zeros(shape))


def test_masked_values_and_nan():
    a = waves(SHAPE)
    masked = np.ma.masked_greater(a, 1.0)
    b = back(masked)
    assert np.isnan(b[masked.mask]).all() and np.isfinite(b[~masked.mask]).all()
    near(a[~masked.mask], b[~masked.mask])
    b = back(masked, max_error=1e-3, mask_value=-999)
    assert (b[masked.mask] == -999).all()
    ints = np.ma.masked_equal(np.arange(60, dtype="i2").reshape(6, 10), 7)
    with pytest.raises(ValueError, match="mask_value"):
        srt_codec.encode(ints, max_error=0)
    b = back(ints, max_error=0, mask_value=-1)
    assert b.dtype == ints.dtype and b[0, 7] == -1 and b[0, 8] == 8
    a[3, 4, 5], a[0] = np.nan, np.inf
    b = back(a)
    assert np.isnan(b[3, 4, 5]) and np.isinf(b[0]).all()


def test_one_bound_and_only_one():
    a = waves(SHAPE)
    for options in ({}, {"psnr": 40, "ratio": 5}):
        with pytest.raises(TypeError, match="exactly one"):
            srt_codec.encode(a, **options)
    for options in ({"psnr": 40}, {"ssim": 0.9}, {"max_error": 0.1}, {"rel_error": 0.01}, {"ratio": 3}):
        assert srt_codec.encode(a, **options)[:4] == b"\x89SRT"
    with pytest.raises(ValueError, match="device"):
        srt_codec.encode(a, psnr=40, device="cuda")
    with pytest.raises(ValueError):
        srt_codec.encode(a, max_error=-1)
    with pytest.raises(ValueError, match="model"):
        srt_codec.encode(a, psnr=40, model="no such")


def test_the_input_is_not_changed():
    a = waves(SHAPE)
    a.setflags(write=False)
    before = a.tobytes()
    back(a)
    back(np.ma.masked_greater(a, 1.0))
    assert a.tobytes() == before


def test_out_is_filled_and_returned():
    a = waves(SHAPE)
    data = srt_codec.encode(a, max_error=1e-3)
    whole = srt_codec.decode(data)
    out = np.full(SHAPE, np.nan, "f4")
    assert srt_codec.decode(data, out=out) is out and (out == whole).all()
    part = np.empty((3, 4, 5), "f4")
    srt_codec.decode(data, out=part, region=((1, 4), slice(2, 6), (3, 8)))
    assert (part == whole[1:4, 2:6, 3:8]).all()
    read_only = np.empty(SHAPE, "f4")
    read_only.setflags(write=False)
    for bad in (np.empty(SHAPE, "f8"), np.empty(SHAPE, "f4", order="F"), np.empty((2, 2, 2), "f4"), read_only):
        with pytest.raises(ValueError, match="out"):
            srt_codec.decode(data, out=bad)


def test_progress_is_told_and_its_errors_do_not_stop_the_work():
    a = waves((24, 26, 34))
    seen = []
    srt_codec.encode(a, psnr=50, progress=lambda passes, quality: seen.append((passes, quality)))
    assert seen and seen[0][0] >= 1


def test_statistics():
    a = waves(SHAPE, "f8")
    a[0, 0, 0] = np.nan
    found = srt_codec.stat(a)
    assert found["count"] == a.size - 1
    assert found["min"] == np.nanmin(a) and found["max"] == np.nanmax(a)
    assert abs(found["mean"] - np.nanmean(a)) < 1e-9 and abs(found["spread"] - np.nanstd(a)) < 1e-9
