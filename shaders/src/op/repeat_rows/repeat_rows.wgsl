// The same rows of the weights for each item; twin: in mod.rs.
#variant plain: THREADS=64

#import grid

struct Params {
    table: u32,
    out: u32,
    items: u32,
    words: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

// An invocation copies 16 bytes.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = workgroup_index(workgroup) * THREADS + local;
    let pieces = p.words >> 2u;
    if (at / pieces >= p.items) {
        return;
    }
    arena[(p.out >> 2u) + at] = weights[(p.table >> 2u) + at % pieces];
}
