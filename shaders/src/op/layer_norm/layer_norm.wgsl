// Layer normalization of int16 rows; twin: twin.rs.
#variant together_16: TOGETHER ROWS=4 LANES=16
#variant together_64: TOGETHER ROWS=1 LANES=64
#variant direct: THREADS=16

#import packing
#import grid
#ifdef TOGETHER
#import normalize_together
#else
#import normalize
#endif

struct Params {
    x: u32,
    x_stride: u32,
    out: u32,
    out_stride: u32,
    rows: u32,
    channels: u32,
    channel: u32,
    epsilon: u32,
    gather: u32,
    height: u32,
    width: u32,
    wide: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// Channels of an output row.
fn row_channels() -> u32 {
    return select(p.channels, 4u * p.channels, p.gather == 1u);
}

// The input row of an output row, or of the first of its four parts.
fn source_row(row: u32) -> u32 {
    if (p.gather == 0u) {
        return row;
    }
    let across = (p.width + 1u) / 2u;
    let cells = (p.height + 1u) / 2u * across;
    let cell = row % cells;
    let y = 2u * (cell / across);
    return (row / cells * p.height + y) * p.width + 2u * (cell % across);
}

// The int16 input `channel` of the row whose first part is the input row `source`: the parts are
// the neighbours (y, x) = (0,0), (1,0), (0,1), (1,1), zero past an odd side of the map.
fn part_word(source: u32, channel: u32) -> u32 {
    // Comparisons, for a division would cost more.
    let part = u32(channel >= p.channels) + u32(channel >= 2u * p.channels)
        + u32(channel >= 3u * p.channels);
    if ((p.height | p.width) % 2u == 1u) {
        let last_row = source / p.width % p.height + 1u == p.height;
        let last_column = source % p.width + 1u == p.width;
        if ((part % 2u == 1u && last_row) || (part / 2u == 1u && last_column)) {
            return 0u;
        }
    }
    let row = source + (part & 1u) * p.width + (part >> 1u);
    let at = channel - part * p.channels;
    let word = arena[p.x + row * p.x_stride + at / 2u];
    return select(word, word >> 16u, at % 2u == 1u);
}

fn x_pair(source: u32, pair: u32) -> vec2<i32> {
    if (p.gather == 0u) {
        return unpack16(arena[p.x + source * p.x_stride + pair]);
    }
    let left = part_word(source, 2u * pair);
    if (p.channels % 2u == 0u) {
        return unpack16(left);
    }
    // With an odd number of channels a pair may span two words or two parts.
    let right = part_word(source, min(2u * pair + 1u, row_channels() - 1u));
    return unpack16((left & 0xffffu) | (right << 16u));
}

fn channel_pair(pair: u32) -> vec4<u32> {
    return weights[(p.channel >> 2u) + pair];
}

// Word `word` of an output row.
fn store_word(norm: Norm, row: u32, source: u32, word: u32, count: u32) {
    var value: u32;
    if (p.wide == 1u) {
        value = pack16(clamp16(normalized_pair(norm, source, word, count)));
    } else {
        value = normalized_word(norm, source, 2u * word, count);
    }
    arena[p.out + row * p.out_stride + word] = value;
}

#ifdef TOGETHER
// LANES invocations share a row.
@compute @workgroup_size(ROWS * LANES)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let count = row_channels();
    let group = local / LANES;
    let lane = local % LANES;
    let row = workgroup_index(workgroup) * ROWS + group;
    // Rows past the end repeat the last one and are not stored.
    let source = source_row(min(row, p.rows - 1u));
    let norm = row_norm_together(group, lane, source, count, p.epsilon);
    if (row < p.rows) {
        for (var word = lane; word < p.out_stride; word += LANES) {
            store_word(norm, row, source, word, count);
        }
    }
}
#else
// An invocation has a row of its own.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let count = row_channels();
    let row = workgroup_index(workgroup) * THREADS + local;
    if (row >= p.rows) {
        return;
    }
    let source = source_row(row);
    let norm = row_norm(source, count, p.epsilon);
    for (var word = 0u; word < p.out_stride; word++) {
        store_word(norm, row, source, word, count);
    }
}
#endif
