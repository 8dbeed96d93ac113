// Attention of each token to all tokens of its item, softmax included; twin: twin.rs.
//
// An invocation has one query of one head, a workgroup neighbouring rows of one head. HEAD_WORDS bounds the
// words of a head.
#variant direct_8: PACKED THREADS=64 HEAD_WORDS=8
#variant direct_16: PACKED THREADS=64 HEAD_WORDS=16
#variant direct_8_unpacked: THREADS=64 HEAD_WORDS=8
#variant direct_16_unpacked: THREADS=64 HEAD_WORDS=16
#variant spread_8: SPREAD THREADS=64 HEAD_WORDS=8
#variant spread_16: SPREAD THREADS=64 HEAD_WORDS=16

#import dot
#import arithmetic
#import grid
#import head_words

struct Params {
    spans: u32,
    tokens: u32,
    query: u32,
    query_stride: u32,
    query_start: u32,
    key: u32,
    key_stride: u32,
    key_start: u32,
    value: u32,
    value_stride: u32,
    value_start: u32,
    out: u32,
    out_stride: u32,
    rows: u32,
    items: u32,
    length: u32,
    heads: u32,
    head_words: u32,
    head: u32,
    exp: u32,
    channel: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// The last entry of the exponential table.
const LAST: i32 = 1023;

fn exp_of(entry: u32) -> u32 {
    return (weights[p.exp + (entry >> 1u)] >> ((entry & 1u) << 4u)) & 0xffffu;
}

// The rows to which `row` attends: the first, and how many.
fn span_of(row: u32) -> vec2<u32> {
    if (p.length > 0u) {
        return vec2(row - row % p.length, p.length);
    }
    let span = p.spans + arena[p.tokens + row * 4u + 3u] * 4u;
    return vec2(arena[span], arena[span + 1u]);
}

// The output word `j` of a query from its four sums.
fn store_word(head: u32, out: u32, j: u32, sums: vec4<i32>, total: u32) {
    if (j >= p.head_words) {
        return;
    }
    let width = bits(total);
    let most = min(width, 16u);
    let reciprocal = min((1u << (15u + most)) / (total >> (width - most)), 65535u);
    let channel = p.channel + (head * p.head_words + j) * 4u;
    let scales = vec4(
        weights[channel],
        weights[channel + 1u],
        weights[channel + 2u],
        weights[channel + 3u],
    );
    let means = vec4(
        scale(sums.x, reciprocal),
        scale(sums.y, reciprocal),
        scale(sums.z, reciprocal),
        scale(sums.w, reciprocal),
    );
    let value = requantize4(means, scales + vec4((width - 11u) << 16u));
    arena[out + j] = pack8(clamp8(value, -127i));
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let blocks = (p.rows + THREADS - 1u) / THREADS;
    let index = workgroup_index(workgroup);
    let head = index / blocks;
    let row = index % blocks * THREADS + local;
    if (head >= p.heads || row >= p.rows) {
        return;
    }
    let span = span_of(row);
    let start = head * p.head_words;
    let multiplier = weights[p.head + head] & 0xffffu;
    let shift = (weights[p.head + head] >> 16u) & 0xffu;

    let q = p.query + row * p.query_stride + p.query_start + start;
#for j HEAD_WORDS
    var q_{j} = query_word(0u);
    if ({j}u < p.head_words) {
        q_{j} = query_word(arena[q + {j}u]);
    }
#endfor

    let keys = p.key + span.x * p.key_stride + p.key_start + start;
    var largest = -0x7fffffffi;
    for (var key = 0u; key < span.y; key++) {
        let k = keys + key * p.key_stride;
        var logit = 0i;
#for j HEAD_WORDS
        if ({j}u < p.head_words) {
            logit += query_key(q_{j}, arena[k + {j}u]);
        }
#endfor
        largest = max(largest, logit);
    }

    let values = p.value + span.x * p.value_stride + p.value_start + start;
    var total = 0u;
#for j HEAD_WORDS
    var sum_{j} = vec4(0i);
#endfor
    for (var key = 0u; key < span.y; key++) {
        let k = keys + key * p.key_stride;
        var logit = 0i;
#for j HEAD_WORDS
        if ({j}u < p.head_words) {
            logit += query_key(q_{j}, arena[k + {j}u]);
        }
#endfor
        let entry = min(requantize(largest - logit, multiplier, shift), LAST);
        let weight = exp_of(u32(entry));
        total += weight;
        let v = values + key * p.value_stride;
#for j HEAD_WORDS
        if ({j}u < p.head_words) {
            sum_{j} += i32(weight) * value_word(arena[v + {j}u]);
        }
#endfor
    }

    let out = p.out + row * p.out_stride;
#for j HEAD_WORDS
    store_word(head, out + start, {j}u, sum_{j}, total);
#endfor
    // Words past the heads are zero.
    if (head + 1u == p.heads) {
        for (var word = p.heads * p.head_words; word < p.out_stride; word++) {
            arena[out + word] = 0u;
        }
    }
}
