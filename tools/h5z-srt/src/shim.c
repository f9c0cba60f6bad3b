/* What HDF5 calls. The address that a call returns to lies in the libhdf5 that called, of which a process may have several; Rust cannot
 * ask for it. */
#include <stddef.h>
#include <stdint.h>

extern int32_t h5zsrt_check(const void *caller, int64_t dcpl, int64_t type);
extern int32_t h5zsrt_localise(const void *caller, int64_t dcpl, int64_t type);
extern size_t h5zsrt_filter(const void *caller, unsigned flags, size_t count, const unsigned *words, size_t bytes, size_t *room, void **buffer);

int32_t h5zsrt_can_apply(int64_t dcpl, int64_t type, int64_t space) {
    (void)space;
    return h5zsrt_check(__builtin_return_address(0), dcpl, type);
}

int32_t h5zsrt_set_local(int64_t dcpl, int64_t type, int64_t space) {
    (void)space;
    return h5zsrt_localise(__builtin_return_address(0), dcpl, type);
}

size_t h5zsrt_run(unsigned flags, size_t count, const unsigned *words, size_t bytes, size_t *room, void **buffer) {
    return h5zsrt_filter(__builtin_return_address(0), flags, count, words, bytes, room, buffer);
}
