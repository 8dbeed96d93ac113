// Rows of tables, summed, for tokens; twin: twin.rs.
#variant plain: THREADS=64

#import packing
#import grid

struct Params {
    tokens: u32,
    out: u32,
    rows: u32,
    stride: u32,
    vocabulary: u32,
    positions: u32,
    segments: u32,
    word: u32,
    word_scale: u32,
    position: u32,
    segment: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// An invocation writes two words of a row, from one of the id's.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = workgroup_index(workgroup) * THREADS + local;
    let pairs = p.stride / 2u;
    let row = at / pairs;
    if (row >= p.rows) {
        return;
    }
    let pair = at % pairs;
    let token = p.tokens + row * 4u;
    let id = arena[token];
    let scale = weights[p.word_scale + id];
    let shift = vec4((scale >> 16u) & 0xffu);
    let product = unpack8(weights[p.word + id * pairs + pair]) * vec4(i32(scale & 0xffffu));
    let word = (product + (vec4(1i) << (shift - vec4(1u)))) >> shift;

    let position = p.position + arena[token + 1u] * p.stride + pair * 2u;
    let segment = p.segment + arena[token + 2u] * p.stride + pair * 2u;
    let out = p.out + row * p.stride + pair * 2u;
    let left = unpack16(weights[position]) + unpack16(weights[segment]);
    let right = unpack16(weights[position + 1u]) + unpack16(weights[segment + 1u]);
    arena[out] = pack16(clamp16(word.xy + left));
    arena[out + 1u] = pack16(clamp16(word.zw + right));
}
