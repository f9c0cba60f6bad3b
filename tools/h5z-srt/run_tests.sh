#!/bin/sh
# Tests of the filter in real h5py and netCDF4 and in the tools of HDF5 and netCDF, where these are there or can be had; otherwise says
# why not and succeeds. A virtual environment outside the repository is kept between runs, that of tools/python.
# PYTHON: interpreter to use; SRT_PYTHON_VENV: where to keep the environment.
set -u
here=$(cd "$(dirname "$0")" && pwd)
venv=${SRT_PYTHON_VENV:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/srt-python-venv}
target=${CARGO_TARGET_DIR:-$here/../../target}

skip() {
    echo "filter for HDF5 left out: $1"
    exit 0
}

ready() {
    "$venv/bin/python" -c 'import numpy, h5py, netCDF4, pytest' 2>/dev/null
}

(cd "$here" && cargo test --release --locked -p h5z-srt -p srt-h5-params && cargo build --release --locked -p srt-cli) || exit 1
python=${PYTHON:-python3}
command -v "$python" >/dev/null || skip "no $python"
if ! ready; then
    [ -x "$venv/bin/python" ] || "$python" -m venv "$venv" || skip "no virtual environment can be made in $venv"
    timeout 200 "$venv/bin/pip" install -q numpy h5py netCDF4 pytest || skip "h5py and netCDF4 could not be installed"
    ready || skip "h5py and netCDF4 were installed but cannot be imported"
fi
for tool in h5repack h5dump nccopy ncdump; do
    command -v "$tool" >/dev/null || echo "left out: no $tool (hdf5-tools, netcdf-bin)"
done
plugins=$(mktemp -d)
trap 'rm -rf "$plugins"' EXIT
"$here/install.sh" "$plugins" || exit 1
export PYTHONDONTWRITEBYTECODE=1
cd "$here" || exit 1
SRT_PLUGINS=$plugins SRT=$target/release/srt "$venv/bin/python" -m pytest -q -p no:cacheprovider tests
