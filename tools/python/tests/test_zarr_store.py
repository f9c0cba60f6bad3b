"""A file as a store of Zarr v3."""

import asyncio
import itertools
import json
import pickle

import numpy as np
import pytest
import srt_codec

zarr = pytest.importorskip("zarr")

from conftest import waves  # noqa: E402
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest  # noqa: E402


def keys(store, prefix=""):
    async def collect():
        return [key async for key in store.list_prefix(prefix)]

    return asyncio.run(collect())


def children(store, folder):
    async def collect():
        return sorted([key async for key in store.list_dir(folder)])

    return asyncio.run(collect())


def test_every_level_of_every_field(flow):
    with srt_codec.open(flow) as file:
        root = zarr.open_group(file.as_zarr(), mode="r")
        assert sorted(root.group_keys()) == ["p", "u"] and root.attrs["srt"] == {"title": "waves"}
        for name, field in file.items():
            group = root[name]
            assert sorted(group.array_keys()) == [str(level) for level in range(field.levels + 1)]
            assert group.attrs["unit"] == field.unit and group.attrs["times"] == [0.0, 0.5, 1.0]
            for level in range(field.levels + 1):
                own, array = field.at(level), group[str(level)]
                assert (array.shape, array.chunks, array.dtype) == (own.shape, own.chunks, own.dtype)
                assert array.metadata.dimension_names == ("t", "z", "y", "x")
                np.testing.assert_array_equal(array[...], own[...])
                np.testing.assert_array_equal(array[1, 2:, ::3, -1], own[1, 2:, ::3, -1])


def test_chunks_at_the_ends_and_types(tmp_path):
    path = tmp_path / "odd.srt"
    fields = {"": "K", "a/b": "", "__c": "", "..": ""}
    types = dict(zip(fields, ("f2", "f4", "f8", "f4")))
    with srt_codec.create(path, shape=(150, 70), fields=fields, dtype=types, max_error=0.01) as w:
        w.append(**{name: waves((150, 70), dtype) for name, dtype in types.items()})
    file = srt_codec.open(path)
    root = zarr.open_group(file.as_zarr(), mode="r")
    assert sorted(root.group_keys()) == sorted(["field", "a%2Fb", "%5F_c", "%2E%2E"])
    for name, node in zip(fields, ("field", "a%2Fb", "%5F_c", "%2E%2E")):
        np.testing.assert_array_equal(root[f"{node}/0"][...], file[name][...])


def test_where_voxels_lie_is_said_as_ome_zarr_does(flow):
    file = srt_codec.open(flow)
    said = zarr.open_group(file.as_zarr(), mode="r")["u"].attrs["ome"]
    assert said["version"] == "0.5"
    (scales,) = said["multiscales"]
    assert [(axis["name"], axis["type"], axis["unit"]) for axis in scales["axes"]] == [
        ("t", "time", "second"),
        *((dim, "space", "meter") for dim in "zyx"),
    ]
    assert [dataset["path"] for dataset in scales["datasets"]] == [str(level) for level in range(file["u"].levels + 1)]
    for level, dataset in enumerate(scales["datasets"]):
        scale, translation = dataset["coordinateTransformations"]
        origin, spacing = file["u"].at(level).placement()
        assert scale == {"type": "scale", "scale": [0.5, *spacing]}
        assert translation == {"type": "translation", "translation": [0.0, *origin]}


def test_keys_are_those_that_are_listed(large):
    store = srt_codec.open(large).as_zarr()
    listed = keys(store)
    assert len(set(listed)) == len(listed) and children(store, "") == ["field", "zarr.json"]
    (field,) = srt_codec.open(large).values()
    counts = [-(-n // c) for n, c in zip(field.shape, field.chunks)]
    wanted = [f"field/0/c/{'/'.join(map(str, place))}" for place in itertools.product(*map(range, counts))]
    assert keys(store, "field/0/c/") == wanted and len(wanted) > 1
    assert children(store, "field/0") == ["c", "zarr.json"] and children(store, "field/0/c/0") == sorted(map(str, range(counts[1])))

    async def exists(key):
        return await store.exists(key), await store.get(key)

    for key in ("field", "field/0", "field/0/c/0/0/0/9", "field/0/c/0/0/0", "field/0/c/0/0/0/00", "field/0/c/0/0/-1/0", "x/zarr.json"):
        assert asyncio.run(exists(key)) == (False, None), key
    assert all(asyncio.run(store.exists(key)) for key in listed)


def test_a_chunk_reads_what_its_box_reads(large):
    def bytes_read(read):
        with srt_codec.open(large) as file:
            read(file)
            return file.bytes_read

    box = bytes_read(lambda file: file[""].read(0, ((0, 0, 0), file[""].chunks[1:])))
    chunk = bytes_read(lambda file: zarr.open_array(file.as_zarr(), path="field/0", mode="r")[0, :8, :8, :8])
    assert chunk <= box + 4096 and chunk < large.stat().st_size


def test_parts_of_what_is_stored(flow):
    store = srt_codec.open(flow).as_zarr()

    def get(byte_range):
        return asyncio.run(store.get("u/zarr.json", byte_range=byte_range)).to_bytes()

    whole = get(None)
    assert json.loads(whole)["node_type"] == "group"
    assert get(RangeByteRequest(3, 9)) == whole[3:9] and get(OffsetByteRequest(5)) == whole[5:] and get(SuffixByteRequest(4)) == whole[-4:]


def test_it_is_read_only_and_pickles(flow):
    store = srt_codec.open(flow).as_zarr()
    assert store.read_only and store == store and store != srt_codec.open(flow).as_zarr()
    with pytest.raises(PermissionError):
        asyncio.run(store.set("u/zarr.json", None))
    with pytest.raises(ValueError, match="read-only"):
        zarr.open_group(store, mode="a")["u/0"][...] = 1
    again = zarr.open_array(pickle.loads(pickle.dumps(store)), path="u/0", mode="r")
    np.testing.assert_array_equal(again[2], srt_codec.open(flow)["u"][2])


def test_dask_reads_through_it(flow):
    dask = pytest.importorskip("dask.array")
    array = dask.from_zarr(zarr.open_array(srt_codec.open(flow).as_zarr(), path="p/0", mode="r"))
    np.testing.assert_array_equal(array[1, ::2].compute(scheduler="threads"), srt_codec.open(flow)["p"][1, ::2])
