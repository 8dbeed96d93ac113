// Attention inside shifted windows (docs/INTEGER.md, "window_attention"). One block computes one head of one window: a
// warp takes 16 queries at a time, and keeps their logits and weights in registers.
#pragma variant tokens_32: KEYS=32 TOKENS=32 HEAD_BYTES=32 WARPS=2
#pragma variant tokens_56: KEYS=56 TOKENS=64 HEAD_BYTES=32 WARPS=4
#pragma variant tokens_64: KEYS=64 TOKENS=64 HEAD_BYTES=32 WARPS=4
#pragma variant tokens_144: KEYS=144 TOKENS=160 HEAD_BYTES=32 WARPS=5
#pragma variant tokens_256: KEYS=256 TOKENS=256 HEAD_BYTES=32 WARPS=8
#pragma variant tokens_64_wide: KEYS=64 TOKENS=64 HEAD_BYTES=64 WARPS=4
#pragma variant tokens_256_wide: KEYS=256 TOKENS=256 HEAD_BYTES=64 WARPS=8

#include "shared/arithmetic.cuh"
#include "shared/product.cuh"

// Of the window's tokens, KEYS is how many a query looks at, and TOKENS how many products with values take; HEAD_BYTES is
// the head's channels, rounded up to what products take.
constexpr int KEY_PARTS = KEYS / 8;
static_assert(KEYS % 8 == 0 && TOKENS % 32 == 0 && KEYS <= TOKENS, "parts have 8 keys, and 32 values");
constexpr int THREADS = WARPS * LANES;
// Bytes between the channels of the turned values: no two of a product's eight lie in the same bank.
constexpr int VALUE_STRIDE = TOKENS + 16;

// A token of the window. `place` is y * (2 * window_width - 1) + x; one that pads the map has the row NO_ROW.
struct Token {
    unsigned row;
    unsigned short place, region;
};

// The region of tokens that are not there.
constexpr unsigned ABSENT = 9;
constexpr unsigned NO_ROW = ~0u;

// Which of the three bands of the rolled axis `at` lies in.
__device__ __forceinline__ unsigned band(unsigned at, unsigned extent, unsigned window, unsigned shift) {
    return shift == 0 || at < extent - window ? 0 : at < extent - shift ? 1 : 2;
}

// Windows that take up `extent` tokens.
__device__ __forceinline__ unsigned windows_of(unsigned extent, unsigned window) { return (extent + window - 1) / window; }

// The token `at` of the window at (`top`, `left`) of the rolled and padded map.
__device__ __forceinline__ Token token_at(const Params& p, unsigned image, unsigned top, unsigned left, unsigned at) {
    if (at >= p.window_height * p.window_width) return {0, 0, ABSENT};
    unsigned y = at / p.window_width, x = at % p.window_width;
    unsigned rolled_y = top + y, rolled_x = left + x;
    unsigned map_y = rolled_y + p.shift_height, map_x = rolled_x + p.shift_width;
    map_y -= map_y >= p.roll_height ? p.roll_height : 0;
    map_x -= map_x >= p.roll_width ? p.roll_width : 0;
    bool present = rolled_y < p.roll_height && map_y < p.height && rolled_x < p.roll_width && map_x < p.width;
    unsigned padded_height = windows_of(p.height, p.window_height) * p.window_height;
    unsigned padded_width = windows_of(p.width, p.window_width) * p.window_width;
    unsigned region = 3 * band(rolled_y, padded_height, p.window_height, p.shift_height) +
                      band(rolled_x, padded_width, p.window_width, p.shift_width);
    return {present ? (image * p.height + map_y) * p.width + map_x : NO_ROW,
            (unsigned short)(y * (2 * p.window_width - 1) + x), (unsigned short)region};
}

// Byte `at` of four words, as one word.
__device__ __forceinline__ unsigned column_of(const unsigned (&words)[4], int at) {
    unsigned low = __byte_perm(words[0], words[1], at | (4 + at) << 4);
    unsigned high = __byte_perm(words[2], words[3], at | (4 + at) << 4);
    return __byte_perm(low, high, 0x5410);
}

