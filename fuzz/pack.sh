#!/bin/bash
# The seeds of the fuzz targets: one archive for each in corpus/, unpacked beside it into a folder that git ignores.
#
#   fuzz/pack.sh [TARGET..]            writes corpus/TARGET.tar.gz from corpus/TARGET/: the same files, the same bytes
#   fuzz/pack.sh unpack [TARGET..]     and back; what else is in the folder stays
#
# Without a TARGET, all. Packing needs GNU tar.
set -euo pipefail
cd "$(dirname "$0")/corpus"

pack() {
    local target=$1
    (
        cd "$target"
        find . -type f -printf '%P\0' | LC_ALL=C sort --zero-terminated |
            tar --create --format=ustar --mtime=@0 --mode=u=rw,go=r --owner=0 --group=0 --numeric-owner --null --files-from=- |
            gzip -9 --no-name >"../$target.tar.gz.new"
    )
    mv "$target.tar.gz.new" "$target.tar.gz"
}

unpack() {
    local target=$1
    mkdir -p "$target"
    [ ! -e "$target.tar.gz" ] || tar --extract --gzip --file="$target.tar.gz" --directory="$target"
}

action=pack
if [ "${1:-}" = unpack ]; then
    action=unpack
    shift
fi
targets=${*:-$(sed -n 's/^path = "fuzz_targets\/\(.*\)\.rs"$/\1/p' ../Cargo.toml)}
for target in $targets; do
    $action "$target"
done
