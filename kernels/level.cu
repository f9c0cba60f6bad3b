// What stands between a network and the wavelet: each thread one value, THREADS a block, no shared memory, sm_80,
// deterministic. Reference test: emulated.rs, `levels`. Measured throughput: none yet.
//
// quantise_T, T = f32 or f64: low-pass coefficients to a network's input (spec networks 2).
//   out = round(clamp(fl(c * multiplier)));  not-a-number gives 0.  Dense, `count` values.
// widen_f64: predictions to the working precision, exactly. Strides for both.
// residual_T: stored integers become coefficients and are added to the prediction (spec section 6.3).
//   v += sign(q) fl(fl(|q| - shrink) * step), every operation rounded; where q is 0 the prediction stays as it is
//   q [z][y][x] of i32, a box; v with strides of its own: the band that the box lies in.

// The thread's place in a box of `size`.
struct Voxel {
    bool inside;
    int z, y, x;

    __device__ __forceinline__ explicit Voxel(const Int3& size) {
        const u64 thread = (u64)blockIdx.x * THREADS + threadIdx.x;
        const u64 plane = (u64)size.y * size.x;
        inside = thread < plane * size.z;
        z = (int)(thread / plane), y = (int)(thread % plane / size.x), x = (int)(thread % plane % size.x);
    }
    __device__ __forceinline__ i64 in(const Strides& s) const { return z * s.slice + y * s.row + x * s.voxel; }
};

template <class T>
__device__ __forceinline__ void quantise(const QuantiseParams& p) {
    const i64 i = (i64)blockIdx.x * THREADS + threadIdx.x;
    if (i >= p.count) return;
    const float value = __fmul_rn(Exact<T>::to_float(((const T*)p.from)[i]), p.multiplier);
    p.to[i] = (i16)(value != value ? 0 : round_activation(value));
}

template <class T>
__device__ __forceinline__ void add_residual(const ResidualParams& p) {
    using X = Exact<T>;
    const Voxel voxel(p.size);
    if (!voxel.inside) return;
    const int q = p.q[(i64)blockIdx.x * THREADS + threadIdx.x];
    if (q == 0) return;
    const int magnitude = q < 0 ? -q : q;
    const T value = X::mul(X::sub(X::from_int(magnitude), (T)p.shrink), (T)p.step);
    T* const v = (T*)p.values + voxel.in(p.to);
    *v = q < 0 ? X::sub(*v, value) : X::add(*v, value);
}

KERNEL(4) quantise_f32(const QuantiseParams p) { quantise<float>(p); }
KERNEL(4) quantise_f64(const QuantiseParams p) { quantise<double>(p); }
KERNEL(4) residual_f32(const ResidualParams p) { add_residual<float>(p); }
KERNEL(4) residual_f64(const ResidualParams p) { add_residual<double>(p); }
KERNEL(4) widen_f64(const WidenParams p) {
    const Voxel voxel(p.size);
    if (voxel.inside) p.to[voxel.in(p.to_strides)] = (double)p.from[voxel.in(p.from_strides)];
}
