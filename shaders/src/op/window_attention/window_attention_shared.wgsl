// `window_attention` through workgroup memory: CHUNK keys and values at a time, the values
// transposed in fours so that one product serves four keys.
#import dot_unsigned

const CHUNK: u32 = 64u;

var<workgroup> chunk_keys: array<vec4<u32>, CHUNK * HEAD_PIECES>;
// Word `d` of a group of four keys: their values of channel d, 128 added.
var<workgroup> chunk_values: array<vec4<u32>, CHUNK * HEAD_PIECES>;
// Region above, place below 16 bits.
var<workgroup> chunk_tokens: array<u32, CHUNK>;
var<workgroup> chunk_rows: array<u32, CHUNK>;
var<workgroup> exponentials: array<u32, 64>;

fn exp_of(entry: u32) -> u32 {
    return (exponentials[entry / 4u] >> (entry % 4u * 8u)) & 0xffu;
}

// Word `j` of a part of the token at `row`, zero past the head.
fn part_word(work: Work, row: u32, part: u32, j: u32) -> u32 {
    if (j >= p.head_words) {
        return 0u;
    }
    return word_at(row, part_of(work, row, part) + j);
}

// Rows and columns of a 4x4 block of bytes swapped.
fn transpose4(rows: vec4<u32>) -> vec4<u32> {
    let low = (rows.xz & vec2(0x00ff00ffu)) | ((rows.yw & vec2(0x00ff00ffu)) << vec2(8u));
    let high = ((rows.xz >> vec2(8u)) & vec2(0x00ff00ffu)) | (rows.yw & vec2(0xff00ff00u));
    return vec4(
        (low.x & 0xffffu) | (low.y << 16u),
        (high.x & 0xffffu) | (high.y << 16u),
        (low.x >> 16u) | (low.y & 0xffff0000u),
        (high.x >> 16u) | (high.y & 0xffff0000u),
    );
}

// Every invocation of the workgroup must call this.
fn load_chunk(work: Work, first: u32, tokens: u32, local: u32) {
    for (var i = local; i < CHUNK; i += THREADS) {
        var place = NO_REGION << 16u;
        if (first + i < tokens) {
            let token = token_of(work, first + i);
            place = (token.region << 16u) | token.place;
            chunk_rows[i] = token.row;
        }
        chunk_tokens[i] = place;
    }
    workgroupBarrier();
    for (var i = local; i < CHUNK * HEAD_PIECES; i += THREADS) {
        let key = i / HEAD_PIECES;
        var piece = vec4(0u);
        if (first + key < tokens) {
            let row = chunk_rows[key];
            let j = i % HEAD_PIECES * 4u;
            piece = vec4(
                part_word(work, row, 1u, j),
                part_word(work, row, 1u, j + 1u),
                part_word(work, row, 1u, j + 2u),
                part_word(work, row, 1u, j + 3u),
            );
        }
        chunk_keys[i] = piece;
    }
    for (var i = local; i < CHUNK / 4u * HEAD_WORDS; i += THREADS) {
        let key = i / HEAD_WORDS * 4u;
        let j = i % HEAD_WORDS;
        var block = vec4(0u);
#for i 4
        if (first + key + {i}u < tokens) {
            block[{i}] = part_word(work, chunk_rows[key + {i}u], 2u, j);
        }
#endfor
        chunk_values[i] = transpose4(block ^ vec4(0x80808080u));
    }
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let work = work_of(workgroup_index(workgroup));
    if (work.image >= p.batch) {
        return;
    }
    let tokens = p.window_height * p.window_width;
    let multiplier = weights[p.head + work.head] & 0xffffu;
    let shift = (weights[p.head + work.head] >> 16u) & 0xffu;
    for (var i = local; i < 64u; i += THREADS) {
        exponentials[i] = weights[p.exp + i];
    }
    load_chunk(work, 0u, tokens, local);
    workgroupBarrier();

    for (var block = 0u; block < tokens; block += THREADS) {
        // Invocations past the end repeat the last query and store nothing.
        let query = token_of(work, min(block + local, tokens - 1u));
        let bias = bias_of(work, query);
#for j HEAD_PIECES
        let q_{j} = vec4(
            part_word(work, query.row, 0u, {j}u * 4u),
            part_word(work, query.row, 0u, {j}u * 4u + 1u),
            part_word(work, query.row, 0u, {j}u * 4u + 2u),
            part_word(work, query.row, 0u, {j}u * 4u + 3u),
        );
#endfor

        var largest = -0x7fffffffi;
        for (var first = 0u; first < tokens; first += CHUNK) {
            if (tokens > CHUNK) {
                workgroupBarrier();
                load_chunk(work, first, tokens, local);
                workgroupBarrier();
            }
            for (var key = 0u; key < min(CHUNK, tokens - first); key++) {
                let token = chunk_tokens[key];
                if (token >> 16u == query.region) {
                    var logit = i32(weights[bias - (token & 0xffffu)]);
#for j HEAD_PIECES
                    logit += dot16(q_{j}, chunk_keys[key * HEAD_PIECES + {j}u]);
#endfor
                    largest = max(largest, logit);
                }
            }
        }

        var total = 0u;
#for j HEAD_WORDS
        var sum_{j} = vec4(0u);
#endfor
        for (var first = 0u; first < tokens; first += CHUNK) {
            if (tokens > CHUNK) {
                workgroupBarrier();
                load_chunk(work, first, tokens, local);
                workgroupBarrier();
            }
            for (var group = 0u; group * 4u < min(CHUNK, tokens - first); group++) {
                var quad = 0u;
#for i 4
                let token_{i} = chunk_tokens[group * 4u + {i}u];
                if (token_{i} >> 16u == query.region) {
                    var logit = i32(weights[bias - (token_{i} & 0xffffu)]);
#for j HEAD_PIECES
                    logit += dot16(q_{j}, chunk_keys[(group * 4u + {i}u) * HEAD_PIECES + {j}u]);
#endfor
                    let entry = min(requantize(largest - logit, multiplier, shift), 255i);
                    let weight = exp_of(u32(entry));
                    total += weight;
                    quad |= weight << ({i}u * 8u);
                }
#endfor
#for j HEAD_WORDS
                let v_{j} = chunk_values[group * HEAD_WORDS + {j}u];
                sum_{j} += vec4(
                    dot8u(quad, v_{j}.x),
                    dot8u(quad, v_{j}.y),
                    dot8u(quad, v_{j}.z),
                    dot8u(quad, v_{j}.w),
                );
#endfor
            }
        }
        if (block + local < tokens) {
#for j HEAD_WORDS
            // Each value had 128 added, so the sum is 128 times the total too large.
            store_word(work, query, {j}u, vec4<i32>(sum_{j} - vec4(128u * total)), total);
#endfor
            store_padding(work, query);
        }
    }
}
