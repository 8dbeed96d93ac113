// Layer normalization of int16 rows to int8 or int16 (docs/INTEGER.md, "layer_norm"). A row has ROW_LANES lanes.
#pragma variant channels_96: WARPS=4 ROW_LANES=8 GROUPS=3
#pragma variant channels_192: WARPS=4 ROW_LANES=16 GROUPS=3
#pragma variant channels_384: WARPS=4 ROW_LANES=32 GROUPS=3
#pragma variant channels_768: WARPS=4 ROW_LANES=32 GROUPS=6
#pragma variant channels_1536: WARPS=4 ROW_LANES=32 GROUPS=12
#pragma variant channels_3072: WARPS=4 ROW_LANES=32 GROUPS=24
#pragma variant any: WARPS=4 ROW_LANES=32 GROUPS=0

#include "shared/arithmetic.cuh"
#include "shared/product.cuh"
#include "shared/normalize.cuh"

enum Gather { ROW, MERGE };

extern "C" __global__ void __launch_bounds__(WARPS * LANES, 1)
    layer_norm(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    unsigned row = (blockIdx.x * WARPS * LANES + threadIdx.x) / ROW_LANES;
    // Lanes without a row of their own go along: what is summed needs all of a warp.
    bool present = row < p.rows;
    row = min(row, p.rows - 1);
    const unsigned* x = arena + p.x;
    unsigned channels = p.channels;

    // The first of the four tokens of a cell.
    size_t token = row;
    // Parts that lie on the map: past an odd side of it they are zero.
    unsigned present_parts = 1;
    if (p.gather == MERGE) {
        unsigned across = (p.width + 1) / 2, cells = (p.height + 1) / 2 * across;
        unsigned cell = row % cells, y = cell / across * 2, x = cell % across * 2;
        token = ((size_t)(row / cells) * p.height + y) * p.width + x;
        channels *= 4;
        present_parts = 1 | (y + 1 < p.height) << 1 | (x + 1 < p.width) << 2;
        present_parts |= (present_parts == 7) << 3;
    }
    // In the order (y, x) = (0, 0), (1, 0), (0, 1), (1, 1).
    auto part_of = [&](unsigned part) { return x + (token + (part & 1) * p.width + (part >> 1)) * p.x_stride; };
    auto has = [&](unsigned part) { return present_parts >> part & 1; };
    auto load = [&](unsigned group) -> uint2 {
        unsigned channel = 4 * group;
        if (p.gather == ROW) return load_channels(x + token * p.x_stride, channel, channels);
        if (p.channels % 4 == 0) {
            unsigned part = channel / p.channels;
            if (!has(part)) return make_uint2(0, 0);
            return load_channels(part_of(part), channel % p.channels, p.channels);
        }
        int half[4] = {};
        for (unsigned i = 0; i < 4 && channel + i < channels; ++i) {
            unsigned at = (channel + i) % p.channels, part = (channel + i) / p.channels;
            half[i] = has(part) ? half_of(part_of(part)[at / 2], at % 2) : 0;
        }
        return make_uint2(pack_halves(half[0], half[1]), pack_halves(half[2], half[3]));
    };
    unsigned* out = arena + p.out + (size_t)row * p.out_stride;
    auto store = [&](unsigned group, const int (&values)[4]) {
        if (!present) return;
        if (p.wide) {
            uint2 words = make_uint2(pack_halves(values[0], values[1]), pack_halves(values[2], values[3]));
            *(uint2*)(out + 2 * group) = words;
        } else {
            out[group] = pack_symmetric(values[0], values[1], values[2], values[3]);
        }
    };
    unsigned groups = p.wide ? p.out_stride / 2 : p.out_stride;
    normalize_rows<GROUPS>(ROW_LANES, weights + p.channel, channels, p.epsilon, groups, load, store);
}
