#!/bin/bash
# Compiles the kernels for several architectures with NVRTC and prints what they use; fails on spilled registers
# and on serialised warpgroup instructions. Needs no GPU. NVRTC comes from PyPI, once, into the user's cache folder.
#   tools/gpu-check/compile_check.sh [--store DIR] [ARCH ..]
set -euo pipefail
cd "$(dirname "$0")/../.."

version=13.5.37
cache=${XDG_CACHE_HOME:-$HOME/.cache}/srt/nvrtc-$version

if [ ! -d "$cache" ]; then
    if ! command -v python3 >/dev/null || ! python3 -m pip --version >/dev/null 2>&1; then
        echo "left out: python3 with pip is not installed"
        exit 0
    fi
    mkdir -p "$(dirname "$cache")"
    fetched=$(mktemp -d "$cache.XXXXXX")
    trap 'rm -rf "$fetched"' EXIT
    if ! python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$fetched" \
        "nvidia-cuda-nvrtc==$version"; then
        echo "left out: NVRTC $version could not be fetched"
        exit 0
    fi
    mv -T "$fetched" "$cache"
    trap - EXIT
fi

cargo build --release --locked -p srt -p gpu-check
LD_LIBRARY_PATH="$cache/nvidia/cu13/lib" target/release/gpu-check compile "$@"
