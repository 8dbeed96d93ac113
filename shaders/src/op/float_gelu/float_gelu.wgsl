// Int8 to float, a bias, GELU, and back: for comparison alone; twin: twin.rs.
#variant plain: THREADS=64
#variant small: THREADS=16

#import packing
#import grid

struct Params {
    x: u32,
    out: u32,
    rows: u32,
    k_words: u32,
    bias: u32,
    input_scale: u32,
    output_factor: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

fn gelu(word: u32, channel: u32) -> u32 {
    let bias = bitcast<vec4<f32>>(weights[(p.bias + channel) >> 2u]);
    let x = vec4<f32>(unpack8(word)) * bitcast<f32>(p.input_scale) + bias;
    // The tanh form, by one exponential.
    let y = x / (1.0 + exp(-1.5957691 * (x + 0.044715 * x * x * x)));
    return pack8(clamp8(vec4<i32>(round(y * bitcast<f32>(p.output_factor))), -127i));
}

// An invocation has sixteen bytes.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = workgroup_index(workgroup) * THREADS + local;
    let count = p.k_words >> 2u;
    if (at >= p.rows * count) {
        return;
    }
    let channel = at % count * 16u;
    let pieces = arena[(p.x >> 2u) + at];
    arena[(p.out >> 2u) + at] = vec4(
        gelu(pieces.x, channel),
        gelu(pieces.y, channel + 4u),
        gelu(pieces.z, channel + 8u),
        gelu(pieces.w, channel + 12u),
    );
}
