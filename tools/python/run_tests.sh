#!/bin/sh
# Builds the wheel and runs its tests beside real numpy, xarray, zarr, dask and h5netcdf, where Python 3.11 and these are there or
# can be had; otherwise says why not and succeeds. A virtual environment outside the repository is kept between runs.
# PYTHON: interpreter to use; SRT_PYTHON_VENV: where to keep the environment.
set -u
here=$(cd "$(dirname "$0")" && pwd)
venv=${SRT_PYTHON_VENV:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/srt-python-venv}

skip() {
    echo "package for Python left out: $1"
    exit 0
}

ready() {
    "$venv/bin/python" -c 'import numpy, xarray, zarr, dask.array, distributed, h5netcdf, h5py, fsspec, tqdm, pytest, mypy' 2>/dev/null \
        && [ -x "$venv/bin/maturin" ]
}

python=${PYTHON:-python3}
command -v "$python" >/dev/null || skip "no $python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || skip "$python is older than 3.11"
if ! ready; then
    "$python" -m venv "$venv" || skip "no virtual environment can be made in $venv"
    timeout 300 "$venv/bin/pip" install -q 'maturin>=1.9,<2' numpy 'xarray>=2025.1' 'zarr>=3.1' 'dask[array,distributed]' \
        h5netcdf h5py fsspec tqdm pytest mypy \
        || skip "what the tests need could not be installed within five minutes"
    ready || skip "what the tests need was installed but cannot be imported"
fi
# Readers of other formats: the tests of one that cannot be had are left out, and say so.
for reader in netCDF4 nibabel tifffile mrcfile astropy vtk; do
    "$venv/bin/python" -c "import $reader" 2>/dev/null || timeout 60 "$venv/bin/pip" install -q "$reader" \
        || echo "reader $reader left out: it could not be installed in time"
done
cd "$here" || exit 1
export PYTHONDONTWRITEBYTECODE=1
wheels=$(mktemp -d)
trap 'rm -rf "$wheels"' EXIT
# What the wheel brings beside the module: the filter for HDF5.
"$here/../h5z-srt/install.sh" "$here/python/srt_codec/_plugins" || exit 1
# The way of `pip install`, with the build of the workspace used again.
"$venv/bin/maturin" build -q --release --locked --interpreter "$venv/bin/python" --out "$wheels" || exit 1
"$venv/bin/pip" install -q --force-reinstall --no-deps "$wheels"/*.whl || exit 1
cp -r tests pyproject.toml README.md "$wheels"
"$venv/bin/python" -m mypy.stubtest srt_codec._native --ignore-disjoint-bases || exit 1
"$venv/bin/python" -m mypy --strict-optional --ignore-missing-imports -p srt_codec || exit 1
exec "$venv/bin/python" -W error -m pytest -q -p no:cacheprovider -rs tests
