// Bindings of `linear` and `norm_linear`; the struct lists the fields of `params::Linear`.
struct Params {
    a: u32,
    weight: u32,
    channel: u32,
    out: u32,
    residual: u32,
    table: u32,
    rows: u32,
    k_words: u32,
    cols: u32,
    out_stride: u32,
    epilogue: u32,
    low: u32,
    x: u32,
    x_stride: u32,
    norm_channel: u32,
    norm_channels: u32,
    norm_epsilon: u32,
    scratch: u32,
    gelu_clip: u32,
    gelu_one: u32,
    gelu_scale: u32,
    split: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> arena: array<vec4<u32>>;
@group(0) @binding(2) var<uniform> p: Params;
