// The mean or the largest of the int16 rows of each item; twin: twin.rs.
#variant plain: THREADS=64

#import packing
#import grid

struct Params {
    x: u32,
    spans: u32,
    out: u32,
    rows: u32,
    sources: u32,
    stride: u32,
    every: u32,
    first: u32,
    largest: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// An invocation has the two channels of a word.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = workgroup_index(workgroup) * THREADS + local;
    let item = at / p.stride;
    if (item >= p.rows) {
        return;
    }
    var first = item * p.every + p.first;
    var count = p.every - p.first;
    if (p.every == 0u) {
        first = arena[p.spans + item * 4u];
        count = arena[p.spans + item * 4u + 1u];
    }
    let word = p.x + first * p.stride + at % p.stride;
    var sum = vec2(0u);
    var most = vec2(-32768i);
    for (var row = 0u; row < count; row++) {
        let value = unpack16(arena[word + row * p.stride]);
        sum += vec2<u32>(value + vec2(32768i));
        most = max(most, value);
    }
    if (p.largest == 0u) {
        most = vec2<i32>((sum + vec2(count / 2u)) / vec2(count)) - vec2(32768i);
    }
    arena[p.out + at] = pack16(most);
}
