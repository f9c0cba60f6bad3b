// input_i16: the input channels of a network on a box (spec networks 3 and 4).
//
//   field: the low-pass, extended;  inside_field: the same, 0 outside the domain;  inside: `inside_value` inside, 0
//   outside;  condition: one number. All 0 outside the domain along clipped axes (zero padding).
//
// Layouts: field [z][y][x] of i16, a box of the coarse grid; out [z][y][x][8] of i16, the channels present in that
// order, then zeros. Grid: one thread a voxel, THREADS a block. No shared memory. sm_80, deterministic.
// Reference test: emulated.rs, `networks`. Measured throughput: none yet (README.md).

// The index in 0..n whose value stands at t (Extension::index).
__device__ __forceinline__ int extended(int extension, int t, int n) {
    int period = n, mirror = n;
    if (extension == EXTEND_EVEN) period = mirror = 2 * n - 1;
    if (extension == EXTEND_ODD) period = max(2 * n - 2, 1), mirror = 2 * n - 2;
    if (extension == EXTEND_HALF) period = 2 * n, mirror = 2 * n - 1;
    int m = t % period;
    if (m < 0) m += period;
    return m < n ? m : mirror - m;
}

// One axis: index in the box, whether inside the domain, whether everything is zero here.
struct Place {
    int index;
    bool inside;
    bool zero;

    __device__ __forceinline__ Place(int t, int n, int origin, int extension, int clipped) {
        inside = extension == EXTEND_PERIODIC || (t >= 0 && t < n);
        zero = clipped && !inside;
        index = zero ? 0 : extended(extension, t, n) - origin;
    }
};

KERNEL(4) input_i16(const InputParams p) {
    const u64 voxel = (u64)blockIdx.x * THREADS + threadIdx.x;
    const u64 plane = (u64)p.size.y * p.size.x;
    if (voxel >= plane * p.size.z) return;
    const Place z((int)(voxel / plane) + p.first.z, p.domain.z, p.origin.z, p.extension.z, p.clipped.z);
    const Place y((int)(voxel % plane) / p.size.x + p.first.y, p.domain.y, p.origin.y, p.extension.y, p.clipped.y);
    const Place x((int)(voxel % plane) % p.size.x + p.first.x, p.domain.x, p.origin.x, p.extension.x, p.clipped.x);
    uint4 out = make_uint4(0, 0, 0, 0);
    if (!(z.zero || y.zero || x.zero)) {
        const int value = p.field[((u64)z.index * p.extent.y + y.index) * p.extent.x + x.index];
        const bool inside = z.inside && y.inside && x.inside;
        int lanes[4] = {0, 0, 0, 0}, count = 0;
        // Written out so that `lanes` stays in registers.
        auto put = [&](int v) {
            if (count == 0) lanes[0] = v;
            if (count == 1) lanes[1] = v;
            if (count == 2) lanes[2] = v;
            if (count == 3) lanes[3] = v;
            count++;
        };
        if (p.channels & CHANNEL_FIELD) put(value);
        if (p.channels & CHANNEL_INSIDE_FIELD) put(inside ? value : 0);
        if (p.channels & CHANNEL_INSIDE) put(inside ? p.inside_value : 0);
        if (p.channels & CHANNEL_CONDITION) put(p.condition);
        out.x = activation_pair(lanes[0], lanes[1]);
        out.y = activation_pair(lanes[2], lanes[3]);
    }
    ((uint4*)p.out)[voxel] = out;
}
