// A CUDA driver whose GPU is the emulator: test only. It has the functions that the program calls, checks what it
// can of their arguments, and runs launches on the host. SRT_STUB_DRIVER names a fault: "no device", "old device",
// "launch" (every launch fails).
#include <deque>
#include <mutex>

namespace stub {

constexpr int SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, NOT_FOUND = 500,
              LAUNCH_FAILED = 719;
constexpr int MAJOR = 75, MINOR = 76, SHARED_OPTIN = 97, FUNCTION_SHARED = 8;
constexpr int SHARED_BYTES = 99 << 10;

static bool initialised = false;
static thread_local void* context = nullptr;
static int context_identity, module_identity;
// A driver may be called from any thread, the emulator from one at a time.
static std::recursive_mutex mutex;
using Lock = std::lock_guard<std::recursive_mutex>;

static bool fault(const char* name) {
    const char* const wanted = getenv("SRT_STUB_DRIVER");
    return wanted && !strcmp(wanted, name);
}

// A function handle: its number in the table, and the shared memory allowed.
struct Function {
    int number;
    int shared_bytes;
};
static Function functions[64];

// Work of a stream happens when somebody waits for it: as late as a driver may.
struct Stream {
    std::deque<std::function<int()>> works;
    size_t count = 0;
};
struct Event {
    Stream* stream;
    size_t count;
};
// As on a GPU, nothing works any more after a launch that failed.
static int broken = SUCCESS;

static int run(Stream& stream, size_t until) {
    const Lock lock(mutex);
    while (!broken && stream.count - stream.works.size() < until) {
        const auto work = std::move(stream.works.front());
        stream.works.pop_front();
        broken = work();
    }
    return broken;
}

static int push(void* stream, std::function<int()> work) {
    const Lock lock(mutex);
    auto& s = *(Stream*)stream;
    s.works.push_back(std::move(work));
    s.count++;
    return SUCCESS;
}

static int ready() { return !initialised ? NOT_INITIALIZED : context ? SUCCESS : INVALID_VALUE; }

} // namespace stub

