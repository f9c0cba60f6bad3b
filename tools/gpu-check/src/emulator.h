// Host emulation of what the kernels use of CUDA: test only.
//
// One fibre per thread; one block at a time. Warp instructions meet at a collective: the last of the 32 lanes to
// arrive computes for all. Copies by cp.async happen when their thread waits for them, not before; until then
// their target is poisoned. Multiplications of a warpgroup happen when it waits for them, with the registers and shared
// memory of that moment; their descriptors are taken apart as the hardware does. Shared memory starts poisoned. Threads run in forward, reverse or random order, so that
// a missing barrier shows. Every mistake the emulation can see ends the launch with a message.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#define SRT_WGMMA
#define __device__
#define __forceinline__ inline
#define KERNEL(blocks) static void
#define DYNAMIC_SHARED(name) unsigned char* const name = emulator::shared_memory()

struct alignas(8) int2 { int x, y; };
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(8) float2 { float x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
struct Index3 { unsigned x, y, z; };

namespace emulator {

enum class State { ready, at_barrier, at_collective, done };

struct Copy {
    unsigned char* to;
    const unsigned char* from;
    bool ok;
};

// One lane's part of a 64 x 96 x 32 multiplication.
struct Wgmma {
    int (*d)[4];
    const unsigned* a;
    uint64_t b;
    bool is_signed;
};

struct Fibre {
    void* stack_pointer = nullptr;
    std::vector<char> stack;
    State state = State::done;
    int number = 0;
    void* argument = nullptr;              // of the collective under way
    const void* collective = nullptr;      // which one it is
    std::vector<std::vector<Copy>> groups; // committed copies, the oldest first
    std::vector<Copy> open;                // copies not committed yet
    bool copied = false;                   // wrote shared memory that the tensor cores do not see yet
    bool loaded = false;                   // changed registers that multiplications to come do not see yet
    std::vector<Wgmma> multiplications;     // committed and open ones, the oldest first
    std::vector<size_t> committed;         // how many of them each committed group holds
};


constexpr size_t STACK = 64 << 10, GUARD = 4096, LANES_OF_WARP = 32;
// Around allocations: kernels under test may write beyond them, and the guards next to them are looked at.
constexpr size_t MARGIN = 256 << 10;
constexpr unsigned char POISON = 0x7e, CANARY = 0xa5;

static std::vector<Fibre> fibres;
static Fibre* current = nullptr;
static void* scheduler_stack_pointer = nullptr;
static const std::function<void()>* body = nullptr;
static int threads = 0, waiting_at_barrier = 0;
static std::vector<int> arrived;       // lanes of each warp at its collective
static std::vector<int> warpgroup_arrived;
static std::vector<unsigned char> dynamic;
static size_t dynamic_bytes = 0;
static Index3 block_index;
static std::string failure;
static unsigned random_state = 1;

struct Allocation {
    unsigned char* memory;
    size_t bytes;
};
static std::vector<Allocation> allocations;

// Saves the registers that calls keep, changes stacks, restores.
extern "C" void emulator_switch(void** save, void* load);
asm(R"(
.text
.type emulator_switch,@function
emulator_switch:
    pushq %rbx
    pushq %rbp
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbp
    popq %rbx
    ret
)");

static void to_scheduler() { emulator_switch(&current->stack_pointer, scheduler_stack_pointer); }

// Ends the launch: the scheduler leaves all fibres where they are.
[[noreturn]] static void fail(const std::string& message) {
    if (failure.empty()) failure = "thread " + std::to_string(current->number) + ": " + message;
    for (;;) to_scheduler();
}

static void start() {
    (*body)();
    if (!current->open.empty() || !current->groups.empty()) fail("ends with asynchronous copies under way");
    if (!current->multiplications.empty()) fail("ends with multiplications under way");
    current->state = State::done;
    for (;;) to_scheduler();
}

enum Order { FORWARD, REVERSE, RANDOM };

static int next_ready(int last, int order) {
    if (order == RANDOM) {
        random_state = random_state * 1664525u + 1013904223u;
        last = (int)((random_state >> 8) % (unsigned)threads);
    }
    for (int k = 1; k <= threads; k++) {
        const int i = (last + (order == REVERSE ? threads - k : k)) % threads;
        if (fibres[i].state == State::ready) return i;
    }
    return -1;
}

static unsigned char* shared_memory() {
    return (unsigned char*)(((uintptr_t)dynamic.data() + 127) & ~(uintptr_t)127);
}

static void run_block(int order) {
    for (Fibre& fibre : fibres) {
        fibre.state = State::ready;
        fibre.groups.clear();
        fibre.open.clear();
        fibre.copied = fibre.loaded = false;
        fibre.multiplications.clear();
        fibre.committed.clear();
        // A function finds its return address 8 bytes off a multiple of 16.
        void** top = (void**)(((uintptr_t)fibre.stack.data() + STACK) & ~(uintptr_t)15) - 1;
        *top = nullptr; // where `start` would return to
        *--top = (void*)start;
        for (int i = 0; i < 6; i++) *--top = nullptr;
        fibre.stack_pointer = top;
    }
    waiting_at_barrier = 0;
    std::fill(arrived.begin(), arrived.end(), 0);
    std::fill(warpgroup_arrived.begin(), warpgroup_arrived.end(), 0);
    std::fill(dynamic.begin(), dynamic.end(), POISON);
    memset(shared_memory() + dynamic_bytes, CANARY, GUARD);
    int last = order == REVERSE ? 0 : threads - 1;
    while (failure.empty()) {
        const int i = next_ready(last, order);
        if (i < 0) break;
        last = i;
        current = &fibres[i];
        emulator_switch(&scheduler_stack_pointer, current->stack_pointer);
    }
    if (!failure.empty()) return;
    for (const Fibre& fibre : fibres)
        if (fibre.state != State::done) {
            failure = "thread " + std::to_string(fibre.number) + " waits for ever " +
                      (fibre.state == State::at_barrier ? "at a barrier" : "for its warp");
            return;
        }
    for (size_t i = 0; i < GUARD; i++)
        if (shared_memory()[dynamic_bytes + i] != CANARY) {
            failure = "wrote beyond the shared memory asked for";
            return;
        }
}

// The last lane of a warp, or of a warpgroup, to arrive runs `all` on the arguments of all lanes.
template <class A, size_t LANES_THAT_MEET = LANES_OF_WARP>
static void collective(A& argument, void (*all)(A**)) {
    const void* const identity = (const void*)all;
    const size_t warp = current->number / LANES_THAT_MEET;
    current->argument = &argument;
    current->collective = identity;
    auto& counts = LANES_THAT_MEET == LANES_OF_WARP ? arrived : warpgroup_arrived;
    if (++counts[warp] < (int)LANES_THAT_MEET) {
        current->state = State::at_collective;
        to_scheduler();
        return;
    }
    counts[warp] = 0;
    A* arguments[LANES_THAT_MEET];
    for (size_t l = 0; l < LANES_THAT_MEET; l++) {
        Fibre& lane = fibres[warp * LANES_THAT_MEET + l];
        if (lane.collective != identity) fail("the lanes of a warp meet at different instructions");
        arguments[l] = (A*)lane.argument;
        lane.state = State::ready;
    }
    all(arguments);
}

static void check_shared(const void* p, size_t bytes, const char* what) {
    const auto* at = (const unsigned char*)p;
    if ((uintptr_t)at % bytes) fail(std::string(what) + ": shared address is not aligned");
    if (at < shared_memory() || at + bytes > shared_memory() + dynamic_bytes)
        fail(std::string(what) + ": outside shared memory");
}

static void check_global(const void* p, size_t bytes, const char* what) {
    const auto* at = (const unsigned char*)p;
    if ((uintptr_t)at % bytes) fail(std::string(what) + ": address is not aligned");
    for (const Allocation& a : allocations)
        if (at >= a.memory + MARGIN && at + bytes <= a.memory + MARGIN + a.bytes) return;
    fail(std::string(what) + ": outside allocated memory");
}

template <class F>
static void launch(unsigned grid_x, unsigned grid_y, size_t shared_bytes, int order, unsigned seed, F kernel) {
    const std::function<void()> call = kernel;
    body = &call;
    threads = THREADS;
    fibres.resize(threads);
    for (int i = 0; i < threads; i++) {
        fibres[i].number = i;
        fibres[i].stack.resize(STACK);
    }
    arrived.assign(threads / LANES_OF_WARP, 0);
    warpgroup_arrived.assign(threads / LANES_OF_WARP / 4, 0);
    dynamic_bytes = shared_bytes;
    dynamic.resize(shared_bytes + 128 + GUARD);
    random_state = seed;
    failure.clear();
    // Blocks have no order either.
    const unsigned blocks = grid_x * grid_y;
    for (unsigned b = 0; b < blocks && failure.empty(); b++) {
        const unsigned block = order == FORWARD ? b : blocks - 1 - b;
        block_index = {block % grid_x, block / grid_x, 0};
        run_block(order);
    }
    for (const Allocation& a : allocations)
        for (size_t i = 0; i < GUARD && failure.empty(); i++)
            if (a.memory[MARGIN - GUARD + i] != CANARY || a.memory[MARGIN + a.bytes + i] != CANARY) failure = "wrote beyond an allocation";
}

struct Matrices {
    unsigned (*registers)[4];
    const unsigned char* const* rows;
    int offset;
    int count;
};

static void load_matrices(Matrices** lanes) {
    for (int i = 0; i < lanes[0]->count; i++)
        for (int matrix = 0; matrix < 4; matrix++)
            for (int row = 0; row < 8; row++) {
                const Matrices& from = *lanes[matrix * 8 + row];
                const unsigned char* at = from.rows[i] + from.offset;
                check_shared(at, 16, "ldmatrix");
                for (int t = 0; t < 4; t++) memcpy(&lanes[row * 4 + t]->registers[i][matrix], at + 4 * t, 4);
            }
}

struct Mma {
    int (*d)[4];
    const unsigned (*a)[4];
    const uint2* b;
};

// One m16n8k32 after the other: A row-major 16 x 32 of type T, B column-major 32 x 8 of signed bytes.
template <class T, int M, int N>
static void mma(Mma** lanes) {
    static short a[16][32], b[8][32];
    for (int n = 0; n < N; n++) {
        for (int l = 0; l < 32; l++)
            for (int q = 0; q < 4; q++) {
                b[l / 4][l % 4 * 4 + q] = (signed char)(lanes[l]->b[n].x >> 8 * q);
                b[l / 4][l % 4 * 4 + q + 16] = (signed char)(lanes[l]->b[n].y >> 8 * q);
            }
        for (int m = 0; m < M; m++) {
            for (int l = 0; l < 32; l++)
                for (int r = 0; r < 4; r++)
                    for (int q = 0; q < 4; q++)
                        a[l / 4 + r % 2 * 8][l % 4 * 4 + q + r / 2 * 16] = (T)(lanes[l]->a[m][r] >> 8 * q);
            for (int l = 0; l < 32; l++)
                for (int r = 0; r < 4; r++) {
                    const short* row = a[l / 4 + r / 2 * 8];
                    const short* column = b[l % 4 * 2 + r % 2];
                    int sum = 0;
                    for (int k = 0; k < 32; k++) sum += row[k] * column[k];
                    int& d = lanes[l]->d[m * N + n][r];
                    d = (int)((unsigned)d + (unsigned)sum);
                }
        }
    }
}

constexpr size_t WARPGROUP = 128;

// Row `row` of a matrix of bytes in shared memory, 16 bytes of it from depth 16 * half on, as a descriptor says: start,
// distance along the depth and distance between groups of 8 rows in units of 16 bytes; no base offset, no swizzle.
static const signed char* matrix_row(uint64_t descriptor, int row, int half) {
    if (descriptor >> 62) fail("wgmma: a swizzled matrix");
    if (descriptor >> 49 & 7) fail("wgmma: a base offset");
    const size_t start = (descriptor & 0x3fff) << 4;
    const size_t along_depth = (descriptor >> 16 & 0x3fff) << 4, between_rows = (descriptor >> 32 & 0x3fff) << 4;
    const size_t at = start + half * along_depth + row / 8 * between_rows + row % 8 * 16;
    if (at + 16 > dynamic_bytes) fail("wgmma: outside shared memory");
    return (const signed char*)shared_memory() + at;
}

// The oldest multiplication of a warpgroup: A row-major from registers, warp w holding rows 16 w to 16 w + 15 as mma does.
static void multiply(Fibre** lanes) {
    static short a[64][32];
    Wgmma first = lanes[0]->multiplications.front();
    for (size_t l = 0; l < WARPGROUP; l++) {
        const Wgmma& own = lanes[l]->multiplications.front();
        if (own.b != first.b || own.is_signed != first.is_signed) fail("wgmma: the lanes of a warpgroup disagree");
        const int top = (int)l / 32 * 16, lane = (int)l % 32;
        for (int r = 0; r < 4; r++)
            for (int q = 0; q < 4; q++) {
                const unsigned char byte = (unsigned char)(own.a[r] >> 8 * q);
                a[top + lane / 4 + r % 2 * 8][lane % 4 * 4 + q + r / 2 * 16] = own.is_signed ? (signed char)byte : byte;
            }
    }
    for (int column = 0; column < 96; column++) {
        const signed char* const b[2] = {matrix_row(first.b, column, 0), matrix_row(first.b, column, 1)};
        for (int row = 0; row < 64; row++) {
            int sum = 0;
            for (int k = 0; k < 32; k++) sum += a[row][k] * b[k / 16][k % 16];
            const Fibre& lane = *lanes[row / 16 * 32 + row % 8 * 4 + column % 8 / 2];
            int& d = lane.multiplications.front().d[column / 8][row % 16 / 8 * 2 + column % 2];
            d = (int)((unsigned)d + (unsigned)sum);
        }
    }
    for (size_t l = 0; l < WARPGROUP; l++) lanes[l]->multiplications.erase(lanes[l]->multiplications.begin());
}

// All multiplications of a warpgroup but those of the N groups committed last.
template <int N>
static void wait_for_multiplications(Fibre** lanes) {
    auto& groups = lanes[0]->committed;
    while (groups.size() > N) {
        for (size_t i = 0; i < groups.front(); i++) multiply(lanes);
        for (size_t l = 0; l < WARPGROUP; l++) lanes[l]->committed.erase(lanes[l]->committed.begin());
    }
}

static void issue(int (*d)[4], const unsigned* a, uint64_t b, bool is_signed) {
    if (current->loaded) fail("wgmma: registers changed without a fence");
    for (const Fibre& fibre : fibres)
        if (fibre.copied) fail("wgmma: shared memory written without a fence of the proxy");
    current->multiplications.push_back({d, a, b, is_signed});
}

} // namespace emulator

static inline unsigned shared_address(const void* p) {
    return (unsigned)((const unsigned char*)p - emulator::shared_memory());
}

static inline void async_proxy_fence() { emulator::current->copied = false; }
static inline void wgmma_fence() { emulator::current->loaded = false; }
static inline void wgmma_s8(int (&d)[12][4], const unsigned (&a)[4], uint64_t b) { emulator::issue(d, a, b, true); }
static inline void wgmma_u8(int (&d)[12][4], const unsigned (&a)[4], uint64_t b) { emulator::issue(d, a, b, false); }

static inline void wgmma_commit() {
    using namespace emulator;
    size_t before = 0;
    for (const size_t group : current->committed) before += group;
    current->committed.push_back(current->multiplications.size() - before);
}

template <int N>
static inline void wgmma_wait() {
    using namespace emulator;
    collective<Fibre, WARPGROUP>(*current, wait_for_multiplications<N>);
}

static const Index3& thread_index() {
    static Index3 index;
    index = {(unsigned)emulator::current->number, 0, 0};
    return index;
}
#define threadIdx (thread_index())
#define blockIdx (emulator::block_index)

static inline void __syncthreads() {
    using namespace emulator;
    if (++waiting_at_barrier < threads) {
        current->state = State::at_barrier;
        to_scheduler();
        return;
    }
    waiting_at_barrier = 0;
    for (Fibre& fibre : fibres)
        if (fibre.state == State::at_barrier) fibre.state = State::ready;
}

static inline void copy_async_16(void* to, const void* from, bool ok) {
    using namespace emulator;
    check_shared(to, 16, "cp.async");
    if (ok) check_global(from, 16, "cp.async");
    memset(to, POISON, 16);
    current->open.push_back({(unsigned char*)to, (const unsigned char*)from, ok});
}

static inline void copy_async_commit() {
    using namespace emulator;
    current->groups.push_back(std::move(current->open));
    current->open.clear();
}

template <int N>
static inline void copy_async_wait() {
    auto& groups = emulator::current->groups;
    while (groups.size() > N) {
        for (const auto& copy : groups.front()) {
            if (copy.ok) memcpy(copy.to, copy.from, 16);
            else memset(copy.to, 0, 16);
            emulator::current->copied = true;
        }
        groups.erase(groups.begin());
    }
}

template <int M>
static inline void load_matrices(unsigned (&r)[M][4], const unsigned char* const (&row)[M], int offset) {
    emulator::Matrices matrices{r, row, offset, M};
    emulator::current->loaded = true;
    emulator::collective<emulator::Matrices>(matrices, emulator::load_matrices);
}

template <int M, int N>
static inline void mma_s8(int (&d)[M][N][4], const unsigned (&a)[M][4], const uint2 (&b)[N]) {
    emulator::Mma operands{d[0], a, b};
    emulator::collective(operands, emulator::mma<signed char, M, N>);
}

template <int M, int N>
static inline void mma_u8(int (&d)[M][N][4], const unsigned (&a)[M][4], const uint2 (&b)[N]) {
    emulator::Mma operands{d[0], a, b};
    emulator::collective(operands, emulator::mma<unsigned char, M, N>);
}

static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
    const uint64_t both = (uint64_t)y << 32 | x;
    unsigned out = 0;
    for (int i = 0; i < 4; i++) out |= (unsigned)(both >> 8 * (selector >> 4 * i & 7) & 0xff) << 8 * i;
    return out;
}

