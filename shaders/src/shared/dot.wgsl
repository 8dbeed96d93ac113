// Products of packed bytes.
#import packing

// Sum of the products of four int8 pairs.
fn dot8(a: u32, b: u32) -> i32 {
#ifdef PACKED
    return dot4I8Packed(a, b);
#else
    let products = unpack8(a) * unpack8(b);
    return products.x + products.y + products.z + products.w;
#endif
}

// Sum of the products of sixteen int8 pairs.
fn dot16(a: vec4<u32>, b: vec4<u32>) -> i32 {
    return dot8(a.x, b.x) + dot8(a.y, b.y) + dot8(a.z, b.z) + dot8(a.w, b.w);
}

// `dot16` of one row with four columns.
fn dot16x4(a: vec4<u32>, b0: vec4<u32>, b1: vec4<u32>, b2: vec4<u32>, b3: vec4<u32>) -> vec4<i32> {
    return vec4(dot16(a, b0), dot16(a, b1), dot16(a, b2), dot16(a, b3));
}
