#!/bin/sh
# Tests of the reader with the wheels of VTK and PyVista, without a screen, and with the package that tools/python/run_tests.sh has
# installed; where these are not there or cannot be had, says why not and succeeds.
# SRT_PYTHON_VENV: the environment with the package. SRT_PICTURES: a folder for what is drawn.
set -u
here=$(cd "$(dirname "$0")" && pwd)
venv=${SRT_PYTHON_VENV:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/srt-python-venv}

skip() {
    echo "reader for ParaView left out: $1"
    exit 0
}

ready() {
    "$venv/bin/python" -c 'import vtk, pyvista, pytest' 2>/dev/null
}

"$venv/bin/python" -c 'import srt_codec' 2>/dev/null || skip "no srt_codec in $venv: tools/python/run_tests.sh installs it"
if ! ready; then
    timeout 300 "$venv/bin/pip" install -q vtk pyvista pytest || skip "VTK and PyVista could not be installed within five minutes"
    ready || skip "VTK was installed but cannot be imported (it needs libGL of the system)"
fi
export PYTHONDONTWRITEBYTECODE=1
cd "$here" || exit 1
exec "$venv/bin/python" -m pytest -q -p no:cacheprovider tests
