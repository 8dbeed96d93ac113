// A tile of outputs of `linear` and `norm_linear`: TILE_ROWS x TILE_COLS, computed by ROW_WARPS x COL_WARPS x K_WARPS
// warps. Warps along K sum different inputs of the same outputs: short matrices keep all of them at work that way.

constexpr int WARP_ROWS = TILE_ROWS / ROW_WARPS;
constexpr int WARP_COLS = TILE_COLS / COL_WARPS;
constexpr int ROW_PARTS = WARP_ROWS / 16;
constexpr int COL_PARTS = WARP_COLS / 8;
constexpr int THREADS = ROW_WARPS * COL_WARPS * K_WARPS * LANES;

static_assert(WARP_ROWS % 16 == 0 && WARP_COLS % 16 == 0, "a product has 16 rows and 16 columns");
static_assert(TILE_K / 32 % K_WARPS == 0, "every warp along K has the same work");
static_assert(THREADS % (TILE_COLS / 4) == 0, "a thread of the epilogue keeps its columns");

// Bytes of a block of weights, and of a block of inputs.
constexpr unsigned COLS_BLOCK = TILE_COLS * TILE_K;
constexpr unsigned ROWS_BLOCK = TILE_ROWS * TILE_K;
// Words between the rows of sums in shared memory: neighbouring rows begin 8 banks apart.
constexpr unsigned SUMS_STRIDE = TILE_COLS + 8;

typedef int Sums[ROW_PARTS][COL_PARTS][4];

// The warp's place along rows, columns and K.
struct Place {
    unsigned row, col, k;
};

__device__ __forceinline__ Place warp_place() {
    unsigned warp = threadIdx.x / LANES;
    return {warp % ROW_WARPS * WARP_ROWS, warp / ROW_WARPS % COL_WARPS * WARP_COLS, warp / (ROW_WARPS * COL_WARPS)};
}

__device__ __forceinline__ void multiply_blocks(Sums& sums, const Place& place, unsigned rows_block, unsigned cols_block) {
#pragma unroll
    for (unsigned s = 0; s < TILE_K / 32 / K_WARPS; ++s) {
        unsigned step = s * K_WARPS + (K_WARPS > 1 ? place.k : 0);
        unsigned a[ROW_PARTS][4];
#pragma unroll
        for (int i = 0; i < ROW_PARTS; ++i) load_rows<TILE_K>(a[i], rows_block, place.row + 16 * i, step);
#pragma unroll
        for (int j = 0; j < COL_PARTS; j += 2) {
            unsigned b[4];
            load_cols<TILE_K>(b, cols_block, place.col + 8 * j, step);
#pragma unroll
            for (int i = 0; i < ROW_PARTS; ++i) {
                multiply_add(sums[i][j], a[i], b[0], b[1]);
                multiply_add(sums[i][j + 1], a[i], b[2], b[3]);
            }
        }
    }
}

// Sums to shared memory, then the epilogue, a thread four neighbouring columns of some rows. The caller sees to it that
// nothing else uses `stage` before; the sums have been read when this returns only for this thread.
__device__ __forceinline__ void finish_tile(const Linear& p, const unsigned* weights, unsigned* arena, const signed char* table,
                                            const Sums& sums, const Place& place, int* stage, unsigned row, unsigned col) {
    unsigned lane = threadIdx.x % LANES;
    int* plane = stage + place.k * TILE_ROWS * SUMS_STRIDE;
#pragma unroll
    for (int i = 0; i < ROW_PARTS; ++i) {
#pragma unroll
        for (int j = 0; j < COL_PARTS; ++j) {
            int* at = plane + (place.row + 16 * i + lane / 4) * SUMS_STRIDE + place.col + 8 * j + lane % 4 * 2;
            *(int2*)at = make_int2(sums[i][j][0], sums[i][j][1]);
            *(int2*)(at + 8 * SUMS_STRIDE) = make_int2(sums[i][j][2], sums[i][j][3]);
        }
    }
    __syncthreads();
    constexpr unsigned GROUPS = TILE_COLS / 4;
    unsigned group = threadIdx.x % GROUPS;
    unsigned out_col = col + 4 * group;
    if (out_col >= p.cols) return;
    Columns columns = load_columns(p, weights, out_col);
    unsigned rows = min(TILE_ROWS, p.rows - row);
    for (unsigned r = threadIdx.x / GROUPS; r < rows; r += THREADS / GROUPS) {
        int total[4] = {};
#pragma unroll
        for (int k = 0; k < K_WARPS; ++k) {
            int4 part = *(const int4*)(stage + (k * TILE_ROWS + r) * SUMS_STRIDE + 4 * group);
            total[0] += part.x;
            total[1] += part.y;
            total[2] += part.z;
            total[3] += part.w;
        }
        finish(p, arena, table, columns, row + r, out_col, total);
    }
}

// The table of the epilogue, to shared memory; the caller synchronizes before it is used.
__device__ __forceinline__ void load_table(const Linear& p, const unsigned* weights, unsigned* table) {
    if (p.epilogue == TABLE) {
        for (unsigned at = threadIdx.x; at < 64; at += THREADS) table[at] = weights[p.table + at];
    }
}
