#!/bin/sh
# Builds the filter and puts it into FOLDER, which HDF5_PLUGIN_PATH is to name; HDF5 looks into /usr/local/hdf5/lib/plugin by itself.
# Use: tools/h5z-srt/install.sh [FOLDER]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-/usr/local/hdf5/lib/plugin}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
(cd "$here" && cargo build --release --locked -p h5z-srt)
# Nine tenths of it say where lines of the source are.
cp "$target/release/libh5zsrt.so" "$folder/.libh5zsrt.new"
if command -v strip >/dev/null; then strip --strip-unneeded "$folder/.libh5zsrt.new"; fi
mv "$folder/.libh5zsrt.new" "$folder/libh5zsrt.so"
echo "installed $folder/libh5zsrt.so"
