// The mean or the largest of the int16 rows of each item (docs/INTEGER.md, "pool_rows"). A block has COLS columns of
// words, and PARTS parts of the rows.
#pragma variant plain: COLS=32 PARTS=8

#include "shared/arithmetic.cuh"

extern "C" __global__ void __launch_bounds__(COLS * PARTS)
    pool_rows(const unsigned* __restrict__, unsigned* arena, const Params p) {
    __shared__ uint2 sums[PARTS][COLS];
    __shared__ int2 largest[PARTS][COLS];
    unsigned blocks = (p.stride + COLS - 1) / COLS;
    unsigned item = blockIdx.x / blocks;
    unsigned col = threadIdx.x % COLS, part = threadIdx.x / COLS;
    unsigned word = blockIdx.x % blocks * COLS + col;
    bool present = word < p.stride;

    unsigned first = item * p.every + p.first, count = p.every - p.first;
    if (p.every == 0) {
        const unsigned* span = arena + p.spans + (size_t)item * 4;
        first = span[0];
        count = span[1];
    }
    uint2 sum = {};
    int2 most = {-32768, -32768};
    if (present) {
        const unsigned* x = arena + p.x + (size_t)first * p.stride + word;
        for (unsigned row = part; row < count; row += PARTS) {
            unsigned found = x[(size_t)row * p.stride];
            int low = half_of(found, 0), high = half_of(found, 1);
            sum.x += low + 32768;
            sum.y += high + 32768;
            most.x = max(most.x, low);
            most.y = max(most.y, high);
        }
    }
    sums[part][col] = sum;
    largest[part][col] = most;
    __syncthreads();
    if (part > 0 || !present) return;
    for (unsigned other = 1; other < PARTS; ++other) {
        sum.x += sums[other][col].x;
        sum.y += sums[other][col].y;
        most.x = max(most.x, largest[other][col].x);
        most.y = max(most.y, largest[other][col].y);
    }
    if (p.largest == 0) {
        most.x = int((sum.x + count / 2) / count) - 32768;
        most.y = int((sum.y + count / 2) / count) - 32768;
    }
    arena[p.out + (size_t)item * p.stride + word] = (most.x & 0xffff) | unsigned(most.y) << 16;
}
