// conv_nN_i16i8_mma: convolution and requantisation; conv_n8_i16i8f32_mma: convolution to the output's unit.
//
//   acc[o][v] = bias[o] + sum over (i, k) of w[o][i][k] x[i][v + k]        integers, any order (spec networks 5)
//   activations: y = round(clamp(fl(fl(acc) * (acc < 0 ? negative : positive)[o])));  y += skip;
//                y = blend + round(fl(fl(y) * beta));  every sum clamped
//   output:      p = fl(fl(acc) * positive[o])
//
// Any odd kernel up to 9, 2-D and 3-D, any number of channels: implicit GEMM over "units", a unit being the 8 channels
// of one source block at one tap. Depth 32 of an mma is four units; weights of missing units and channels are zero.
// Layouts: x and y [block][z][y][x][8] of i16, one arena, so that a dense block's concatenation is a list of
// blocks; weights in fragment order [output group][chunk][step][n tile][lane] of 2 x 4 bytes (pack.rs).
// i16 x i8 on int8 tensor cores: x = 256 hi(s8) + lo(u8), two passes with accumulators of their own, joined exactly.
// Per channel sum |w| < 2^31 / 32767, so neither pass overflows.
// Grid: x = tiles of the box, y = groups of N outputs. Block: THREADS = 8 warps; a tile is 32 rows of 8 voxels,
// a warp owns 4 of its rows. Shared memory: two stages of halo tiles for a chunk of source blocks (cp.async, zero fill
// beyond the box), the offsets of the halo's voxels and of the units: DeviceConv::shared_bytes in pack.rs.
// Minimum architecture sm_80. Deterministic. Registers: README.md. Reference test: emulated.rs, `networks`.
// Measured throughput: none yet (README.md).

// The 32-bit sums of one lane: rows v / 2 of output pair v % 2 as the mma instruction deals them out.
template <int T, int N>
struct Sums {
    int hi[T][N][4];
    int lo[T][N][4];

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int i = 0; i < T; i++)
#pragma unroll
            for (int n = 0; n < N; n++)
#pragma unroll
                for (int v = 0; v < 4; v++) hi[i][n][v] = lo[i][n][v] = 0;
    }

    __device__ __forceinline__ int joined(int tile, int n, int v, int bias) const {
        return (int)(((u32)hi[tile][n][v] << 8) + (u32)lo[tile][n][v] + (u32)bias); // the high part alone may wrap
    }
};

// A block's tile, its halo in shared memory and how source blocks get there.
struct Halo {
    const ConvParams& p;
    int z0, y0, x0, width, height, count, stage_bytes;
    u8* stages;
    int* voxels; // where each voxel of the halo lies in a source block, or -1 beyond the box
    const i16* corner;

    __device__ __forceinline__ explicit Halo(const ConvParams& p, u8* shared) : p(p), stages(shared) {
        const int tiles_x = (p.size.x + TILE_X - 1) / TILE_X, tiles_y = (p.size.y + p.tile.y - 1) / p.tile.y;
        x0 = (int)(blockIdx.x % tiles_x) * TILE_X;
        y0 = (int)(blockIdx.x / tiles_x % tiles_y) * p.tile.y;
        z0 = (int)(blockIdx.x / tiles_x / tiles_y) * p.tile.z;
        height = p.tile.y + p.kernel.y - 1;
        width = TILE_X + p.kernel.x - 1;
        count = (p.tile.z + p.kernel.z - 1) * height * width;
        stage_bytes = p.chunk * count * 16;
        corner = p.arena + p.start + z0 * p.from.slice + y0 * p.from.row + (u64)(x0 * LANES);
    }

    __device__ __forceinline__ u8* behind() const { return stages + p.stages * stage_bytes; }
    __device__ __forceinline__ const u8* stage(int chunk) const { return stages + (chunk & 1) * stage_bytes; }

