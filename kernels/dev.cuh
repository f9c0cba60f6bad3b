// Types and device primitives. Every PTX instruction of the kernels is in this file; the host emulator
// (tools/gpu-check/src/emulator.h) defines SRT_EMULATOR and brings its own versions of the same functions.
//
// Text only: the program puts the generated parameter structs, this file and the kernels one behind the
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

#endif

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
