// Layer normalization of int16 rows; twin: src/twin/layer_norm.rs.
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

// The input row that holds quarter `part` of a gathered row.
fn source_row(row: u32, part: u32) -> u32 {
    if (p.gather == 0u) {
        return row;
    }
    let half_width = p.width / 2u;
    let cells = p.height / 2u * half_width;
    let cell = row % cells;
    let y = 2u * (cell / half_width) + (part & 1u);
    let x = 2u * (cell % half_width) + (part >> 1u);
    return (row / cells * p.height + y) * p.width + x;
}

fn x_pair(row: u32, pair: u32) -> vec2<i32> {
    let channel = 2u * pair;
    let part = channel / p.channels;
    let at = channel - part * p.channels;
    let word = p.x + source_row(row, part) * p.x_stride + at / 2u;
    if (p.channels % 2u == 0u) {
        return unpack16(arena[word]);
    }
    // With an odd number of channels a pair may start in the middle of a word or span two parts.
    let halves = unpack16(arena[word]);
    if (at + 1u == p.channels) {
        var next = 0i;
        if (channel + 1u < row_channels()) {
            next = unpack16(arena[p.x + source_row(row, part + 1u) * p.x_stride]).x;
        }
        return vec2(select(halves.x, halves.y, at % 2u == 1u), next);
    }
    if (at % 2u == 1u) {
        return vec2(halves.y, unpack16(arena[word + 1u]).x);
    }
    return halves;
}

fn channel_pair(pair: u32) -> vec4<u32> {
    return weights[(p.channel >> 2u) + pair];
}

// Word `word` of an output row.
fn store_word(norm: Norm, row: u32, word: u32, count: u32) {
    var value: u32;
    if (p.wide == 1u) {
        value = pack16(clamp16(normalized_pair(norm, row, word, count)));
    } else {
        value = normalized_word(norm, row, 2u * word, count);
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
    let norm = row_norm_together(group, lane, min(row, p.rows - 1u), count, p.epsilon);
    if (row < p.rows) {
        for (var word = lane; word < p.out_stride; word += LANES) {
            store_word(norm, row, word, count);
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
    let norm = row_norm(row, count, p.epsilon);
    for (var word = 0u; word < p.out_stride; word++) {
        store_word(norm, row, word, count);
    }
}
#endif
