// join_cdf97_T, join_haar_T, split_cdf97_T, split_haar_T, T = f32 or f64: the wavelet along one axis (spec section 6.4),
// inverse (join) and forward (split).
//
//   join cdf97:  l -= d (h[before] + h[after]);  h -= c (l[i] + l[next]);  l -= b (..);  h -= a (..)
//   split cdf97: h += a (..);  l += b (..);  h += c (..);  l += d (..)
//   join haar:   l -= 1/2 h;  h += l            split haar:  h -= l;  l += 1/2 h
// A join multiplies by the scales of the subbands first, a split last (1 where there are none). Every operation is rounded.
//
// A thread makes one pair of samples. What it needs of its neighbours' intermediate values it computes itself, by the
// same operations, so that no order shows and results need not travel: 10 lifting operations for 4.
// Layouts: low and high samples with strides of their own, so a subband or the rows of a grid; `size` counts pairs along
// `axis`, where the strides step from pair to pair. Source and target differ. Grid: one thread a pair, THREADS a block.
// No shared memory. sm_80, deterministic. Reference test: emulated.rs, `wavelet`. Measured throughput: none yet.

template <class T>
struct Exact;

template <>
struct Exact<float> {
    static __device__ __forceinline__ float add(float a, float b) { return __fadd_rn(a, b); }
    static __device__ __forceinline__ float sub(float a, float b) { return __fsub_rn(a, b); }
    static __device__ __forceinline__ float mul(float a, float b) { return __fmul_rn(a, b); }
    static __device__ __forceinline__ float from_int(int a) { return __int2float_rn(a); }
    static __device__ __forceinline__ float to_float(float a) { return a; }
};

template <>
struct Exact<double> {
    static __device__ __forceinline__ double add(double a, double b) { return __dadd_rn(a, b); }
    static __device__ __forceinline__ double sub(double a, double b) { return __dsub_rn(a, b); }
    static __device__ __forceinline__ double mul(double a, double b) { return __dmul_rn(a, b); }
    static __device__ __forceinline__ double from_int(int a) { return __int2double_rn(a); }
    static __device__ __forceinline__ float to_float(double a) { return __double2float_rn(a); }
};

// One line along the axis: where its samples are, and who neighbours whom.
template <class T>
struct Line {
    using X = Exact<T>;
    const LiftParams& p;
    const T* lows;
    const T* highs;
    i64 low_step, high_step;

    __device__ __forceinline__ int before(int i) const { return i > 0 ? i - 1 : (p.periodic ? p.highs - 1 : 0); }
    __device__ __forceinline__ int after(int i) const { return min(i, p.highs - 1); }
    __device__ __forceinline__ int next(int i) const { return i + 1 < p.lows ? i + 1 : (p.periodic ? 0 : i); }
    __device__ __forceinline__ T low(int i) const { return lows[i * low_step]; }
    __device__ __forceinline__ T high(int i) const { return highs[i * high_step]; }
};

// The intermediate values of a join: 0 scaled, 1 after the first two steps, 2 last.
template <class T>
struct Join : Line<T> {
    using X = Exact<T>;
    // x - k (a + b)
    static __device__ __forceinline__ T step(T x, double k, T a, T b) { return X::sub(x, X::mul((T)k, X::add(a, b))); }

    __device__ __forceinline__ T low0(int i) const { return X::mul(this->low(i), (T)this->p.low_scale); }
    __device__ __forceinline__ T high0(int i) const { return X::mul(this->high(i), (T)this->p.high_scale); }
    __device__ __forceinline__ T low1(int i) const {
        return step(low0(i), this->p.lift3, high0(this->before(i)), high0(this->after(i)));
    }
    __device__ __forceinline__ T high1(int i) const {
        return step(high0(i), this->p.lift2, low1(i), low1(this->next(i)));
    }
    __device__ __forceinline__ T low2(int i) const {
        return step(low1(i), this->p.lift1, high1(this->before(i)), high1(this->after(i)));
    }
    __device__ __forceinline__ T high2(int i, T low2_here) const {
        return step(high1(i), this->p.lift0, low2_here, low2(this->next(i)));
    }
};

// The same for a split.
template <class T>
struct Split : Line<T> {
    using X = Exact<T>;
    // x + k (a + b)
    static __device__ __forceinline__ T step(T x, double k, T a, T b) { return X::add(x, X::mul((T)k, X::add(a, b))); }

