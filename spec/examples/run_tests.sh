#!/bin/sh
# Lets the reader in Python decode every example and refuse every bad file, where Python 3.10 and numpy are there or
# can be had; otherwise says why not and succeeds. A virtual environment outside the repository is kept between runs.
# PYTHON: interpreter to use; SRT_SPEC_VENV: where to keep the environment.
set -u
here=$(cd "$(dirname "$0")" && pwd)
venv=${SRT_SPEC_VENV:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/srt-spec-venv}

skip() {
    echo "reader in Python left out: $1"
    exit 0
}

ready() {
    "$1" -c 'import numpy, zstandard' 2>/dev/null
}

python=${PYTHON:-python3}
command -v "$python" >/dev/null || skip "no $python"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || skip "$python is older than 3.10"
if ! ready "$python"; then
    if ! ready "$venv/bin/python"; then
        "$python" -m venv "$venv" || skip "no virtual environment can be made in $venv"
        timeout 300 "$venv/bin/pip" install -q -r "$here/requirements.txt" \
            || skip "numpy and zstandard could not be installed within five minutes"
        ready "$venv/bin/python" || skip "numpy and zstandard were installed but cannot be imported"
    fi
    python=$venv/bin/python
fi
cd "$here" || exit 1
export PYTHONDONTWRITEBYTECODE=1
"$python" worked.py && exec "$python" check.py ../../tests/data/golden ../../tests/data/bad ../../tests/data/unsupported
