#!/bin/sh
# Builds the library and puts header, both libraries, the Fortran module's source and the file for pkg-config under PREFIX.
# Use: tools/capi/install.sh [PREFIX], /usr/local if not given. LIBDIR: where libraries go, PREFIX/lib if not set.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
prefix=${1:-/usr/local}
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
libdir=${LIBDIR:-$prefix/lib}
target=${CARGO_TARGET_DIR:-$here/../../target}
version=$(sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' "$here/../../Cargo.toml")
# Programs ask for the library by a name with the version that they were made for: before 1.0 each minor one may differ.
major=${version%.*}

(cd "$here" && cargo rustc --release --locked -p srt-capi --lib --crate-type cdylib -- -C "link-arg=-Wl,-soname,libsrt_codec.so.$major")
(cd "$here" && cargo rustc --release --locked -p srt-capi --lib --crate-type staticlib)
mkdir -p "$prefix/include" "$libdir/pkgconfig" "$prefix/share/srt-codec"
install -m 644 "$here/include/srt.h" "$prefix/include/srt.h"
install -m 644 "$here/fortran/srt_codec.f90" "$prefix/share/srt-codec/srt_codec.f90"
install -m 755 "$target/release/libsrt_codec.so" "$libdir/libsrt_codec.so.$version"
ln -sf "libsrt_codec.so.$version" "$libdir/libsrt_codec.so.$major"
ln -sf "libsrt_codec.so.$major" "$libdir/libsrt_codec.so"
install -m 644 "$target/release/libsrt_codec.a" "$libdir/libsrt_codec.a"
sed -e "s|@PREFIX@|$prefix|" -e "s|@LIBDIR@|$libdir|" -e "s|@INCLUDEDIR@|$prefix/include|" -e "s|@VERSION@|$version|" \
    "$here/srt-codec.pc.in" > "$libdir/pkgconfig/srt-codec.pc"
echo "installed srt-codec $version under $prefix"
