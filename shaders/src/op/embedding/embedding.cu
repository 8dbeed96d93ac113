// Rows of tables, summed, for tokens (docs/INTEGER.md, "embedding"). One thread writes two words of a row.
#pragma variant plain: THREADS=256

#include "shared/arithmetic.cuh"

extern "C" __global__ void __launch_bounds__(THREADS)
    embedding(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    unsigned pairs = p.stride / 2;
    if (at >= (size_t)p.rows * pairs) return;
    unsigned row = unsigned(at / pairs), pair = unsigned(at % pairs);
    uint4 token = *(const uint4*)(arena + p.tokens + (size_t)row * 4);
    unsigned scale = weights[p.word_scale + token.x];
    int multiplier = int(scale & 0xffff);
    unsigned shift = scale >> 16 & 0xff;
    int rounding = 1 << (shift - 1);
    unsigned word = weights[p.word + (size_t)token.x * pairs + pair];
    const unsigned* position = weights + p.position + (size_t)token.y * p.stride + 2 * pair;
    const unsigned* segment = weights + p.segment + (size_t)token.z * p.stride + 2 * pair;
    unsigned* out = arena + p.out + (size_t)row * p.stride + 2 * pair;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        unsigned other = position[half], last = segment[half];
        int v[2];
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            v[i] = (byte_of(word, 2 * half + i) * multiplier + rounding) >> shift;
            v[i] += half_of(other, i) + half_of(last, i);
        }
        out[half] = pack_halves(v[0], v[1]);
    }
}