    __device__ __forceinline__ void find_voxels(int* to) {
        voxels = to;
        for (int v = threadIdx.x; v < count; v += THREADS) {
            const int x = x0 + v % width, y = y0 + v / width % height, z = z0 + v / width / height;
            const bool inside = x < p.size.x + p.kernel.x - 1 && y < p.size.y + p.kernel.y - 1 && z < p.size.z + p.kernel.z - 1;
            voxels[v] = inside ? (z - z0) * (int)p.from.slice + (y - y0) * (int)p.from.row + (x - x0) * LANES : -1;
        }
        // No barrier: a thread copies by the entries it wrote.
    }

    // Starts the copies of a chunk.
    __device__ __forceinline__ void load(int chunk) {
        u8* const stage = stages + (chunk & 1) * stage_bytes;
        for (int b = 0; b < p.chunk && chunk * p.chunk + b < p.blocks; b++) {
            const i16* const block = corner + p.sources[chunk * p.chunk + b] * p.from.block;
            for (int v = threadIdx.x; v < count; v += THREADS) {
                const int offset = voxels[v];
                copy_async_16(stage + (b * count + v) * 16, block + (offset < 0 ? 0 : offset), offset >= 0);
            }
        }
        copy_async_commit();
    }

    // The row of the halo tile that this lane names to ldmatrix: voxel lane % 8 of row lane / 8 % 2 of pair `pair`.
    __device__ __forceinline__ int row(int pair) const {
        const int lane = threadIdx.x & 31;
        const int row = pair * 2 + (lane >> 3 & 1);
        return ((row / p.tile.y * height + row % p.tile.y) * width + (lane & 7)) * 16;
    }

    // Writes the sums of T pairs of rows from `pair` on and of 8 N outputs, group `group`.
    template <int T, int N, class Store>
    __device__ __forceinline__ void store(const Sums<T, N>& sums, int pair, int group, Store store) const {
        const int lane = threadIdx.x & 31;
        const int x = x0 + (lane >> 2);
        if (x >= p.size.x) return;
#pragma unroll
        for (int i = 0; i < T; i++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                const int row = (pair + i) * 2 + half;
                const int y = y0 + row % p.tile.y, z = z0 + row / p.tile.y;
                if (y >= p.size.y || z >= p.size.z) continue;
#pragma unroll
                for (int n = 0; n < N; n++) {
                    const int block = group * N + n;
                    if (block >= p.out_blocks) continue;
                    const int o = block * LANES + (lane & 3) * 2;
                    const int2 bias = *(const int2*)(p.bias + o);
                    store(z, y, x, block, o, sums.joined(i, n, 2 * half, bias.x), sums.joined(i, n, 2 * half + 1, bias.y));
                }
            }
    }
};

// The units of an mma step from shared memory, as fragments of high and low bytes. Lanes 0-15 name rows of the first
// unit of each pair, lanes 16-31 of the second.
template <int T>
__device__ __forceinline__ void load_fragments(u32 (&hi)[T][4], u32 (&lo)[T][4], const u8* const (&from)[T], int2 offset) {
    u32 first[T][4], second[T][4];
    load_matrices(first, from, offset.x);
    load_matrices(second, from, offset.y);
#pragma unroll
    for (int i = 0; i < T; i++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
            lo[i][half] = __byte_perm(first[i][half], first[i][half + 2], 0x6420);
            hi[i][half] = __byte_perm(first[i][half], first[i][half + 2], 0x7531);
            lo[i][half + 2] = __byte_perm(second[i][half], second[i][half + 2], 0x6420);
            hi[i][half + 2] = __byte_perm(second[i][half], second[i][half + 2], 0x7531);
        }
}