extern "C" {
int cuInit(unsigned) {
    stub::initialised = true;
    return stub::fault("no device") ? stub::NO_DEVICE : stub::SUCCESS;
}
int cuDeviceGetCount(int* count) { return *count = 1, stub::SUCCESS; }
int cuDeviceGet(int* device, int ordinal) { return *device = ordinal, ordinal ? stub::INVALID_VALUE : stub::SUCCESS; }
int cuDeviceGetName(char* name, int bytes, int) { return snprintf(name, (size_t)bytes, "emulated GPU"), stub::SUCCESS; }
int cuDeviceGetAttribute(int* value, int attribute, int) {
    if (attribute == stub::MAJOR) *value = stub::fault("old device") ? 7 : 8;
    else if (attribute == stub::MINOR) *value = stub::fault("old device") ? 5 : 6;
    else if (attribute == stub::SHARED_OPTIN) *value = stub::SHARED_BYTES;
    else return stub::INVALID_VALUE;
    return stub::SUCCESS;
}
int cuDevicePrimaryCtxRetain(void** context, int) { return *context = &stub::context_identity, stub::SUCCESS; }
int cuCtxSetCurrent(void* context) {
    stub::context = context;
    return context == &stub::context_identity ? stub::SUCCESS : stub::INVALID_VALUE;
}
int cuMemGetInfo_v2(size_t* free, size_t* total) { return *free = *total = (size_t)1 << 30, stub::ready(); }
int cuMemAlloc_v2(u64* at, size_t bytes) {
    if (!bytes) return stub::INVALID_VALUE;
    const stub::Lock lock(stub::mutex);
    *at = (u64)emulator_allocate(bytes);
    return *at ? stub::ready() : stub::OUT_OF_MEMORY;
}
int cuMemFree_v2(u64 at) {
    const stub::Lock lock(stub::mutex);
    return emulator_release((void*)at), stub::ready();
}
int cuMemHostAlloc(void** at, size_t bytes, unsigned flags) {
    if (flags || !bytes) return stub::INVALID_VALUE;
    return posix_memalign(at, 4096, bytes) ? stub::OUT_OF_MEMORY : stub::ready();
}
int cuMemFreeHost(void* at) { return free(at), stub::ready(); }
int cuStreamCreate(void** stream, unsigned flags) {
    *stream = new stub::Stream;
    return flags == 1 ? stub::ready() : stub::INVALID_VALUE; // not ordered with the null stream
}
int cuStreamSynchronize(void* stream) {
    auto& s = *(stub::Stream*)stream;
    return stub::ready() ? stub::ready() : stub::run(s, s.count);
}
int cuEventCreate(void** event, unsigned) { return *event = new stub::Event{}, stub::ready(); }
int cuEventRecord(void* event, void* stream) {
    auto* const s = (stub::Stream*)stream;
    *(stub::Event*)event = {s, s->count};
    return stub::ready();
}
int cuEventSynchronize(void* event) {
    const auto e = *(stub::Event*)event;
    return e.stream ? stub::run(*e.stream, e.count) : stub::ready();
}
int cuStreamWaitEvent(void* stream, void* event, unsigned) {
    const auto e = *(stub::Event*)event;
    return stub::push(stream, [e] { return e.stream ? stub::run(*e.stream, e.count) : stub::SUCCESS; });
}
static int copy(void* to, const void* from, size_t bytes, void* stream) {
    return stub::push(stream, [=] { return memcpy(to, from, bytes), stub::SUCCESS; });
}
int cuMemcpyHtoDAsync_v2(u64 to, const void* from, size_t bytes, void* stream) { return copy((void*)to, from, bytes, stream); }
int cuMemcpyDtoHAsync_v2(void* to, u64 from, size_t bytes, void* stream) { return copy(to, (void*)from, bytes, stream); }
int cuMemsetD8Async(u64 at, unsigned char value, size_t bytes, void* stream) {
    return stub::push(stream, [=] { return memset((void*)at, value, bytes), stub::SUCCESS; });
}
int cuModuleLoadData(void** module, const void* image) {
    *module = &stub::module_identity;
    return memcmp(image, "\x7f" "ELF", 4) ? stub::INVALID_VALUE : stub::ready();
}
int cuModuleGetFunction(void** function, void* module, const char* name) {
    for (int i = 0; emulator_kernels[i]; i++)
        if (module == &stub::module_identity && !strcmp(emulator_kernels[i], name)) {
            stub::functions[i] = {i, 48 << 10};
            *function = &stub::functions[i];
            return stub::ready();
        }
    return stub::NOT_FOUND;
}
int cuFuncSetAttribute(void* function, int attribute, int value) {
    if (attribute != stub::FUNCTION_SHARED || value > stub::SHARED_BYTES) return stub::INVALID_VALUE;
    ((stub::Function*)function)->shared_bytes = value;
    return stub::ready();
}
int cuLaunchKernel(void* function, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned ty, unsigned tz,
                   unsigned shared, void* stream, void** params, void** extra) {
    const auto& f = *(stub::Function*)function;
    if (z != 1 || threads != THREADS || ty != 1 || tz != 1 || extra || (int)shared > f.shared_bytes || !x || !y)
        return stub::INVALID_VALUE;
    if (stub::ready()) return stub::ready();
    const int number = f.number;
    const char* const bytes = (const char*)params[0];
    const std::vector<char> copied(bytes, bytes + emulator_params_bytes[number]);
    return stub::push(stream, [=] {
        char message[512];
        const bool failed = stub::fault("launch") || emulator_launch(number, x, y, shared, emulator::RANDOM, 17,
                                                                     copied.data(), message, sizeof message);
        return failed ? stub::LAUNCH_FAILED : stub::SUCCESS;
    });
}
int cuGetErrorName(int, const char** text) { return *text = "CUDA_ERROR_OF_THE_STUB", stub::SUCCESS; }
int cuGetErrorString(int, const char** text) { return *text = "an error of the stub", stub::SUCCESS; }
}
