// shortcut_i16i16f32: the linear shortcut with 16-bit weights, added to the head's output (spec networks 5).
//
//   acc[o][v] = bias[o] + sum over (i, k) of w[o][i][k] x[i][v + k];  out[o][v] = fl(out[o][v] + fl(fl(acc) * scale[o]))
//
// Layouts: x [z][y][x][8] of i16, the input block; weights [tap][channel][8 outputs] of i16; out [o][z][y][x].
// Grid: one thread a voxel and its up to 8 outputs, THREADS a block. No shared memory: neighbours share the first-level
// cache, all threads of a warp read the same weights. Plain multiply-adds: 2 % of the default network's.
// sm_80, deterministic. Reference test: emulated.rs, `networks`. Measured throughput: none yet (README.md).

KERNEL(4) shortcut_i16i16f32(const ShortcutParams p) {
    const u64 voxel = (u64)blockIdx.x * THREADS + threadIdx.x;
    const u64 plane = (u64)p.size.y * p.size.x;
    if (voxel >= plane * p.size.z) return;
    const u64 z = voxel / plane, y = voxel % plane / p.size.x, x = voxel % plane % p.size.x;
    const i16* const first = p.arena + p.start + z * p.from.slice + y * p.from.row + x * LANES;
    int acc[LANES];
#pragma unroll
    for (int o = 0; o < LANES; o++) acc[o] = p.bias[o];
    const uint4* weights = p.weights;
    for (int dz = 0; dz < p.kernel.z; dz++)
        for (int dy = 0; dy < p.kernel.y; dy++)
            for (int dx = 0; dx < p.kernel.x; dx++) {
                const u32 pair = *(const u32*)(first + dz * p.from.slice + dy * p.from.row + (u64)(dx * LANES));
                for (int channel = 0; channel < p.channels; channel++) {
                    const int value = channel == 0 ? activation_low(pair) : activation_high(pair);
                    const uint4 w = *weights++;
                    acc[0] += value * activation_low(w.x);
                    acc[1] += value * activation_high(w.x);
                    acc[2] += value * activation_low(w.y);
                    acc[3] += value * activation_high(w.y);
                    acc[4] += value * activation_low(w.z);
                    acc[5] += value * activation_high(w.z);
                    acc[6] += value * activation_low(w.w);
                    acc[7] += value * activation_high(w.w);
                }
            }
    float* const out = p.planes + z * p.to.slice + y * p.to.row + x;
#pragma unroll
    for (int o = 0; o < LANES; o++)
        if (o < p.outputs) {
            float* const to = out + o * p.to.block;
            *to = __fadd_rn(*to, __fmul_rn(__int2float_rn(acc[o]), p.scale[o]));
        }
}
