// An int8 matrix product with its epilogue (docs/INTEGER.md, "linear"). One block computes one tile.
#pragma variant tile_128x128: TILE_ROWS=128 TILE_COLS=128 TILE_K=64 STAGES=4 ROW_WARPS=2 COL_WARPS=4 K_WARPS=1
#pragma variant tile_128x64: TILE_ROWS=128 TILE_COLS=64 TILE_K=64 STAGES=4 ROW_WARPS=4 COL_WARPS=2 K_WARPS=1
#pragma variant tile_64x128: TILE_ROWS=64 TILE_COLS=128 TILE_K=64 STAGES=4 ROW_WARPS=2 COL_WARPS=4 K_WARPS=1
#pragma variant tile_64x64: TILE_ROWS=64 TILE_COLS=64 TILE_K=64 STAGES=4 ROW_WARPS=2 COL_WARPS=2 K_WARPS=1
#pragma variant tile_64x32: TILE_ROWS=64 TILE_COLS=32 TILE_K=64 STAGES=4 ROW_WARPS=4 COL_WARPS=1 K_WARPS=1
#pragma variant tile_64x32_k4: TILE_ROWS=64 TILE_COLS=32 TILE_K=128 STAGES=3 ROW_WARPS=2 COL_WARPS=1 K_WARPS=4
#pragma variant tile_32x32_k4: TILE_ROWS=32 TILE_COLS=32 TILE_K=128 STAGES=4 ROW_WARPS=1 COL_WARPS=1 K_WARPS=4
#pragma variant tile_16x32_k4: TILE_ROWS=16 TILE_COLS=32 TILE_K=128 STAGES=4 ROW_WARPS=1 COL_WARPS=1 K_WARPS=4

#include "shared/arithmetic.cuh"
#include "shared/product.cuh"
#include "shared/epilogue.cuh"
#include "shared/tile.cuh"

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    linear(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    extern __shared__ __align__(128) unsigned char memory[];
    __shared__ unsigned table[128];
    constexpr unsigned STAGE = ROWS_BLOCK + COLS_BLOCK;

    unsigned col_tiles = (p.cols + TILE_COLS - 1) / TILE_COLS;
    unsigned col = blockIdx.x % col_tiles * TILE_COLS;
    unsigned row = blockIdx.x / col_tiles * TILE_ROWS;
    unsigned blocks = (p.k_words * 4 + TILE_K - 1) / TILE_K;
    unsigned base = shared_address(memory);

    BlockCopy<TILE_ROWS, TILE_K, THREADS> inputs(arena + p.a, row, p.rows, p.k_words);
    BlockCopy<TILE_COLS, TILE_K, THREADS> columns(weights + p.weight, col, p.cols, p.k_words);
    auto start = [&](unsigned block) {
        if (block < blocks) {
            unsigned stage = base + block % STAGES * STAGE;
            inputs.start(stage, block);
            columns.start(stage + ROWS_BLOCK, block);
        }
        end_copies();
    };
    for (unsigned block = 0; block < STAGES - 1; ++block) start(block);
    load_table(p, weights, table);
    ColumnWords words = load_columns(p, weights, first_column(col));

    Sums sums = {};
    Place place = warp_place();
    for (unsigned block = 0; block < blocks; ++block) {
        await_copies<STAGES - 2>();
        __syncthreads();
        // The stage that is filled was read before the barrier.
        start(block + STAGES - 1);
        unsigned stage = base + block % STAGES * STAGE;
        multiply_blocks(sums, place, stage, stage + ROWS_BLOCK);
    }
    await_copies<0>();
    __syncthreads();
    finish_tile(p, words, arena, (const signed char*)table, sums, place, (int*)memory, row, col);
}
