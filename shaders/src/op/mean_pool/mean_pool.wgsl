// The sum over an image's tokens, requantized; twin: twin.rs.
#variant plain: THREADS=64

#import arithmetic
#import packing
#import grid

struct Params {
    x: u32,
    out: u32,
    stride: u32,
    tokens: u32,
    batch: u32,
    channel: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// An invocation sums the four channels of a word.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = workgroup_index(workgroup) * THREADS + local;
    if (at >= p.batch * p.stride) {
        return;
    }
    let word = at % p.stride;
    let first = p.x + at / p.stride * p.tokens * p.stride + word;
    var sum = vec4(0i);
    for (var token = 0u; token < p.tokens; token++) {
        sum += unpack8(arena[first + token * p.stride]);
    }
    let value = requantize4(sum, weights[(p.channel >> 2u) + word]);
    arena[p.out + at] = pack8(clamp8(value, -127i));
}
