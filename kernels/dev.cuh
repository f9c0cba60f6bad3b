// Types and device primitives. Every PTX instruction of the kernels is in this file; the host emulator
// (tools/gpu-check/src/emulator.h) defines SRT_EMULATOR and brings its own versions of the same functions.
//
// Text only: the program puts the generated parameter structs, this file and the kernels one after the
// other and compiles the whole (src/backend/cuda/source.rs). Constants that the host knows too come as -D.

typedef unsigned char u8;
typedef short i16;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;

#ifndef SRT_EMULATOR

// An entry point, of which `blocks` blocks should fit a multiprocessor.
#define KERNEL(blocks) extern "C" __global__ void __launch_bounds__(THREADS, blocks)
#define DYNAMIC_SHARED(name) extern __shared__ __align__(128) u8 name[]

__device__ __forceinline__ u32 shared_address(const void* p) {
    return (u32)__cvta_generic_to_shared(p);
}

// Copies 16 bytes to shared memory in the background; writes zeros where !ok and does not read then.
__device__ __forceinline__ void copy_async_16(void* to, const void* from, bool ok) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;\n" ::"r"(shared_address(to)), "l"(from), "r"(ok ? 16 : 0)
                 : "memory");
}

__device__ __forceinline__ void copy_async_commit() { asm volatile("cp.async.commit_group;\n" ::: "memory"); }

// Waits until at most N of this thread's groups are under way.
template <int N>
__device__ __forceinline__ void copy_async_wait() {
    asm volatile("cp.async.wait_group %0;\n" ::"n"(N) : "memory");
}

// Four 8 x 8 matrices of 16-bit elements; lane l names row l % 8 of matrix l / 8.
template <int M>
__device__ __forceinline__ void load_matrices(u32 (&r)[M][4], const u8* const (&row)[M], int offset) {
#pragma unroll
    for (int i = 0; i < M; i++)
        asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];\n"
                     : "=r"(r[i][0]), "=r"(r[i][1]), "=r"(r[i][2]), "=r"(r[i][3])
                     : "r"(shared_address(row[i] + offset))
                     : "memory");
}

// d += a b on M x N tiles of 16 x 8 with depth 32: a signed or unsigned bytes, b signed bytes.
#define SRT_MMA(name, type)                                                                                          \
    template <int M, int N>                                                                                          \
    __device__ __forceinline__ void name(int (&d)[M][N][4], const u32 (&a)[M][4], const uint2 (&b)[N]) {             \
        _Pragma("unroll") for (int i = 0; i < M; i++) _Pragma("unroll") for (int j = 0; j < N; j++) asm volatile(    \
            "mma.sync.aligned.m16n8k32.row.col.s32." type ".s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "          \
            "{%0,%1,%2,%3};\n"                                                                                       \
            : "+r"(d[i][j][0]), "+r"(d[i][j][1]), "+r"(d[i][j][2]), "+r"(d[i][j][3])                                 \
            : "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]), "r"(b[j].x), "r"(b[j].y));                     \
    }
SRT_MMA(mma_s8, "s8")
SRT_MMA(mma_u8, "u8")
#undef SRT_MMA

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define SRT_WGMMA

// Shared memory written by threads is visible to the tensor cores after this and a barrier.
__device__ __forceinline__ void async_proxy_fence() { asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory"); }

// Multiplications to come see the registers as they are now.
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory"); }
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory"); }

// Waits until at most N of the warpgroup's groups are under way.
template <int N>
__device__ __forceinline__ void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(N) : "memory");
}

// d += a b on a 64 x 96 tile with depth 32: a signed or unsigned bytes from registers, b signed bytes from shared memory.
#define SRT_SUMS(d) "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3])
#define SRT_WGMMA_96(name, type)                                                                                     \
    __device__ __forceinline__ void name(int (&d)[12][4], const u32 (&a)[4], u64 b) {                                \
        asm volatile(                                                                                                \
            "{\n.reg .pred p;\nsetp.ne.b32 p, 1, 0;\n"                                                               \
            "wgmma.mma_async.sync.aligned.m64n96k32.s32." type ".s8 {"                                               \
            "%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,"                                                                 \
            "%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,"                                                       \
            "%24,%25,%26,%27,%28,%29,%30,%31,%32,%33,%34,%35,"                                                       \
            "%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47"                                                        \
            "}, {%48,%49,%50,%51}, %52, p;\n}\n"                                                                     \
            : SRT_SUMS(d[0]), SRT_SUMS(d[1]), SRT_SUMS(d[2]), SRT_SUMS(d[3]), SRT_SUMS(d[4]), SRT_SUMS(d[5]),        \
              SRT_SUMS(d[6]), SRT_SUMS(d[7]), SRT_SUMS(d[8]), SRT_SUMS(d[9]), SRT_SUMS(d[10]), SRT_SUMS(d[11])       \
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b));                                                   \
    }
SRT_WGMMA_96(wgmma_s8, "s8")
SRT_WGMMA_96(wgmma_u8, "u8")
#undef SRT_WGMMA_96
#undef SRT_SUMS
#endif

#endif

// A matrix in shared memory for the warpgroup instructions: core matrices of 8 rows x 16 bytes without swizzle, neighbours
// along the depth `depth_bytes` apart, groups of 8 rows `row_bytes`.
__device__ __forceinline__ u64 matrix_descriptor(const u8* at, u32 depth_bytes, u32 row_bytes) {
    return (u64)((shared_address(at) & 0x3ffff) >> 4) | (u64)(depth_bytes >> 4) << 16 | (u64)(row_bytes >> 4) << 32;
}

// An accumulator times a scale, clamped to the activation range, rounded to nearest, ties to even.
__device__ __forceinline__ int round_activation(float value) {
    const float most = ACTIVATION_MAX;
    return __float2int_rn(fminf(fmaxf(value, -most), most));
}

__device__ __forceinline__ int clamp_activation(int value) {
    return min(max(value, -ACTIVATION_MAX), ACTIVATION_MAX);
}

// The two activations that a register holds.
__device__ __forceinline__ int activation_low(u32 pair) { return (int)(i16)(pair & 0xffff); }
__device__ __forceinline__ int activation_high(u32 pair) { return (int)(i16)(pair >> 16); }
__device__ __forceinline__ u32 activation_pair(int low, int high) { return (u32)(low & 0xffff) | (u32)high << 16; }
