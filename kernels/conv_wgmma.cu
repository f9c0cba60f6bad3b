// conv_n96_i16i8_wgmma: conv_nN_i16i8_mma (conv.cu) for 96 outputs a block on Hopper's warpgroup instructions.
//
// Formula, layouts, grid and epilogue as there; a block's tile is 16 rows of 8 voxels, 64 voxels a warpgroup: each of its
// warps owns 2 rows. Activations come from registers, the same fragments as there. Weights come from shared memory, where
// they lie in core matrices of 8 outputs x 16 bytes without swizzle: [step][half of depth 32][96 outputs][16 bytes], so that
// the halves are 96 x 16 bytes apart and groups of 8 outputs 128 bytes (pack.rs).
// A multiplication reads its registers until it is done: fragments alternate, and one step waits for the one before.
// Shared memory: two stages of halo tiles, two groups of WGMMA_STEPS steps of weights, offsets. Architecture sm_90a alone.
// Deterministic. Registers: README.md. Reference test: emulated.rs, `warpgroup`. Measured throughput: none yet (README.md).

#ifdef SRT_WGMMA

constexpr int WG_OUTPUTS = 96, WG_TILES = WG_OUTPUTS / LANES;
constexpr int WG_STEP_BYTES = WG_OUTPUTS * 32, WG_GROUP_BYTES = WGMMA_STEPS * WG_STEP_BYTES;

template <class Store>
__device__ __forceinline__ void convolve_warpgroup(const ConvParams& p, Store store) {
    DYNAMIC_SHARED(shared);
    const int thread = threadIdx.x, lane = thread & 31, pair = thread >> 5;
    // Two groups of weights, then the halo.
    Halo halo(p, shared + 2 * WG_GROUP_BYTES);
    int2* const units = (int2*)halo.behind();
    halo.find_voxels((int*)(units + 2 * p.steps));
    // Units are read after the first barrier.
    for (int i = thread; i < 2 * p.steps; i += THREADS) units[i] = p.units[i];

    Sums<1, WG_TILES> sums;
    sums.clear();
    const int row = halo.row(pair);
    const int chunks = (p.blocks + p.chunk - 1) / p.chunk, groups_of_chunk = p.steps / WGMMA_STEPS;
    const int groups = chunks * groups_of_chunk;
    const u8* const weights = (const u8*)p.weights + (size_t)blockIdx.y * groups * WG_GROUP_BYTES;
    auto load = [&](int group) {
        u8* const to = shared + (group & 1) * WG_GROUP_BYTES;
        for (int i = thread * 16; i < WG_GROUP_BYTES; i += THREADS * 16)
            copy_async_16(to + i, weights + (size_t)group * WG_GROUP_BYTES + i, true);
        copy_async_commit();
    };

    halo.load(0);
    load(0);
    for (int group = 0; group < groups; group++) {
        const int chunk = group / groups_of_chunk, first = group % groups_of_chunk * WGMMA_STEPS;
        copy_async_wait<0>();
        async_proxy_fence(); // the tensor cores read what this thread copied
        // All is there for every thread, and nobody reads any more what is loaded next: the weights of the group before, and
        // the stage of the chunk before where a chunk begins.
        __syncthreads();
        if (group + 1 < groups) load(group + 1);
        if (first == 0 && chunk + 1 < chunks) halo.load(chunk + 1);
        const u8* const from[1] = {halo.stage(chunk) + row};
        const u8* const matrices = shared + (group & 1) * WG_GROUP_BYTES;
        u32 hi[2][1][4], lo[2][1][4];
#pragma unroll
        for (int step = 0; step < WGMMA_STEPS; step++) {
            load_fragments(hi[step & 1], lo[step & 1], from, units[2 * (first + step) + (lane >> 4)]);
            const u64 b = matrix_descriptor(matrices + step * WG_STEP_BYTES, WG_OUTPUTS * 16, 128);
            wgmma_fence();
            wgmma_s8(sums.hi[0], hi[step & 1][0], b);
            wgmma_u8(sums.lo[0], lo[step & 1][0], b);
            wgmma_commit();
            wgmma_wait<1>();
        }
        wgmma_wait<0>();
    }
    halo.store(sums, pair, (int)blockIdx.y, store);
}

KERNEL(1) conv_n96_i16i8_wgmma(const ConvParams p) { convolve_warpgroup(p, StoreActivations{p}); }

#endif
