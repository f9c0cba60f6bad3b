"""Indices give what numpy gives: ten thousand of them, and what is read for them."""

import random

import numpy as np
import pytest
import srt_codec
from conftest import waves

COUNT = 10_000


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    """Fields of all types, ranks and levels, each with the array that it must be like."""
    out = []
    for dtype in ("f2", "f4", "f8"):
        for shape in ((9, 11), (20, 7), (6, 7, 9), (16, 9, 12)):
            path = tmp_path_factory.mktemp("subjects") / "a.srt"
            steps = 3
            with srt_codec.create(path, shape=shape, fields=["a"], dtype=dtype, max_error=0.01, form="wavelet") as w:
                for step in range(steps):
                    w.append(a=waves(shape, dtype, step))
            data = path.read_bytes()
            field = srt_codec.open(path)["a"]
            for level in range(field.levels + 1):
                like = np.stack([srt_codec.decode(data, step=s, level=level) for s in range(steps)])
                out.append((field.at(level), like))
    assert len(out) > 20
    return out


def item(draw, extent):
    """An index of one axis, now and then out of bounds."""
    kind = draw.random()
    place = lambda: draw.randint(-extent - 1, extent + 1)  # noqa: E731
    if kind < 0.35:
        return draw.randint(-extent, extent - 1) if draw.random() < 0.97 else place()
    if kind < 0.85:
        step = draw.choice([None, 1, 1, 2, 3, -1, -2, 5])
        return slice(*(draw.choice([None, place(), place()]) for _ in range(2)), step)
    if kind < 0.95:
        return [draw.randint(-extent, extent - 1) for _ in range(draw.randint(0, 4))]
    return np.array([draw.random() < 0.4 for _ in range(extent)])


def key(draw, shape):
    used = draw.randint(0, len(shape))
    items = [item(draw, extent) for extent in shape[:used]]
    if draw.random() < 0.3:
        tail = draw.randint(0, len(shape) - used)
        items.append(Ellipsis)
        items += [item(draw, extent) for extent in shape[len(shape) - tail :]] if tail else []
    if draw.random() < 0.1:
        items.insert(draw.randint(0, len(items)), None)
    if draw.random() < 0.02:
        items.append(0)
    if len(items) == 1 and draw.random() < 0.5:
        return items[0]
    return tuple(items)


def outcome(array, index):
    try:
        return array[index]
    except IndexError as error:
        return type(error)


def test_ten_thousand_indices_beside_numpy(subjects):
    draw = random.Random(20)
    failures = 0
    for _ in range(COUNT):
        field, like = draw.choice(subjects)
        index = key(draw, like.shape)
        expected, found = outcome(like, index), outcome(field, index)
        if isinstance(expected, type):
            failures += 1
            assert found is IndexError, (index, like.shape, found)
            continue
        assert not isinstance(found, type), (index, like.shape)
        assert np.shape(found) == np.shape(expected) and found.dtype == expected.dtype, index
        np.testing.assert_array_equal(found, expected, err_msg=repr(index))
    assert 50 < failures < COUNT / 3


def test_outer_indices_pick_along_their_own_axes(subjects):
    draw = random.Random(3)
    for _ in range(500):
        field, like = draw.choice(subjects)
        index, expected = [], like
        for extent in like.shape:
            index.append(draw.choice([slice(None, None, 2), np.array([0, extent - 1, 1]), slice(1, 4)]))
        for axis, chosen in enumerate(index):
            expected = expected[(slice(None),) * axis + (chosen,)]
        np.testing.assert_array_equal(field.read_outer(tuple(index)), expected)


def test_a_field_is_an_array(subjects):
    for field, like in subjects:
        assert field.shape == like.shape and field.ndim == like.ndim and field.size == like.size
        np.testing.assert_array_equal(np.asarray(field), like)
        assert np.asarray(field, dtype="f8").dtype == "f8"
        with pytest.raises(ValueError):
            np.array(field, copy=False)
        for bad in ("a", 1.5, np.array([0.5]), True, (Ellipsis, Ellipsis)):
            with pytest.raises((IndexError, TypeError)):
                field[bad]


def test_a_box_reads_its_bricks_alone(large):
    file = srt_codec.open(large)
    field = file[""]
    opened = file.bytes_read
    field[0, 3, 4, 5]
    one = file.bytes_read - opened
    assert one < large.stat().st_size / 2
    field[0, 3, 4, 5]
    assert file.bytes_read - opened - one < one / 2
    # A few values do not keep a box in memory.
    assert field[0, 0:64:63, 0:64:63, 0].base is None


def test_levels_that_stop_halving():
    shape = (6, 7, 9)
    data = srt_codec.encode(waves(shape), max_error=0.01)
    field = srt_codec.open(data)[""]
    assert field.levels == 1 and field.at(1).shape == (1, 6, 7, 5)
    assert field.at(1).placement() == ((0.0, 0.0, 0.0), (1.0, 1.0, 2.0))
    with pytest.raises(IndexError):
        field.at(2)
