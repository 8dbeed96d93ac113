// u8 pixels to int8 patches, bytes in the order (y, x, channel); twin: twin.rs.
#variant plain: THREADS=64

#import grid

struct Params {
    image: u32,
    out: u32,
    rows: u32,
    k_words: u32,
    image_stride: u32,
    grid_height: u32,
    grid_width: u32,
    channels: u32,
    patch_size: u32,
    prefix: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// An invocation writes a word of a patch.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = workgroup_index(workgroup) * THREADS + local;
    let row = at / p.k_words;
    if (row >= p.rows) {
        return;
    }
    let image_rows = p.prefix + p.grid_height * p.grid_width;
    if (row % image_rows < p.prefix) {
        arena[p.out + at] = 0u;
        return;
    }
    let cell = row % image_rows - p.prefix;
    let image = p.image + row / image_rows * p.image_stride;
    let line_bytes = p.patch_size * p.channels;
    let image_line = p.grid_width * line_bytes;
    let corner = cell / p.grid_width * p.patch_size * image_line + cell % p.grid_width * line_bytes;

    let first = at % p.k_words * 4u;
    var value = 0u;
    for (var i = 0u; i < 4u; i++) {
        let byte = first + i;
        if (byte < p.patch_size * line_bytes) {
            let from_byte = corner + byte / line_bytes * image_line + byte % line_bytes;
            let pixel = arena[image + from_byte / 4u] >> (from_byte % 4u * 8u);
            // 0..255 becomes -128..127.
            value |= ((pixel & 0xffu) ^ 0x80u) << (i * 8u);
        }
    }
    arena[p.out + at] = value;
}
