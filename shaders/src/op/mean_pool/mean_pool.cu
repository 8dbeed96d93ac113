// The mean over an image's tokens (docs/INTEGER.md, "mean_pool"). A block has COLS columns of words, and PARTS parts of
// the tokens.
#pragma variant plain: COLS=32 PARTS=8

#include "shared/arithmetic.cuh"

extern "C" __global__ void __launch_bounds__(COLS * PARTS)
    mean_pool(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    __shared__ int4 sums[PARTS][COLS];
    unsigned blocks = (p.stride + COLS - 1) / COLS;
    unsigned image = blockIdx.x / blocks;
    unsigned col = threadIdx.x % COLS, part = threadIdx.x / COLS;
    unsigned word = blockIdx.x % blocks * COLS + col;
    bool present = word < p.stride;

    int4 sum = {};
    if (present) {
        const unsigned* x = arena + p.x + (size_t)image * p.tokens * p.stride + word;
        for (unsigned token = part; token < p.tokens; token += PARTS) {
            unsigned found = x[(size_t)token * p.stride];
            sum.x += byte_of(found, 0);
            sum.y += byte_of(found, 1);
            sum.z += byte_of(found, 2);
            sum.w += byte_of(found, 3);
        }
    }
    sums[part][col] = sum;
    __syncthreads();
    if (part > 0 || !present) return;
    for (unsigned other = 1; other < PARTS; ++other) {
        int4 found = sums[other][col];
        sum.x += found.x;
        sum.y += found.y;
        sum.z += found.z;
        sum.w += found.w;
    }
    const unsigned* scales = weights + p.channel + 4 * word;
    int v[4] = {sum.x, sum.y, sum.z, sum.w};
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] = requantize(v[i], unpack_scale(scales[i]));
    arena[p.out + image * p.stride + word] = pack_symmetric(v[0], v[1], v[2], v[3]);
}
