// Blocks of int8 matrices in shared memory, and their products on the tensor cores.
//
// A block holds rows of BLOCK_BYTES bytes in chunks of 16. The chunks of a row are permuted so that the eight rows
// that one `ldmatrix` reads lie in different banks.

constexpr int LANES = 32;
constexpr int CHUNK = 16;

template <int ROW_BYTES>
__device__ __forceinline__ unsigned chunk_at(unsigned row, unsigned chunk) {
    constexpr unsigned CHUNKS = ROW_BYTES / CHUNK;
    constexpr unsigned ROWS_A_LINE = CHUNKS < 8 ? 8 / CHUNKS : 1;
    return row * ROW_BYTES + (chunk ^ row / ROWS_A_LINE % (CHUNKS < 8 ? CHUNKS : 8)) * CHUNK;
}

__device__ __forceinline__ unsigned shared_address(const void* pointer) {
    return (unsigned)__cvta_generic_to_shared(pointer);
}

// Starts the copy of 16 bytes; zeros instead where `present` is false.
__device__ __forceinline__ void copy_chunk(unsigned to, const unsigned* from, bool present) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(present ? CHUNK : 0)
                 : "memory");
}

__device__ __forceinline__ void end_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most PENDING groups of this thread's copies are under way.
template <int PENDING>
__device__ __forceinline__ void await_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(PENDING) : "memory");
}

// Starts the copy of ROWS rows of ROW_BYTES bytes: rows `row` on of `rows`, words `word` on of `words`.
template <int ROWS, int ROW_BYTES, int COUNT>
__device__ __forceinline__ void copy_block(unsigned to, const unsigned* from, unsigned row, unsigned rows,
                                           unsigned word, unsigned words) {
    constexpr unsigned CHUNKS = ROW_BYTES / CHUNK;
#pragma unroll
    for (unsigned at = threadIdx.x; at < ROWS * CHUNKS; at += COUNT) {
        unsigned r = at / CHUNKS, c = at % CHUNKS;
        unsigned w = word + 4 * c;
        bool present = row + r < rows && w < words;
        copy_chunk(to + chunk_at<ROW_BYTES>(r, c), present ? from + (size_t)(row + r) * words + w : from, present);
    }
}

// Four 8x16-byte matrices, a lane the address of one row.
__device__ __forceinline__ void load_matrices(unsigned (&to)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
}

// 16 rows and 32 bytes of the first factor, from byte 32 * step on.
template <int ROW_BYTES>
__device__ __forceinline__ void load_rows(unsigned (&to)[4], unsigned block, unsigned row, unsigned step) {
    unsigned lane = threadIdx.x % LANES;
    load_matrices(to, block + chunk_at<ROW_BYTES>(row + lane % 16, 2 * step + lane / 16));
}

// 16 columns and 32 bytes of the second factor: two columns of 8.
template <int ROW_BYTES>
__device__ __forceinline__ void load_cols(unsigned (&to)[4], unsigned block, unsigned col, unsigned step) {
    unsigned lane = threadIdx.x % LANES;
    load_matrices(to, block + chunk_at<ROW_BYTES>(col + lane / 16 * 8 + lane % 8, 2 * step + lane / 8 % 2));
}

// sum += a * b for 16 rows, 8 columns and 32 inputs of int8.
__device__ __forceinline__ void multiply_add(int (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The same for a first factor of uint8.
__device__ __forceinline__ void multiply_add_unsigned(int (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
