// Attention of each token to all tokens of its item (docs/INTEGER.md, "attention"). A thread has one query of one head,
// a block neighbouring rows of one head.
#pragma variant head_32: THREADS=128 HEAD_WORDS=8
#pragma variant head_64: THREADS=128 HEAD_WORDS=16

#include "shared/arithmetic.cuh"

// The last entry of the exponential table.
constexpr int LAST = 1023;

// The product of a query, whose words past the head are zero, with a key of so many words.
__device__ __forceinline__ int logit_of(const unsigned (&query)[HEAD_WORDS], const unsigned* key, unsigned words) {
    int logit = 0;
#pragma unroll
    for (int j = 0; j < HEAD_WORDS; ++j) {
        if (j < words) logit = add_products(query[j], key[j], logit);
    }
    return logit;
}

extern "C" __global__ void __launch_bounds__(THREADS)
    attention(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    unsigned blocks = (p.rows + THREADS - 1) / THREADS;
    unsigned head = blockIdx.x / blocks, row = blockIdx.x % blocks * THREADS + threadIdx.x;
    if (row >= p.rows) return;
    unsigned first = 0, count = p.length;
    if (count > 0) {
        first = row - row % count;
    } else {
        const unsigned* span = arena + p.spans + (size_t)arena[p.tokens + (size_t)row * 4 + 3] * 4;
        first = span[0];
        count = span[1];
    }
    unsigned start = head * p.head_words;
    Scale logit_scale = unpack_scale(weights[p.head + head]);

    const unsigned* query = arena + p.query + (size_t)row * p.query_stride + p.query_start + start;
    unsigned q[HEAD_WORDS];
#pragma unroll
    for (int j = 0; j < HEAD_WORDS; ++j) q[j] = j < p.head_words ? query[j] : 0;

    const unsigned* keys = arena + p.key + (size_t)first * p.key_stride + p.key_start + start;
    int largest = -0x7fffffff;
    for (unsigned key = 0; key < count; ++key) {
        largest = max(largest, logit_of(q, keys + (size_t)key * p.key_stride, p.head_words));
    }

    const unsigned* values = arena + p.value + (size_t)first * p.value_stride + p.value_start + start;
    unsigned total = 0;
    int sums[4 * HEAD_WORDS];
#pragma unroll
    for (int i = 0; i < 4 * HEAD_WORDS; ++i) sums[i] = 0;
    for (unsigned key = 0; key < count; ++key) {
        int logit = logit_of(q, keys + (size_t)key * p.key_stride, p.head_words);
        int entry = min(requantize(largest - logit, logit_scale), LAST);
        int weight = int(weights[p.exp + entry / 2] >> entry % 2 * 16 & 0xffff);
        total += weight;
        const unsigned* v = values + (size_t)key * p.value_stride;
#pragma unroll
        for (int j = 0; j < HEAD_WORDS; ++j) {
            if (j < p.head_words) {
                unsigned word = v[j];
#pragma unroll
                for (int i = 0; i < 4; ++i) sums[4 * j + i] += weight * byte_of(word, i);
            }
        }
    }

    unsigned width = bits(total), most = min(width, 16u);
    int reciprocal = int(min((1u << (15 + most)) / (total >> (width - most)), 65535u));
    unsigned* out = arena + p.out + (size_t)row * p.out_stride;
    const unsigned* channel = weights + p.channel + 4 * start;
#pragma unroll
    for (int j = 0; j < HEAD_WORDS; ++j) {
        if (j < p.head_words) {
            int found[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                Scale s = unpack_scale(channel[4 * j + i]);
                s.shift += width - 11;
                found[i] = requantize(scale(sums[4 * j + i], reciprocal), s);
            }
            out[start + j] = pack_symmetric(found[0], found[1], found[2], found[3]);
        }
    }
    // Words past the heads are zero.
    if (head + 1 == p.heads) {
        for (unsigned word = p.heads * p.head_words; word < p.out_stride; ++word) out[word] = 0;
    }
}
