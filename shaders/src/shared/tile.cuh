// A tile of outputs of `linear` and `norm_linear`: TILE_ROWS x TILE_COLS, computed by ROW_WARPS x COL_WARPS x K_WARPS
// warps. Warps along K sum different inputs of the same outputs: short matrices keep all of them at work that way.

constexpr int WARP_ROWS = TILE_ROWS / ROW_WARPS;
constexpr int WARP_COLS = TILE_COLS / COL_WARPS;
constexpr int ROW_PARTS = WARP_ROWS / 16;
constexpr int COL_PARTS = WARP_COLS / 8;
constexpr int THREADS = ROW_WARPS * COL_WARPS * K_WARPS * LANES;
// Blocks that a multiprocessor has registers for at once: a thread has at most 128.
constexpr int BLOCKS = 512 / THREADS;

static_assert(WARP_ROWS % 16 == 0 && WARP_COLS % 16 == 0, "a product has 16 rows and 16 columns");
static_assert(TILE_K / 32 % K_WARPS == 0, "every warp along K has the same work");
static_assert(THREADS % (TILE_COLS / 4) == 0, "a thread of the epilogue keeps its columns");

// Bytes of a block of weights, and of a block of inputs.
constexpr unsigned COLS_BLOCK = TILE_COLS * TILE_K;
constexpr unsigned ROWS_BLOCK = TILE_ROWS * TILE_K;
// Words between the rows of sums in shared memory: neighbouring rows begin 8 banks apart.
constexpr unsigned SUMS_STRIDE = TILE_COLS + 8;

// Groups of four columns, one for each thread of the epilogue.
constexpr unsigned COL_GROUPS = TILE_COLS / 4;

// An epilogue as a type.
template <int VALUE>
struct Kind {
    static constexpr int value = VALUE;
};

typedef int Sums[ROW_PARTS][COL_PARTS][4];

// The warp's place along rows, columns and K, and where its lane reads a block of each factor.
struct Place {
    unsigned row, col, k;
    unsigned rows_lane, cols_lane;
};

__device__ __forceinline__ Place warp_place() {
    unsigned warp = threadIdx.x / LANES;
    Place place = {warp % ROW_WARPS * WARP_ROWS, warp / ROW_WARPS % COL_WARPS * WARP_COLS, warp / (ROW_WARPS * COL_WARPS)};
    place.rows_lane = rows_lane<TILE_K>(place.row);
    place.cols_lane = cols_lane<TILE_K>(place.col);
    return place;
}

__device__ __forceinline__ void multiply_blocks(Sums& sums, const Place& place, unsigned rows_block, unsigned cols_block) {
    unsigned rows = rows_block + place.rows_lane, cols = cols_block + place.cols_lane;
    if (K_WARPS > 1) {
        rows ^= 32 * place.k;
        cols ^= 32 * place.k;
    }
#pragma unroll
    for (unsigned s = 0; s < TILE_K / 32 / K_WARPS; ++s) {
        unsigned flipped = 32 * s * K_WARPS;
        unsigned a[ROW_PARTS][4];
#pragma unroll
        for (int i = 0; i < ROW_PARTS; ++i) load_matrices(a[i], (rows ^ flipped) + 16 * i * TILE_K);
#pragma unroll
        for (int j = 0; j < COL_PARTS; j += 2) {
            unsigned b[4];
            load_matrices(b, (cols ^ flipped) + 8 * j * TILE_K);
#pragma unroll
            for (int i = 0; i < ROW_PARTS; ++i) {
                multiply_add(sums[i][j], a[i], b[0], b[1]);
                multiply_add(sums[i][j + 1], a[i], b[2], b[3]);
            }
        }
    }
}

// The first of the thread's columns in the epilogue of the tile at column `col`.
__device__ __forceinline__ unsigned first_column(unsigned col) { return col + threadIdx.x % COL_GROUPS * 4; }

// Sums to shared memory, then the epilogue, a thread the four neighbouring columns of `words` of some rows. The caller sees
// to it that nothing else uses `stage` before, and waits for the other threads before it uses it again.
__device__ __forceinline__ void finish_tile(const Params& p, const ColumnWords& words, unsigned* arena,
                                            const signed char* table, const Sums& sums, const Place& place, int* stage,
                                            unsigned row, unsigned col) {
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
    unsigned group = threadIdx.x % COL_GROUPS, first = threadIdx.x / COL_GROUPS;
    unsigned out_col = first_column(col);
    if (out_col >= p.cols) return;
    Columns columns = unpack_columns(words);
    if (out_col >= p.split) table += 256;
    unsigned rows = min(TILE_ROWS, p.rows - row);
    auto finish_rows = [&](auto epilogue) {
        constexpr unsigned ROW_STEP = THREADS / COL_GROUPS;
        // Outputs in a word.
        constexpr unsigned OUTPUTS = epilogue.value == INT32 ? 1 : epilogue.value == RESIDUAL || epilogue.value == INT16 ? 2 : 4;
        size_t word = (size_t)row * p.out_stride + out_col / OUTPUTS;
        char* out = (char*)(arena + p.out + word);
        const char* residual = (const char*)(arena + p.residual + word);
        unsigned row_bytes = 4 * p.out_stride;
        const int* sums = stage + first * SUMS_STRIDE + group * 4;
#pragma unroll 2
        for (unsigned r = first; r < rows; r += ROW_STEP, sums += ROW_STEP * SUMS_STRIDE) {
            int4 total = *(const int4*)sums;
#pragma unroll
            for (int k = 1; k < K_WARPS; ++k) {
                int4 part = *(const int4*)(sums + k * TILE_ROWS * SUMS_STRIDE);
                total = make_int4(total.x + part.x, total.y + part.y, total.z + part.z, total.w + part.w);
            }
            size_t at = (size_t)r * row_bytes;
            finish<epilogue.value>(p, (unsigned*)(out + at), (const unsigned*)(residual + at), table, columns, total);
        }
    };
    switch (p.epilogue) {
    case INT8: return finish_rows(Kind<INT8>());
    case TABLE: return finish_rows(Kind<TABLE>());
    case RESIDUAL: return finish_rows(Kind<RESIDUAL>());
    case INT16: return finish_rows(Kind<INT16>());
    case INT32: return finish_rows(Kind<INT32>());
    default: return finish_rows(Kind<I_GELU>());
    }
}

// The tables of the epilogue, to shared memory, in the order of unsigned bytes: of the inputs 0 to 127, then -128 to -1. An
// input of -128, to which less is saturated, is one of -127. The caller synchronizes before the table is used.
__device__ __forceinline__ void load_table(const Params& p, const unsigned* weights, unsigned* table) {
    if (p.epilogue == TABLE) {
        unsigned words = p.split < p.cols ? 128 : 64;
        for (unsigned at = threadIdx.x; at < words; at += THREADS) {
            unsigned word = weights[p.table + at];
            table[at ^ 32] = at % 64 == 0 ? __byte_perm(word, 0, 0x3211) : word;
        }
    }
}
