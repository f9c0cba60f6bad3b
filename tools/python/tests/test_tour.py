"""The page and the examples of the docstrings run as they stand."""

import doctest
import importlib
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
OPTIONS = doctest.NORMALIZE_WHITESPACE


def test_the_tour_runs(tmp_path, monkeypatch):
    for module in ("xarray", "zarr", "dask.array"):
        pytest.importorskip(module)
    monkeypatch.chdir(tmp_path)
    text = README.read_text(encoding="utf-8")
    examples = "\n".join(re.findall(r"```python\n(>>> .*?)```", text, re.S))
    test = doctest.DocTestParser().get_doctest(examples, {}, "README.md", str(README), 0)
    assert len(test.examples) > 20
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(test)
    assert result.failed == 0


@pytest.mark.parametrize("name", ["srt_codec", "srt_codec._codec", "srt_codec._writer", "srt_codec.zarr"])
def test_examples_of_docstrings_run(name):
    if name.endswith("zarr"):
        pytest.importorskip("zarr")
    result = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert result.failed == 0 and result.attempted > 0


def test_the_page_names_what_there_is():
    import srt_codec

    text = README.read_text(encoding="utf-8")
    for name in re.findall(r"srt_codec\.([a-z_]+)\(", text):
        assert name in srt_codec.__all__, name
