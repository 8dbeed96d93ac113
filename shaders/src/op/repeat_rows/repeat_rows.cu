// The same rows of the weights for each item (docs/INTEGER.md, "repeat_rows"). One thread copies 16 bytes.
#pragma variant plain: THREADS=256

extern "C" __global__ void __launch_bounds__(THREADS)
    repeat_rows(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    unsigned pieces = p.words / 4;
    if (at >= (size_t)p.items * pieces) return;
    ((uint4*)(arena + p.out))[at] = ((const uint4*)(weights + p.table))[at % pieces];
}
