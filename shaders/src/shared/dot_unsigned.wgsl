// Sum of the products of four uint8 pairs.
fn dot8u(a: u32, b: u32) -> u32 {
#ifdef PACKED
    return dot4U8Packed(a, b);
#else
    let shifts = vec4(0u, 8u, 16u, 24u);
    let products = ((vec4(a) >> shifts) & vec4(0xffu)) * ((vec4(b) >> shifts) & vec4(0xffu));
    return products.x + products.y + products.z + products.w;
#endif
}
