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

// Copies of blocks of ROWS rows out of a matrix by COUNT threads, one block of K after the other. Each thread takes a
// chunk of every STEP-th row.
template <int ROWS, int ROW_BYTES, int COUNT>
struct BlockCopy {
    static constexpr int CHUNKS = ROW_BYTES / CHUNK;
    static constexpr int STEP = COUNT / CHUNKS;
    static_assert(ROWS % STEP == 0 && STEP % 8 == 0, "every thread has the same chunk of as many rows");

    const unsigned* from;
    // Rows from the thread's first on, and words from its chunk on.
    int rows, words;
    size_t step;
    unsigned to;

    // Of the rows `row` on of a matrix of `count` rows of `words` words.
    __device__ __forceinline__ BlockCopy(const unsigned* matrix, unsigned row, unsigned count, unsigned words) {
        unsigned r = threadIdx.x / CHUNKS, c = threadIdx.x % CHUNKS;
        from = matrix + (size_t)(row + r) * words + 4 * c;
        rows = int(count - row) - int(r);
        this->words = int(words) - int(4 * c);
        step = (size_t)STEP * words;
        to = chunk_at<ROW_BYTES>(r, c);
    }

    // Starts the copy of block `block` of K to the address `stage`; zeros where the matrix has nothing.
    __device__ __forceinline__ void start(unsigned stage, unsigned block) const {
        int word = block * (ROW_BYTES / 4);
#pragma unroll
        for (int i = 0; i < ROWS / STEP; ++i) {
            bool present = i * STEP < rows && word < words;
            copy_chunk(stage + to + i * STEP * ROW_BYTES, from + i * step + word, present);
        }
    }
};

// Four 8x16-byte matrices, a lane the address of one row.
__device__ __forceinline__ void load_matrices(unsigned (&to)[4], unsigned address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(address)
                 : "memory");
}

// Where in a block this lane begins to read rows of the first factor, and columns of the second, from row or column
// `first` on. Products take 32 bytes of K at a time: step s begins at the address with bits 32 * s flipped, since the
// permutation of chunks is one of their bits.
template <int ROW_BYTES>
__device__ __forceinline__ unsigned rows_lane(unsigned first) {
    unsigned lane = threadIdx.x % LANES;
    return chunk_at<ROW_BYTES>(first + lane % 16, lane / 16);
}

template <int ROW_BYTES>
__device__ __forceinline__ unsigned cols_lane(unsigned first) {
    unsigned lane = threadIdx.x % LANES;
    return chunk_at<ROW_BYTES>(first + lane / 16 * 8 + lane % 8, lane / 8 % 2);
}

// sum += a * b for 16 rows, 8 columns and 32 inputs of int8.
__device__ __forceinline__ void multiply_add(int (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

// The same for a first factor of uint8.
__device__ __forceinline__ void multiply_add_unsigned(int (&sum)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
