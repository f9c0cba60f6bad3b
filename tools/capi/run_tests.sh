#!/bin/sh
# Installs the library to a folder for the time being and uses it as a stranger would: C and C++ by pkg-config, Fortran, valgrind.
# What is not on this machine is left out with its reason. The tests in Rust are `cargo test --release -p srt-capi`.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for tool in cc c++ pkg-config; do
    command -v "$tool" >/dev/null || { echo "C library left out: no $tool"; exit 0; }
done
"$here/install.sh" "$folder/srt"
export PKG_CONFIG_PATH="$folder/srt/lib/pkgconfig"
export LD_LIBRARY_PATH="$folder/srt/lib"
flags=$(pkg-config --cflags --libs srt-codec)
static=$(pkg-config --static --libs-only-l srt-codec | sed 's/-lsrt_codec//')
cd "$folder"
cc -std=c99 -Wall -Wextra -Werror -g "$here/examples/example.c" -o in_c $flags -lm
c++ -std=c++11 -Wall -Wextra -Werror -g -x c++ "$here/examples/example.c" -o in_cpp $flags
cc -std=c99 -g "$here/examples/example.c" "-I$folder/srt/include" "$folder/srt/lib/libsrt_codec.a" -o in_one $static -lm
for program in in_c in_cpp in_one; do
    echo "== $program"
    "./$program"
done
if command -v valgrind >/dev/null; then
    echo "== valgrind"
    # Threads that wait for work at the end are no loss.
    valgrind --quiet --error-exitcode=9 "--suppressions=$here/valgrind.supp" --leak-check=full --show-leak-kinds=definite \
        --errors-for-leak-kinds=definite ./in_c
else
    echo "left out: no valgrind"
fi
if command -v gfortran >/dev/null; then
    echo "== Fortran"
    gfortran -std=f2018 -Wall -Wextra -Werror -fcheck=all,no-array-temps -g "$folder/srt/share/srt-codec/srt_codec.f90" \
        "$here/fortran/example.f90" -o in_fortran $flags
    ./in_fortran
else
    echo "left out: no gfortran"
fi
