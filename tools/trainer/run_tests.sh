#!/bin/sh
# Runs the trainer's tests where PyTorch is installed or can be installed within five minutes; otherwise says why it
# does not and succeeds. A virtual environment outside the repository is kept between runs.
# PYTHON: interpreter to use; SRT_TRAINER_VENV: where to keep the environment.
set -u
here=$(cd "$(dirname "$0")" && pwd)
venv=${SRT_TRAINER_VENV:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/srt-trainer-venv}

skip() {
    echo "trainer tests skipped: $1"
    exit 0
}

ready() {
    "$1" -c 'import torch, scipy, safetensors, tqdm, pytest' 2>/dev/null
}

python=${PYTHON:-python3}
command -v "$python" >/dev/null || skip "no $python"
if ! ready "$python"; then
    if ! ready "$venv/bin/python"; then
        "$python" -m venv "$venv" || skip "no virtual environment can be made in $venv"
        timeout 300 "$venv/bin/pip" install -q torch numpy scipy safetensors tqdm pytest h5py xarray h5netcdf zarr \
            || skip "PyTorch could not be installed within five minutes"
        ready "$venv/bin/python" || skip "PyTorch was installed but cannot be imported"
    fi
    python=$venv/bin/python
fi
cd "$here" || exit 1
PYTHONPATH="$here/src${PYTHONPATH:+:$PYTHONPATH}" exec "$python" -m pytest -p no:cacheprovider tests