template <class Value>
__device__ __forceinline__ Value of_four_lanes(Value value, Value (*both)(Value, Value)) {
    value = both(value, __shfl_xor_sync(0xffffffff, value, 1));
    return both(value, __shfl_xor_sync(0xffffffff, value, 2));
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    window_attention(const unsigned* __restrict__ weights, unsigned* arena, const Params p) {
    extern __shared__ __align__(128) unsigned char memory[];
    unsigned char* queries = memory;
    unsigned char* keys = queries + TOKENS * HEAD_BYTES;
    unsigned char* values = keys + TOKENS * HEAD_BYTES;
    Token* tokens = (Token*)(values + HEAD_BYTES * VALUE_STRIDE);
    unsigned char* exponentials = (unsigned char*)(tokens + TOKENS);
    int* position_bias = (int*)(exponentials + 256);

    unsigned head = blockIdx.x % p.heads, window = blockIdx.x / p.heads;
    unsigned across = windows_of(p.width, p.window_width), down = windows_of(p.height, p.window_height);
    unsigned left = window % across * p.window_width, top = window / across % down * p.window_height;
    unsigned image = window / (across * down);
    unsigned count = p.window_height * p.window_width;
    unsigned thread = threadIdx.x, lane = thread % LANES;

    for (unsigned at = thread; at < TOKENS; at += THREADS) tokens[at] = token_at(p, image, top, left, at);
    for (unsigned at = thread; at < 64; at += THREADS) ((unsigned*)exponentials)[at] = weights[p.exp + at];
    unsigned places = (2 * p.window_height - 1) * (2 * p.window_width - 1);
    for (unsigned at = thread; at < places; at += THREADS) {
        position_bias[at] = int(weights[p.bias + head * places + at]);
    }
    __syncthreads();

    // Queries and keys as they are; what is not there is zero.
    constexpr unsigned WORDS = HEAD_BYTES / 4, CHUNKS = HEAD_BYTES / CHUNK;
    unsigned part = p.heads * p.head_words;
    const unsigned* source = arena + p.qkv + head * p.head_words;
    const unsigned* padding = weights + p.padding + head * p.head_words;
    // The head's query of a token; its key is `part` words further on.
    auto row_of = [&](unsigned token) {
        unsigned row = tokens[token].row;
        return row == NO_ROW ? padding : source + (size_t)row * p.qkv_stride;
    };
    bool whole = p.head_words % 4 == 0;
    if (whole) {
        unsigned query_base = shared_address(queries), key_base = shared_address(keys);
        for (unsigned at = thread; at < TOKENS * CHUNKS; at += THREADS) {
            unsigned token = at / CHUNKS, chunk = at % CHUNKS;
            bool present = token < count && 4 * chunk < p.head_words;
            const unsigned* from = row_of(token) + 4 * chunk;
            unsigned to = chunk_at<HEAD_BYTES>(token, chunk);
            copy_chunk(query_base + to, from, present);
            copy_chunk(key_base + to, from + part, present);
        }
        end_copies();
    } else {
        for (unsigned at = thread; at < TOKENS * WORDS; at += THREADS) {
            unsigned token = at / WORDS, word = at % WORDS;
            bool present = token < count && word < p.head_words;
            const unsigned* from = row_of(token) + word;
            unsigned to = chunk_at<HEAD_BYTES>(token, word / 4) + word % 4 * 4;
            *(unsigned*)(queries + to) = present ? from[0] : 0;
            *(unsigned*)(keys + to) = present ? from[part] : 0;
        }
    }
    // Values turned, so that a channel's tokens lie side by side, in the order in which lanes hold their weights: word
    // 8 * s + 4 * h + t has the tokens 32 * s + 16 * h + 2 * t and the one after, and those 8 further on.
    for (unsigned at = thread; at < TOKENS / 4 * WORDS; at += THREADS) {
        unsigned word = at % WORDS, four = at / WORDS;
        unsigned first = four / 4 * 16 + four % 4 * 2;
        unsigned found[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            unsigned token = first + i / 2 * 8 + i % 2;
            bool present = token < count && word < p.head_words;
            found[i] = present ? row_of(token)[2 * part + word] : 0;
        }
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            *(unsigned*)(values + (4 * word + i) * VALUE_STRIDE + 4 * four) = column_of(found, i);
        }
    }
    await_copies<0>();
    __syncthreads();

    Scale logit_scale = unpack_scale(weights[p.head + head]);
    unsigned query_base = shared_address(queries), key_lane = shared_address(keys) + cols_lane<HEAD_BYTES>(0);
    // A query at place q sees a key at place k with the bias at q + middle - k.
    unsigned middle = (p.window_height - 1) * (2 * p.window_width - 1) + p.window_width - 1;

    for (unsigned first = thread / LANES * 16; first < count; first += WARPS * 16) {
        unsigned q[HEAD_BYTES / 32][4];
#pragma unroll
        for (int step = 0; step < HEAD_BYTES / 32; ++step) {
            load_matrices(q[step], (query_base + rows_lane<HEAD_BYTES>(first)) ^ 32 * step);
        }
        int logits[KEY_PARTS][4];
#pragma unroll
        for (int j = 0; j < KEY_PARTS; j += 2) {
            unsigned k[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                logits[j][i] = 0;
                if (j + 1 < KEY_PARTS) logits[j + 1][i] = 0;
            }
#pragma unroll
            for (int step = 0; step < HEAD_BYTES / 32; ++step) {
                load_matrices(k, (key_lane ^ 32 * step) + 8 * j * HEAD_BYTES);
                multiply_add(logits[j], q[step], k[0], k[1]);
                if (j + 1 < KEY_PARTS) multiply_add(logits[j + 1], q[step], k[2], k[3]);
            }
        }

        // Of each part of eight keys a lane has two for each of two queries, `lane / 4` and 8 further on.
        Token query[2] = {tokens[first + lane / 4], tokens[first + lane / 4 + 8]};
        // Every logit is above.
        constexpr int HIDDEN = -(1 << 29);
        int largest[2] = {HIDDEN, HIDDEN};
#pragma unroll
        for (int j = 0; j < KEY_PARTS; ++j) {
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                Token key = tokens[8 * j + lane % 4 * 2 + c];
#pragma unroll
                for (int r = 0; r < 2; ++r) {
                    int& logit = logits[j][2 * r + c];
                    logit += position_bias[query[r].place + middle - key.place];
                    logit = key.region == query[r].region ? logit : HIDDEN;
                    largest[r] = max(largest[r], logit);
                }
            }
        }
        unsigned total[2] = {};
        unsigned weight[TOKENS / 16][2];
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            largest[r] = of_four_lanes<int>(largest[r], [](int a, int b) { return max(a, b); });
        }
        // Four weights a word: the two of one part, then the two of the next.
