// Rows at given places; twin: in mod.rs.
#variant plain: THREADS=64

#import grid

struct Params {
    x: u32,
    index: u32,
    out: u32,
    rows: u32,
    sources: u32,
    stride: u32,
    every: u32,
    kept: u32,
    table: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> p: Params;

// An invocation copies 16 bytes.
@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let at = workgroup_index(workgroup) * THREADS + local;
    let pieces = p.stride >> 2u;
    let row = at / pieces;
    if (row >= p.rows) {
        return;
    }
    var source = 0u;
    if (p.every == 0u) {
        source = arena[(p.index >> 2u) + row].x;
    } else {
        source = row / p.kept * p.every + weights[p.table + row % p.kept];
    }
    arena[(p.out >> 2u) + at] = arena[(p.x >> 2u) + source * pieces + at % pieces];
}
