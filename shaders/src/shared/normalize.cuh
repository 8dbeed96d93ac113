// Layer normalization of rows by one warp (docs/INTEGER.md, "layer_norm"). A row has `row_lanes` neighbouring lanes, a
// power of two, and a lane every `row_lanes`-th group of four channels: what is to be done once a row is done at once for
// all rows of a warp.

// The channel parameters of four neighbouring channels. Of channels past the last they are whatever follows: the weights
// have words to spare (`CudaKernel::WEIGHTS_SPARE`), and nothing comes of them.
struct NormChannels {
    unsigned scale[4];
    int bias[4];
};

__device__ __forceinline__ NormChannels load_norm(const unsigned* params, unsigned channel) {
    const uint4* words = (const uint4*)(params + 2 * channel);
    uint4 a = words[0], b = words[1];
    return {{a.x, a.z, b.x, b.z}, {int(a.y), int(a.w), int(b.y), int(b.w)}};
}

// What the row as a whole gives: U = scale(Y >> right, factor), where the factor holds the shift up.
struct RowScale {
    int right;
    int factor;
};

constexpr unsigned ALL_LANES = 0xffffffff;

// The sum, or all bits, over the lanes of a row. All lanes of the warp come here together.
__device__ __forceinline__ unsigned row_sum(unsigned value, unsigned row_lanes) {
    if (row_lanes == LANES) return __reduce_add_sync(ALL_LANES, value);
    for (unsigned apart = 1; apart < row_lanes; apart *= 2) value += __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

__device__ __forceinline__ unsigned row_union(unsigned value, unsigned row_lanes) {
    if (row_lanes == LANES) return __reduce_or_sync(ALL_LANES, value);
    for (unsigned apart = 1; apart < row_lanes; apart *= 2) value |= __shfl_xor_sync(ALL_LANES, value, apart);
    return value;
}

// The mean from the sum. Offset binary keeps the division unsigned.
__device__ __forceinline__ int row_mean(unsigned sum, unsigned channels) {
    unsigned total = sum + (channels << 18);
    return int((total + channels / 2) / channels) - (1 << 18);
}

// From all bits of the magnitudes, of which the largest has the highest.
__device__ __forceinline__ int row_down(unsigned magnitudes, unsigned channels) {
    int kept = int(31 - bits(channels - 1)) / 2;
    return max(0, int(bits(magnitudes)) - kept);
}

__device__ __forceinline__ RowScale row_scale(int down, unsigned sum, unsigned epsilon) {
    sum = max(1u, sum + (epsilon >> 2 * down));
    int up = __clz(sum) / 2;
    unsigned root = square_root(sum << 2 * up);
    unsigned reciprocal = min(65535u, (1u << 31) / root);
    // The reciprocal has 16 bits and `up` is at most 15: the factor fits 31.
    return {max(0, down - up), int(reciprocal << max(0, up - down))};
}

// One channel of the output, before it is clamped.
__device__ __forceinline__ int norm_output(const RowScale& row, int y, unsigned word, int bias) {
    int unit = clamp(scale(y >> row.right, row.factor), -32767, 32767);
    int shift = word >> 16 & 31;
    return (unit * half_of(word, 0) + bias + int(1u << shift >> 1)) >> shift;
}

// Normalizes a row of `channels` channels; each row of a warp has `row_lanes` lanes, and all lanes have one. `load(group)`
// gives the two words of the int16 channels 4 * group on, zero past the end; `store(group, values)` takes four outputs,
// zero past the end, for every group below `groups`. GROUPS is how many groups a lane keeps in registers; with 0 it loads
// them again in each pass.
template <int GROUPS, class Load, class Store>
__device__ __forceinline__ void normalize_rows(unsigned row_lanes, const unsigned* params, unsigned channels,
                                               unsigned epsilon, unsigned groups, Load load, Store store) {
    constexpr int KEPT = GROUPS > 0 ? GROUPS : 1;
    unsigned lane = threadIdx.x & (row_lanes - 1);
    // Of the last group that has channels, and only where it is not whole.
    bool whole = channels % 4 == 0;
    auto clear_past_end = [&](unsigned group, int (&x)[4]) {
        if (whole || 4 * group + 4 <= channels) return;
        if (4 * group + 1 >= channels) x[1] = 0;
        if (4 * group + 2 >= channels) x[2] = 0;
        x[3] = 0;
    };
    int kept[KEPT][4];
    auto shifted = [&](unsigned group, int (&x)[4]) {
        uint2 words = load(group);
        NormChannels norm = load_norm(params, 4 * group);
        x[0] = shift_up(half_of(words.x, 0), norm.scale[0] >> 24);
        x[1] = shift_up(half_of(words.x, 1), norm.scale[1] >> 24);
        x[2] = shift_up(half_of(words.y, 0), norm.scale[2] >> 24);
        x[3] = shift_up(half_of(words.y, 1), norm.scale[3] >> 24);
    };
    // Calls `each(group, x)` for the lane's groups that have channels.
    auto pass = [&](auto each) {
        if constexpr (GROUPS > 0) {
#pragma unroll
            for (int n = 0; n < GROUPS; ++n) {
                unsigned group = lane + n * row_lanes;
                if (4 * group < channels) each(group, kept[n]);
            }
        } else {
            for (unsigned group = lane; 4 * group < channels; group += row_lanes) {
                shifted(group, kept[0]);
                each(group, kept[0]);
            }
        }
    };
    if constexpr (GROUPS > 0) pass(shifted);

    unsigned sum = 0;
    // Channels past the end are zero.
    pass([&](unsigned, int (&x)[4]) { sum += unsigned(x[0] + x[1] + x[2] + x[3]); });
    int mean = row_mean(row_sum(sum, row_lanes), channels);

    // From here on x is less the mean, but past the end it stays zero.
    auto centre = [&](unsigned group, int (&x)[4]) {
#pragma unroll
        for (int i = 0; i < 4; ++i) x[i] -= mean;
        clear_past_end(group, x);
    };
    if constexpr (GROUPS > 0) pass(centre);
    auto centred = [&](auto each) {
        pass([&](unsigned group, int (&x)[4]) {
            if constexpr (GROUPS == 0) centre(group, x);
            each(group, x);
        });
    };
    unsigned magnitudes = 0;
    centred([&](unsigned, const int (&y)[4]) {
#pragma unroll
        for (int i = 0; i < 4; ++i) magnitudes |= unsigned(abs(y[i]));
    });
    int down = row_down(row_union(magnitudes, row_lanes), channels);

    unsigned squares = 0;
    centred([&](unsigned, const int (&y)[4]) {
#pragma unroll
        for (int i = 0; i < 4; ++i) squares += unsigned((y[i] >> down) * (y[i] >> down));
    });
    RowScale row = row_scale(down, row_sum(squares, row_lanes), epsilon);

    centred([&](unsigned group, const int (&y)[4]) {
        NormChannels norm = load_norm(params, 4 * group);
        int values[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) values[i] = norm_output(row, y[i], norm.scale[i], norm.bias[i]);
        clear_past_end(group, values);
        store(group, values);
    });
    // Padding.
    for (unsigned group = (channels + 3) / 4 + lane; group < groups; group += row_lanes) {
        int zero[4] = {};
        store(group, zero);
    }
}

// The two words of the int16 channels `channel` on of a row of `channels`, zero past its end.
__device__ __forceinline__ uint2 load_channels(const unsigned* row, unsigned channel, unsigned channels) {
    uint2 words = *(const uint2*)(row + channel / 2);
    if (channel + 4 > channels) {
        if (channel + 3 >= channels) words.y &= 0xffff;
        if (channel + 2 >= channels) words.y = 0;
        if (channel + 1 >= channels) words.x &= 0xffff;
    }
    return words;
}