#pragma unroll
        for (int j = 0; j < TOKENS / 8; j += 2) {
#pragma unroll
            for (int r = 0; r < 2; ++r) {
                int e[4] = {};
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    if (j + i / 2 >= KEY_PARTS) continue;
                    int logit = logits[j + i / 2][2 * r + i % 2];
                    int entry = logit == HIDDEN ? 255 : min(255, requantize(largest[r] - logit, logit_scale));
                    e[i] = logit == HIDDEN ? 0 : exponentials[entry];
                }
                weight[j / 2][r] = pack_unsigned_bytes(e[0], e[1], e[2], e[3]);
                total[r] = add_bytes(weight[j / 2][r], total[r]);
            }
        }
        int width[2], reciprocal[2];
#pragma unroll
        for (int r = 0; r < 2; ++r) {
            total[r] = of_four_lanes<unsigned>(total[r], [](unsigned a, unsigned b) { return a + b; });
            // A query that is not there may see no key.
            total[r] = max(1u, total[r]);
            width[r] = int(bits(total[r]));
            reciprocal[r] = int(min(65535u, (1u << (15 + width[r])) / total[r]));
        }

        // The warp's queries are read: their place takes the outputs.
        __syncwarp();
#pragma unroll
        for (int j = 0; j < HEAD_BYTES / 8; ++j) {
            int sums[4] = {};
            const unsigned* turned = (const unsigned*)(values + (8 * j + lane / 4) * VALUE_STRIDE);
#pragma unroll
            for (int s = 0; s < TOKENS / 32; ++s) {
                unsigned a[4] = {weight[2 * s][0], weight[2 * s][1], weight[2 * s + 1][0], weight[2 * s + 1][1]};
                multiply_add_unsigned(sums, a, turned[8 * s + lane % 4], turned[8 * s + 4 + lane % 4]);
            }
            unsigned channel = 8 * j + lane % 4 * 2;
            if (channel < 4 * p.head_words) {
                uint2 words = *(const uint2*)(weights + p.channel + 4 * head * p.head_words + channel);
#pragma unroll
                for (int r = 0; r < 2; ++r) {
                    int out[2];
#pragma unroll
                    for (int c = 0; c < 2; ++c) {
                        Scale s = unpack_scale(c == 0 ? words.x : words.y);
                        s.shift += width[r] - 8;
                        out[c] = clamp(requantize(scale(sums[2 * r + c], reciprocal[r]), s), -127, 127);
                    }
                    unsigned short both = (unsigned short)((out[0] & 0xff) | unsigned(out[1]) << 8);
                    *(unsigned short*)(queries + (first + lane / 4 + 8 * r) * HEAD_BYTES + channel) = both;
                }
            }
            // Products take whole warps.
            __syncwarp();
        }
        unsigned rows = min(16u, count - first);
        unsigned* out = arena + p.out + head * p.head_words;
        if (whole && p.out_stride == part) {
            for (unsigned at = lane; at < rows * CHUNKS; at += LANES) {
                unsigned token = first + at / CHUNKS, chunk = at % CHUNKS;
                uint4 words = *(const uint4*)(queries + token * HEAD_BYTES + chunk * CHUNK);
                unsigned row = tokens[token].row;
                if (4 * chunk < p.head_words && row != NO_ROW) *(uint4*)(out + (size_t)row * p.out_stride + 4 * chunk) = words;
            }
        } else {
            // The last head also writes what lies past the heads.
            unsigned end = head + 1 == p.heads ? p.out_stride - head * p.head_words : p.head_words;
            for (unsigned at = lane; at < rows * end; at += LANES) {
                unsigned token = first + at / end, word = at % end;
                unsigned value = word < p.head_words ? *(unsigned*)(queries + token * HEAD_BYTES + 4 * word) : 0;
                unsigned row = tokens[token].row;
                if (row != NO_ROW) out[(size_t)row * p.out_stride + word] = value;
            }
        }
        __syncwarp();
    }
}