template <int N, class Store>
__device__ __forceinline__ void convolve(const ConvParams& p, Store store) {
    DYNAMIC_SHARED(shared);
    const int thread = threadIdx.x, lane = thread & 31, pair = (thread >> 5) * WARP_TILES;
    Halo halo(p, shared);
    int2* const units = (int2*)halo.behind();
    halo.find_voxels((int*)(units + 2 * p.steps));
    // Units are read after the first chunk's barrier.
    for (int i = thread; i < 2 * p.steps; i += THREADS) units[i] = p.units[i];

    Sums<WARP_TILES, N> sums;
    sums.clear();
    int rows[WARP_TILES];
#pragma unroll
    for (int i = 0; i < WARP_TILES; i++) rows[i] = halo.row(pair + i);
    const int chunks = (p.blocks + p.chunk - 1) / p.chunk;
    const uint2* weights = p.weights + (size_t)blockIdx.y * chunks * p.steps * N * 32 + lane;
    uint2 next[N];
#pragma unroll
    for (int n = 0; n < N; n++) next[n] = weights[n * 32];

    halo.load(0);
    for (int chunk = 0; chunk < chunks; chunk++) {
        copy_async_wait<0>();
        // The chunk is there for every thread, and nobody reads the stage any more that is loaded next.
        __syncthreads();
        if (chunk + 1 < chunks) halo.load(chunk + 1);
        const u8* from[WARP_TILES];
#pragma unroll
        for (int i = 0; i < WARP_TILES; i++) from[i] = halo.stage(chunk) + rows[i];
        for (int step = 0; step < p.steps; step++) {
            uint2 b[N];
#pragma unroll
            for (int n = 0; n < N; n++) b[n] = next[n];
            weights += N * 32;
            if (step + 1 < p.steps || chunk + 1 < chunks)
#pragma unroll
                for (int n = 0; n < N; n++) next[n] = weights[n * 32];
            u32 hi[WARP_TILES][4], lo[WARP_TILES][4];
            load_fragments(hi, lo, from, units[2 * step + (lane >> 4)]);
            mma_s8(sums.hi, hi, b);
            mma_u8(sums.lo, lo, b);
        }
    }
    halo.store(sums, pair, (int)blockIdx.y, store);
}

// Requantises two accumulators of neighbouring outputs and writes them as one 32-bit word.
struct StoreActivations {
    const ConvParams& p;

    __device__ __forceinline__ void operator()(int z, int y, int x, int block, int o, int a, int b) const {
        const float2 positive = *(const float2*)(p.positive + o), negative = *(const float2*)(p.negative + o);
        int u = round_activation(__fmul_rn(__int2float_rn(a), a < 0 ? negative.x : positive.x));
        int v = round_activation(__fmul_rn(__int2float_rn(b), b < 0 ? negative.y : positive.y));
        const size_t at =
            block * p.to.block + z * p.to.slice + y * p.to.row + x * p.to.voxel + (u64)(o & (LANES - 1));
        if (p.skip) {
            const u32 other = *(const u32*)(p.skip + at);
            u = clamp_activation(u + activation_low(other));
            v = clamp_activation(v + activation_high(other));
        }
        if (p.blend) {
            const u32 other = *(const u32*)(p.blend + at);
            u = clamp_activation(round_activation(__fmul_rn(__int2float_rn(u), p.beta)) + activation_low(other));
            v = clamp_activation(round_activation(__fmul_rn(__int2float_rn(v), p.beta)) + activation_high(other));
        }
        *(u32*)(p.out + at) = activation_pair(u, v);
    }
};

// Writes two accumulators in the output's unit to planes of their channels.
struct StoreOutput {
    const ConvParams& p;

    __device__ __forceinline__ void operator()(int z, int y, int x, int block, int o, int a, int b) const {
        float* const to = p.planes + z * p.to.slice + y * p.to.row + (u64)x;
        if (o < p.outputs) to[o * p.to.block] = __fmul_rn(__int2float_rn(a), p.positive[o]);
        if (o + 1 < p.outputs) to[(o + 1) * p.to.block] = __fmul_rn(__int2float_rn(b), p.positive[o + 1]);
    }
};

KERNEL(3) conv_n8_i16i8_mma(const ConvParams p) { convolve<1>(p, StoreActivations{p}); }
KERNEL(2) conv_n24_i16i8_mma(const ConvParams p) { convolve<3>(p, StoreActivations{p}); }
KERNEL(2) conv_n32_i16i8_mma(const ConvParams p) { convolve<4>(p, StoreActivations{p}); }
KERNEL(1) conv_n48_i16i8_mma(const ConvParams p) { convolve<6>(p, StoreActivations{p}); }
KERNEL(3) conv_n8_i16i8f32_mma(const ConvParams p) { convolve<1>(p, StoreOutput{p}); }