    __device__ __forceinline__ T high1(int i) const {
        return step(this->high(i), this->p.lift0, this->low(i), this->low(this->next(i)));
    }
    __device__ __forceinline__ T low1(int i) const {
        return step(this->low(i), this->p.lift1, high1(this->before(i)), high1(this->after(i)));
    }
    __device__ __forceinline__ T high2(int i) const {
        return step(high1(i), this->p.lift2, low1(i), low1(this->next(i)));
    }
    __device__ __forceinline__ T low2(int i) const {
        return step(low1(i), this->p.lift3, high2(this->before(i)), high2(this->after(i)));
    }
};

// One thread's pair: number along the axis, line, and targets.
template <class T>
struct Pair {
    bool inside;
    int i;
    Line<T> line;
    T* low;
    T* high;

    __device__ __forceinline__ explicit Pair(const LiftParams& p) : line{p, nullptr, nullptr, 0, 0} {
        const u64 thread = (u64)blockIdx.x * THREADS + threadIdx.x;
        const u64 plane = (u64)p.size.y * p.size.x;
        inside = thread < plane * p.size.z;
        if (!inside) return;
        const int z = (int)(thread / plane), y = (int)(thread % plane / p.size.x), x = (int)(thread % plane % p.size.x);
        auto at = [&](const Strides& s) { return z * s.slice + y * s.row + x * s.voxel; };
        auto along = [&](const Strides& s) { return p.axis == 0 ? s.slice : p.axis == 1 ? s.row : s.voxel; };
        i = p.axis == 0 ? z : p.axis == 1 ? y : x;
        line.low_step = along(p.low_from);
        line.high_step = along(p.high_from);
        // The line starts at the thread's place but for its step along the axis.
        line.lows = (const T*)p.low + at(p.low_from) - i * line.low_step;
        line.highs = (const T*)p.high + at(p.high_from) - i * line.high_step;
        low = (T*)p.to_low + at(p.low_to);
        high = (T*)p.to_high + at(p.high_to);
    }
};

template <class T, bool HAAR>
__device__ __forceinline__ void join(const LiftParams& p) {
    using X = Exact<T>;
    const Pair<T> pair(p);
    if (!pair.inside) return;
    const Join<T> line{pair.line};
    const int i = pair.i;
    const bool has_high = i < p.highs;
    if (HAAR) {
        T low = line.low0(i);
        if (has_high) {
            const T high = line.high0(i);
            low = X::sub(low, X::mul((T)0.5, high));
            *pair.high = X::add(high, low);
        }
        *pair.low = low;
    } else if (p.highs == 0) {
        *pair.low = line.low0(i);
    } else {
        const T low = line.low2(i);
        *pair.low = low;
        if (has_high) *pair.high = line.high2(i, low);
    }
}

template <class T, bool HAAR>
__device__ __forceinline__ void split(const LiftParams& p) {
    using X = Exact<T>;
    const Pair<T> pair(p);
    if (!pair.inside) return;
    const Split<T> line{pair.line};
    const int i = pair.i;
    T low = line.low(i);
    if (i < p.highs) {
        const T high = HAAR ? X::sub(line.high(i), low) : line.high2(i);
        if (HAAR) low = X::add(low, X::mul((T)0.5, high));
        *pair.high = X::mul(high, (T)p.high_scale);
    }
    if (!HAAR && p.highs > 0) low = line.low2(i);
    *pair.low = X::mul(low, (T)p.low_scale);
}

KERNEL(2) join_cdf97_f32(const LiftParams p) { join<float, false>(p); }
KERNEL(2) join_cdf97_f64(const LiftParams p) { join<double, false>(p); }
KERNEL(2) join_haar_f32(const LiftParams p) { join<float, true>(p); }
KERNEL(2) join_haar_f64(const LiftParams p) { join<double, true>(p); }
KERNEL(2) split_cdf97_f32(const LiftParams p) { split<float, false>(p); }
KERNEL(2) split_cdf97_f64(const LiftParams p) { split<double, false>(p); }
KERNEL(2) split_haar_f32(const LiftParams p) { split<float, true>(p); }
KERNEL(2) split_haar_f64(const LiftParams p) { split<double, true>(p); }
