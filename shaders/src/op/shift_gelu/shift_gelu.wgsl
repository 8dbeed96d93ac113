// I-ViT's ShiftGELU of int8 rows; twin: twin.rs.
#variant together_32: TOGETHER THREADS=32
#variant together_64: TOGETHER THREADS=64
#variant direct: THREADS=16

#import arithmetic
#import packing
#import grid

struct Params {
    x: u32,
    out: u32,
    rows: u32,
    k_words: u32,
    unit: u32,
    scale: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

const HALVINGS: i32 = 23i;

// About 2^23 * unit * e^(d / unit); ceil(2^16 / unit) divides numbers to 365 exactly.
fn exponential(d: vec4<i32>) -> vec4<u32> {
    let unit = vec4(i32(p.unit));
    let wide = max(d + (d >> vec4(1u)) - (d >> vec4(4u)), vec4(-HALVINGS) * unit);
    let inverse = (65535u + p.unit) / p.unit;
    let halvings = vec4<i32>((vec4<u32>(-wide) * inverse) >> vec4(16u));
    let rest = wide + unit * halvings;
    let shift = vec4<u32>(vec4(HALVINGS) - halvings);
    return (vec4<u32>(rest + unit + unit) << shift) >> vec4(1u);
}

fn largest(pieces: vec4<u32>) -> i32 {
    let four = max(
        max(unpack8(pieces.x), unpack8(pieces.y)),
        max(unpack8(pieces.z), unpack8(pieces.w)),
    );
    return max(max(four.x, four.y), max(four.z, four.w));
}

fn gelu(word: u32, top: i32, base: u32) -> u32 {
    let value = unpack8(word);
    let e = exponential(value - vec4(top));
    let sigmoid = (e * (vec4(0x7fffffffu) / (e + vec4(base)))) >> vec4(24u);
    return pack8(clamp8(requantize4(value * vec4<i32>(sigmoid), vec4(p.scale)), -127i));
}

fn gelu16(pieces: vec4<u32>, top: i32, base: u32) -> vec4<u32> {
    return vec4(
        gelu(pieces.x, top, base),
        gelu(pieces.y, top, base),
        gelu(pieces.z, top, base),
        gelu(pieces.w, top, base),
    );
}

#ifdef TOGETHER
var<workgroup> tops: array<i32, THREADS>;

// A workgroup has a row.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup_index(workgroup);
    if (row >= p.rows) {
        return;
    }
    let count = p.k_words >> 2u;
    let x = (p.x >> 2u) + row * count;
    let out = (p.out >> 2u) + row * count;
    var top = 0i;
    for (var at = local; at < count; at += THREADS) {
        top = max(top, largest(arena[x + at]));
    }
    tops[local] = top;
    for (var half = THREADS >> 1u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if (local < half) {
            tops[local] = max(tops[local], tops[local + half]);
        }
    }
    workgroupBarrier();
    top = tops[0];
    let base = exponential(vec4(-top)).x;
    for (var at = local; at < count; at += THREADS) {
        arena[out + at] = gelu16(arena[x + at], top, base);
    }
}
#else
// An invocation has a row.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let row = workgroup_index(workgroup) * THREADS + local;
    if (row >= p.rows) {
        return;
    }
    let count = p.k_words >> 2u;
    let x = (p.x >> 2u) + row * count;
    let out = (p.out >> 2u) + row * count;
    var top = 0i;
    for (var at = 0u; at < count; at++) {
        top = max(top, largest(arena[x + at]));
    }
    let base = exponential(vec4(-top)).x;
    for (var at = 0u; at < count; at++) {
        arena[out + at] = gelu16(arena[x + at], top, base);
    }
}
#endif
