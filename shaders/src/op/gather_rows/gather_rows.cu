// Rows at given places (docs/INTEGER.md, "gather_rows"). One thread copies 16 bytes.
#pragma variant plain: THREADS=256

extern "C" __global__ void __launch_bounds__(THREADS)
    gather_rows(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    size_t at = (size_t)blockIdx.x * THREADS + threadIdx.x;
    unsigned pieces = p.stride / 4;
    if (at >= (size_t)p.rows * pieces) return;
    unsigned row = unsigned(at / pieces), piece = unsigned(at % pieces);
    size_t source = p.every == 0 ? arena[p.index + (size_t)row * 4]
                                 : (size_t)(row / p.kept) * p.every + weights[p.table + row % p.kept];
    const uint4* x = (const uint4*)(arena + p.x) + source * pieces;
    ((uint4*)(arena + p.out))[at] = x[piece];
}