// Host code is compiled without contraction and excess precision: each is one IEEE 754 operation.
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline float __fsub_rn(float a, float b) { return a - b; }
static inline double __dsub_rn(double a, double b) { return a - b; }
static inline double __int2double_rn(int a) { return (double)a; }
static inline float __double2float_rn(double a) { return (float)a; }
static inline float __int2float_rn(int a) { return (float)a; }
static inline int __float2int_rn(float a) { return (int)std::nearbyintf(a); }
using std::fmaxf;
using std::fminf;
static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }

extern "C" void* emulator_allocate(size_t bytes) {
    void* memory = nullptr;
    if (posix_memalign(&memory, emulator::GUARD, bytes + 2 * emulator::MARGIN)) return nullptr;
    memset(memory, emulator::CANARY, bytes + 2 * emulator::MARGIN);
    emulator::allocations.push_back({(unsigned char*)memory, bytes});
    return (unsigned char*)memory + emulator::MARGIN;
}

extern "C" void emulator_release(void* at) {
    unsigned char* const memory = (unsigned char*)at - emulator::MARGIN;
    auto& all = emulator::allocations;
    for (size_t i = 0; i < all.size(); i++)
        if (all[i].memory == memory) {
            all.erase(all.begin() + (ptrdiff_t)i);
            free(memory);
            return;
        }
}

// Runs one of the kernels listed behind the text; copies the message where it fails.
static int emulator_result(char* message, size_t bytes) {
    snprintf(message, bytes, "%s", emulator::failure.c_str());
    return emulator::failure.empty() ? 0 : 1;
}
