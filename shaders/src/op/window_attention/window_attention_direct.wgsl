// `window_attention` without workgroup memory: keys and values come from the storage buffer.
#import head_words

// The most tokens of a window.
const TOKENS: u32 = 256u;
// The logit of a key that the query does not see, below all others.
const HIDDEN: i32 = -0x7fffffffi;

fn exp_of(entry: u32) -> u32 {
    return (weights[p.exp + entry / 4u] >> (entry % 4u * 8u)) & 0xffu;
}

@compute @workgroup_size(THREADS)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(local_invocation_index) local: u32,
) {
    let work = work_of(workgroup_index(workgroup));
    if (work.image >= p.batch || p.window_height * p.window_width > TOKENS) {
        return;
    }
    let tokens = p.window_height * p.window_width;
    let multiplier = weights[p.head + work.head] & 0xffffu;
    let shift = (weights[p.head + work.head] >> 16u) & 0xffu;

    for (var index = local; index < tokens; index += THREADS) {
        let query = token_of(work, index);
        let bias = bias_of(work, query);
        let q = part_of(work, query.row, 0u);
#for j HEAD_WORDS
        var q_{j} = query_word(0u);
        if ({j}u < p.head_words) {
            q_{j} = query_word(word_at(query.row, q + {j}u));
        }
#endfor

        var logits: array<i32, TOKENS>;
        var largest = HIDDEN;
        for (var y = 0u; y < p.window_height; y++) {
            for (var x = 0u; x < p.window_width; x++) {
                let key = token_at(work, y, x);
                let k = part_of(work, key.row, 1u);
                var logit = i32(weights[bias - key.place]);
#for j HEAD_WORDS
                if ({j}u < p.head_words) {
                    logit += query_key(q_{j}, word_at(key.row, k + {j}u));
                }
#endfor
                logit = select(HIDDEN, logit, key.region == query.region);
                logits[y * p.window_width + x] = logit;
                largest = max(largest, logit);
            }
        }

        var total = 0u;
#for j HEAD_WORDS
        var sum_{j} = vec4(0i);
#endfor
        for (var y = 0u; y < p.window_height; y++) {
            for (var x = 0u; x < p.window_width; x++) {
                let logit = logits[y * p.window_width + x];
                var weight = 0u;
                if (logit != HIDDEN) {
                    let entry = min(requantize(largest - logit, multiplier, shift), 255i);
                    weight = exp_of(u32(entry));
                }
                total += weight;
                let row = token_at(work, y, x).row;
                let v = part_of(work, row, 2u);
#for j HEAD_WORDS
                if ({j}u < p.head_words) {
                    sum_{j} += i32(weight) * value_word(word_at(row, v + {j}u));
                }
#endfor
            }
        }
#for j HEAD_WORDS
        store_word(work, query, {j}u, sum_{j}, total);
#endfor
        store_padding(work, query);
    }
}
