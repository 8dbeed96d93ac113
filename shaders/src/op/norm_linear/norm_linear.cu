// Layer normalization of int16 rows, then an int8 matrix product with its epilogue (docs/INTEGER.md, "norm_linear").
// A block normalizes TILE_ROWS rows once, keeps them in shared memory and computes every gridDim.y-th of their tiles.
#pragma variant rows_128x128: TILE_ROWS=128 TILE_COLS=128 TILE_K=64 STAGES=4 ROW_WARPS=2 COL_WARPS=4 K_WARPS=1 GROUPS=3
#pragma variant rows_64x128: TILE_ROWS=64 TILE_COLS=128 TILE_K=64 STAGES=3 ROW_WARPS=2 COL_WARPS=4 K_WARPS=1 GROUPS=6
#pragma variant rows_64x64: TILE_ROWS=64 TILE_COLS=64 TILE_K=64 STAGES=4 ROW_WARPS=2 COL_WARPS=2 K_WARPS=1 GROUPS=6
#pragma variant rows_32x64: TILE_ROWS=32 TILE_COLS=64 TILE_K=64 STAGES=4 ROW_WARPS=2 COL_WARPS=2 K_WARPS=1 GROUPS=12
#pragma variant rows_16x64: TILE_ROWS=16 TILE_COLS=64 TILE_K=128 STAGES=3 ROW_WARPS=1 COL_WARPS=4 K_WARPS=1 GROUPS=12

#include "shared/arithmetic.cuh"
#include "shared/product.cuh"
#include "shared/epilogue.cuh"
#include "shared/tile.cuh"
#include "shared/normalize.cuh"

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    norm_linear(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    extern __shared__ __align__(128) unsigned char memory[];
    __shared__ unsigned table[128];

    unsigned blocks = (p.k_words * 4 + TILE_K - 1) / TILE_K;
    unsigned row = blockIdx.x * TILE_ROWS;
    unsigned col_tiles = (p.cols + TILE_COLS - 1) / TILE_COLS;
    // First the rows, then the stages of weights, which the sums take over.
    unsigned char* stages = memory + blocks * ROWS_BLOCK;
    unsigned rows_base = shared_address(memory), cols_base = shared_address(stages);

    typedef BlockCopy<TILE_COLS, TILE_K, THREADS> Copy;
    auto columns_of = [&](unsigned tile) { return Copy(weights + p.weight, tile * TILE_COLS, p.cols, p.k_words); };
    auto start = [&](const Copy& columns, unsigned block) {
        if (block < blocks) columns.start(cols_base + block % STAGES * COLS_BLOCK, block);
        end_copies();
    };
    Copy columns = columns_of(blockIdx.y);
    for (unsigned block = 0; block < STAGES - 1; ++block) start(columns, block);
    load_table(p, weights, table);

    // As few lanes a row as keep its channels in registers.
    constexpr unsigned LEAST_LANES = 8;
    unsigned row_lanes = LANES;
    while (row_lanes > LEAST_LANES && p.norm_channels <= 2 * row_lanes * GROUPS) row_lanes /= 2;
    static_assert(TILE_ROWS % (THREADS / LEAST_LANES) == 0, "all lanes of a warp have a row at once");
    // Whole blocks: the products read what lies past the last channel.
    unsigned groups = blocks * (TILE_K / 4);
    for (unsigned r = threadIdx.x / row_lanes; r < TILE_ROWS; r += THREADS / row_lanes) {
        // Past the last row stands the last once more: of it nothing comes.
        const unsigned* x = arena + p.x + (size_t)min(row + r, p.rows - 1) * p.x_stride;
        auto load = [&](unsigned group) { return load_channels(x, 4 * group, p.norm_channels); };
        auto store = [&](unsigned group, const int (&values)[4]) {
            unsigned byte = 4 * group;
            unsigned at = byte / TILE_K * ROWS_BLOCK + chunk_at<TILE_K>(r, byte % TILE_K / CHUNK) + byte % CHUNK;
            *(unsigned*)(memory + at) = pack_symmetric(values[0], values[1], values[2], values[3]);
        };
        normalize_rows<GROUPS>(row_lanes, weights + p.norm_channel, p.norm_channels, p.norm_epsilon, groups, load, store);
    }

    Place place = warp_place();
    for (unsigned tile = blockIdx.y; tile < col_tiles; tile += gridDim.y) {
        ColumnWords words = load_columns(p, weights, first_column(tile * TILE_COLS));
        Sums sums = {};
        for (unsigned block = 0; block < blocks; ++block) {
            await_copies<STAGES - 2>();
            __syncthreads();
            start(columns, block + STAGES - 1);
            multiply_blocks(sums, place, rows_base + block * ROWS_BLOCK, cols_base + block % STAGES * COLS_BLOCK);
        }
        await_copies<0>();
        __syncthreads();
        finish_tile(p, words, arena, (const signed char*)table, sums, place, (int*)stages, row, tile * TILE_COLS);
        if (tile + gridDim.y < col_tiles) {
            // The stages held the sums.
            __syncthreads();
            columns = columns_of(tile + gridDim.y);
            for (unsigned block = 0; block < STAGES - 1; ++block) start(columns, block);
        }
    }
}
