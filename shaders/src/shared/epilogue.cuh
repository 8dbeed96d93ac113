// What becomes of an accumulator of `linear` and `norm_linear`.

enum Epilogue { INT8, TABLE, RESIDUAL, INT16, INT32, I_GELU };

// The parameters of four neighbouring columns as they are stored. They are asked for before the products, so that nobody
// waits for them afterwards.
struct ColumnWords {
    uint4 a, b;
};

__device__ __forceinline__ ColumnWords load_columns(const Params& p, const unsigned* weights, unsigned col) {
    if (col >= p.cols) return {};
    const uint4* words = (const uint4*)(weights + p.channel + 2 * col);
    return {words[0], words[1]};
}

struct Columns {
    Scale scale[4];
    // The bias in units of the product, and what rounds.
    long long offset[4];
};

__device__ __forceinline__ Columns unpack_columns(const ColumnWords& words) {
    int bias[4] = {int(words.a.x), int(words.a.z), int(words.b.x), int(words.b.z)};
    unsigned packed[4] = {words.a.y, words.a.w, words.b.y, words.b.w};
    Columns columns;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        columns.scale[i] = unpack_scale(packed[i]);
        columns.offset[i] = multiply(bias[i], columns.scale[i].multiplier) + rounding(columns.scale[i]);
    }
    return columns;
}

// I-BERT's polynomial over 11 bits.
__device__ __forceinline__ int i_gelu(const Params& p, int value) {
    int clip = int(p.gelu_clip), one = int(p.gelu_one);
    int q = clamp(value, -1023, 1023);
    int u = clip - min(abs(q), clip);
    int v = q * (q < 0 ? u * u : 2 * one - u * u);
    return requantize(v, unpack_scale(p.gelu_scale));
}

// Finishes four neighbouring columns of one row. `table` is in shared memory, in the order of `load_table`; `residual` is
// read where the epilogue adds one.
template <int EPILOGUE>
__device__ __forceinline__ void finish(const Params& p, unsigned* out, const unsigned* residual, const signed char* table,
                                       const Columns& columns, const int4& sums) {
    int sum[4] = {sums.x, sums.y, sums.z, sums.w}, v[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        Scale s = columns.scale[i];
        v[i] = int((multiply(sum[i], s.multiplier) + columns.offset[i]) >> s.shift);
    }
    if constexpr (EPILOGUE == RESIDUAL) {
        uint2 words = *(const uint2*)residual;
        v[0] += half_of(words.x, 0);
        v[1] += half_of(words.x, 1);
        v[2] += half_of(words.y, 0);
        v[3] += half_of(words.y, 1);
    }
    if constexpr (EPILOGUE == RESIDUAL || EPILOGUE == INT16) {
        *(uint2*)out = make_uint2(pack_halves(v[0], v[1]), pack_halves(v[2], v[3]));
    } else if constexpr (EPILOGUE == INT32) {
        *(int4*)out = make_int4(v[0], v[1], v[2], v[3]);
    } else if constexpr (EPILOGUE == TABLE) {
        unsigned word = pack_bytes(v[0], v[1], v[2], v[3]);
#pragma unroll
        for (int i = 0; i < 4; ++i) v[i] = table[word >> 8 * i & 0xff];
        *out = pack_bytes(v[0], v[1], v[2], v[3]);
    } else {
#pragma unroll
        for (int i = 0; i < 4; ++i) v[i] = EPILOGUE == I_GELU ? max(i_gelu(p, v[i]), -127) : max(v[i], int(p.low));
        *out = pack_bytes(v[0], v[1], v[2], v[3]);
    }
}
