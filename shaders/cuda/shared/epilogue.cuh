// What becomes of an accumulator of `linear` and `norm_linear`.

enum Epilogue { INT8, TABLE, RESIDUAL, INT16, INT32, I_GELU };

// The parameters of four neighbouring columns.
struct Columns {
    int bias[4];
    Scale scale[4];
};

__device__ __forceinline__ Columns load_columns(const Linear& p, const unsigned* weights, unsigned col) {
    const uint4* words = (const uint4*)(weights + p.channel + 2 * col);
    uint4 a = words[0], b = words[1];
    return {{int(a.x), int(a.z), int(b.x), int(b.z)},
            {unpack_scale(a.y), unpack_scale(a.w), unpack_scale(b.y), unpack_scale(b.w)}};
}

// I-BERT's polynomial over 11 bits.
__device__ __forceinline__ int i_gelu(const Linear& p, int value) {
    int clip = int(p.gelu_clip), one = int(p.gelu_one);
    int q = clamp(value, -1023, 1023);
    int u = clip - min(abs(q), clip);
    int v = q * (q < 0 ? u * u : 2 * one - u * u);
    return clamp(requantize(v, unpack_scale(p.gelu_scale)), -127, 127);
}

// Stores four neighbouring outputs of one row; `table` is in shared memory.
__device__ __forceinline__ void finish(const Linear& p, unsigned* arena, const signed char* table, const Columns& columns,
                                       unsigned row, unsigned col, const int (&sums)[4]) {
    int v[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) v[i] = requantize(sums[i] + columns.bias[i], columns.scale[i]);
    unsigned* out = arena + p.out + (size_t)row * p.out_stride;
    switch (p.epilogue) {
    case RESIDUAL: {
        const unsigned* residual = arena + p.residual + (size_t)row * p.out_stride + col / 2;
        uint2 words = *(const uint2*)residual;
        v[0] += half_of(words.x, 0);
        v[1] += half_of(words.x, 1);
        v[2] += half_of(words.y, 0);
        v[3] += half_of(words.y, 1);
    }
    case INT16:
#pragma unroll
        for (int i = 0; i < 4; ++i) v[i] = clamp(v[i], -32768, 32767);
        *(uint2*)(out + col / 2) = make_uint2(pack_halves(v[0], v[1]), pack_halves(v[2], v[3]));
        return;
    case INT32:
        *(int4*)(out + col) = make_int4(v[0], v[1], v[2], v[3]);
        return;
    case TABLE:
#pragma unroll
        for (int i = 0; i < 4; ++i) v[i] = table[clamp(v[i], -127, 127) + 128];
        break;
    case I_GELU:
#pragma unroll
        for (int i = 0; i < 4; ++i) v[i] = i_gelu(p, v[i]);
        break;
    default:
#pragma unroll
        for (int i = 0; i < 4; ++i) v[i] = clamp(v[i], int(p.low), 127);
    }
    out[col / 4] = pack_bytes(v[0], v[1], v[2], v[3]);
}
