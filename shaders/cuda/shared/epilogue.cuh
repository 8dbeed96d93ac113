// What becomes of an accumulator of `linear` and `norm_linear`.

enum Epilogue { INT8, TABLE, RESIDUAL, INT16, INT32, I_GELU };

// The parameters of four neighbouring columns. The bias and the half that rounds are taken up by one 64-bit number:
// requantize(sum + bias) = (sum * multiplier + offset) >> 16 >> shift.
struct Columns {
    long long offset[4];
    int multiplier[4];
    unsigned shift[4];
};

__device__ __forceinline__ Columns load_columns(const Linear& p, const unsigned* weights, unsigned col) {
    const uint4* words = (const uint4*)(weights + p.channel + 2 * col);
    uint4 a = words[0], b = words[1];
    int bias[4] = {int(a.x), int(a.z), int(b.x), int(b.z)};
    unsigned packed[4] = {a.y, a.w, b.y, b.w};
    Columns columns;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        Scale s = unpack_scale(packed[i]);
        columns.offset[i] = (long long)bias[i] * s.multiplier + (1ll << (15 + s.shift));
        columns.multiplier[i] = s.multiplier;
        columns.shift[i] = s.shift;
    }
    return columns;
}

// I-BERT's polynomial over 11 bits.
__device__ __forceinline__ int i_gelu(const Linear& p, int value) {
    int clip = int(p.gelu_clip), one = int(p.gelu_one);
    int q = clamp(value, -1023, 1023);
    int u = clip - min(abs(q), clip);
    int v = q * (q < 0 ? u * u : 2 * one - u * u);
    return requantize(v, unpack_scale(p.gelu_scale));
}

// Stores four neighbouring outputs of one row; `table` is in shared memory.
template <int EPILOGUE>
__device__ __forceinline__ void finish(const Linear& p, unsigned* arena, const signed char* table, const Columns& columns,
                                       unsigned row, unsigned col, const int4& sums) {
    int sum[4] = {sums.x, sums.y, sums.z, sums.w}, v[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        long long product = (long long)sum[i] * columns.multiplier[i] + columns.offset[i];
        v[i] = int(product >> 16) >> columns.shift[i];
    }
    size_t at = (size_t)row * p.out_stride;
    unsigned* out = arena + p.out + at;
    if constexpr (EPILOGUE == RESIDUAL) {
        uint2 words = *(const uint2*)(arena + p.residual + at + col / 2);
        v[0] += half_of(words.x, 0);
        v[1] += half_of(words.x, 1);
        v[2] += half_of(words.y, 0);
        v[3] += half_of(words.y, 1);
    }
    if constexpr (EPILOGUE == RESIDUAL || EPILOGUE == INT16) {
        *(uint2*)(out + col / 2) = make_uint2(pack_halves(v[0], v[1]), pack_halves(v[2], v[3]));
    } else if constexpr (EPILOGUE == INT32) {
        *(int4*)(out + col) = make_int4(v[0], v[1], v[2], v[3]);
    } else {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            if constexpr (EPILOGUE == TABLE) v[i] = table[clamp(v[i], -127, 127) + 128];
            if constexpr (EPILOGUE == I_GELU) v[i] = max(i_gelu(p, v[i]), -127);
            if constexpr (EPILOGUE == INT8) v[i] = max(v[i], int(p.low));
        }
        out[col / 4] = pack_bytes(v[0], v[1], v[2], v[3]);
    }
}
