// I-ViT's ShiftGELU of int8 rows (docs/INTEGER.md, "shift_gelu"). One warp computes one row.
#pragma variant plain: WARPS=4

#include "shared/arithmetic.cuh"
#include "shared/product.cuh"

// About 2^23 * unit * e^(d / unit).
__device__ __forceinline__ unsigned exponential(int unit, int d) {
    d = max(d + (d >> 1) - (d >> 4), -23 * unit);
    int halvings = int(unsigned(-d) / unsigned(unit));
    int rest = d + unit * halvings;
    return unsigned(rest + 2 * unit) << (23 - halvings) >> 1;
}

extern "C" __global__ void __launch_bounds__(WARPS * LANES)
    shift_gelu(const unsigned* __restrict__, unsigned* arena, const Params p) {
    unsigned row = blockIdx.x * WARPS + threadIdx.x / LANES, lane = threadIdx.x % LANES;
    if (row >= p.rows) return;
    const unsigned* x = arena + p.x + (size_t)row * p.k_words;
    unsigned* out = arena + p.out + (size_t)row * p.k_words;

    int top = 0;
    for (unsigned at = lane; at < p.k_words; at += LANES) {
        unsigned word = x[at];
#pragma unroll
        for (int i = 0; i < 4; ++i) top = max(top, byte_of(word, i));
    }
    top = __reduce_max_sync(0xffffffff, top);

    int unit = int(p.unit);
    unsigned base = exponential(unit, -top);
    Scale output = unpack_scale(p.scale);
    for (unsigned at = lane; at < p.k_words; at += LANES) {
        unsigned word = x[at];
        int v[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            int value = byte_of(word, i);
            unsigned e = exponential(unit, value - top);
            int sigmoid = int(e * (0x7fffffffu / (e + base)) >> 24);
            v[i] = requantize(value * sigmoid, output);
        }
        out[at] = pack_symmetric(v[0], v[1], v[2], v[3]);
    }
}
