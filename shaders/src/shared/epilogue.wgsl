// What becomes of sixteen accumulators of a row; the numbers are those of `params::epilogue`.
#import arithmetic
#import packing

// Bias and requantization of the columns `col` to `col + 3`.
fn finish(sums: vec4<i32>, col: u32) -> vec4<i32> {
    let at = (p.channel >> 2u) + (col >> 1u);
    let left = weights[at];
    let right = weights[at + 1u];
    let bias = vec4<i32>(vec4(left.x, left.z, right.x, right.z));
    return requantize4(sums + bias, vec4(left.y, left.w, right.y, right.w));
}

// The bytes for four requantized values in the table at `table`.
fn look_up(table: u32, value: vec4<i32>) -> u32 {
    let entry = vec4<u32>(clamp8(value, -127i) + vec4(128i));
    let word = vec4(table) + (entry >> vec4(2u));
    let found = vec4(
        weights[word.x >> 2u][word.x & 3u],
        weights[word.y >> 2u][word.y & 3u],
        weights[word.z >> 2u][word.z & 3u],
        weights[word.w >> 2u][word.w & 3u],
    );
    return pack8(vec4<i32>(found >> ((entry & vec4(3u)) * 8u)));
}

// I-BERT's integer GELU of four requantized values; twin: i_gelu.rs.
fn i_gelu(value: vec4<i32>) -> u32 {
    let clip = vec4(i32(p.gelu_clip));
    let q = clamp(value, vec4(-1023i), vec4(1023i));
    let u = clip - min(abs(q), clip);
    let square = u * u;
    let wide = q * select(vec4(2i * i32(p.gelu_one)) - square, square, q < vec4(0i));
    return pack8(clamp8(requantize4(wide, vec4(p.gelu_scale)), -127i));
}

// Adds eight int16 values of the residual, if there is one, and packs.
fn wide(at: u32, left: vec4<i32>, right: vec4<i32>) -> vec4<u32> {
    var before = vec4(0u);
    if (p.epilogue == 2u) {
        before = arena[(p.residual >> 2u) + at];
    }
    return vec4(
        pack16(clamp16(left.xy + unpack16(before.x))),
        pack16(clamp16(left.zw + unpack16(before.y))),
        pack16(clamp16(right.xy + unpack16(before.z))),
        pack16(clamp16(right.zw + unpack16(before.w))),
    );
}

// Stores the requantized columns `col` to `col + 15` of a row; `col` is a multiple of 16.
fn store16(row: u32, col: u32, v0: vec4<i32>, v1: vec4<i32>, v2: vec4<i32>, v3: vec4<i32>) {
    let out = p.out >> 2u;
    let start = row * (p.out_stride >> 2u);
    switch (p.epilogue) {
        case 0u: {
            let low = i32(p.low);
            arena[out + start + (col >> 4u)] = vec4(
                pack8(clamp8(v0, low)),
                pack8(clamp8(v1, low)),
                pack8(clamp8(v2, low)),
                pack8(clamp8(v3, low)),
            );
        }
        case 1u: {
            let table = select(p.table, p.table + 64u, col >= p.split);
            arena[out + start + (col >> 4u)] = vec4(
                look_up(table, v0),
                look_up(table, v1),
                look_up(table, v2),
                look_up(table, v3),
            );
        }
        case 2u, 3u: {
            let at = start + (col >> 3u);
            arena[out + at] = wide(at, v0, v1);
            arena[out + at + 1u] = wide(at + 1u, v2, v3);
        }
        case 5u: {
            arena[out + start + (col >> 4u)] =
                vec4(i_gelu(v0), i_gelu(v1), i_gelu(v2), i_gelu(v3));
        }
        default: {
            let at = out + start + (col >> 2u);
            arena[at] = vec4<u32>(v0);
            arena[at + 1u] = vec4<u32>(v1);
            arena[at + 2u] = vec4<u32>(v2);
            arena[at + 3u] = vec4<u32>(v3);
        }
    }
}
