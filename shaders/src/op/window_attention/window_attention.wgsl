// Attention inside shifted windows, softmax included; twin: twin.rs.
//
// A workgroup has one head of one window of one image, an invocation one query. HEAD_WORDS bounds
// the words of a head; words past `p.head_words` read as zero.
#variant shared_8: SHARED PACKED THREADS=64 HEAD_WORDS=8 HEAD_PIECES=2
#variant shared_16: SHARED PACKED THREADS=64 HEAD_WORDS=16 HEAD_PIECES=4
#variant shared_8_unpacked: SHARED THREADS=64 HEAD_WORDS=8 HEAD_PIECES=2
#variant shared_16_unpacked: SHARED THREADS=64 HEAD_WORDS=16 HEAD_PIECES=4
#variant direct_8: PACKED THREADS=64 HEAD_WORDS=8
#variant direct_16: PACKED THREADS=64 HEAD_WORDS=16
#variant direct_8_unpacked: THREADS=64 HEAD_WORDS=8
#variant direct_16_unpacked: THREADS=64 HEAD_WORDS=16
#variant spread_8: SPREAD THREADS=64 HEAD_WORDS=8
#variant spread_16: SPREAD THREADS=64 HEAD_WORDS=16

#import dot
#import arithmetic
#import grid

struct Params {
    qkv: u32,
    qkv_stride: u32,
    out: u32,
    out_stride: u32,
    batch: u32,
    height: u32,
    width: u32,
    window_height: u32,
    window_width: u32,
    shift_height: u32,
    shift_width: u32,
    roll_height: u32,
    roll_width: u32,
    heads: u32,
    head_words: u32,
    bias: u32,
    head: u32,
    exp: u32,
    channel: u32,
    padding: u32,
}

@group(0) @binding(0) var<storage, read> weights: array<u32>;
@group(0) @binding(1) var<storage, read_write> arena: array<u32>;
@group(0) @binding(2) var<uniform> p: Params;

// The window and head of a workgroup.
struct Work {
    image: u32,
    window_y: u32,
    window_x: u32,
    head: u32,
}

// A token: its row in the map, its region, and its place in the window counted in columns of the
// bias table.
struct Token {
    row: u32,
    region: u32,
    place: u32,
}

// Keys at or past the window's end have a region that no query has.
const NO_REGION: u32 = 0xffffu;
// The row of tokens that pad the map.
const NO_ROW: u32 = 0xffffffffu;

fn windows_across() -> u32 {
    return (p.width + p.window_width - 1u) / p.window_width;
}

fn windows_down() -> u32 {
    return (p.height + p.window_height - 1u) / p.window_height;
}

fn work_of(index: u32) -> Work {
    let across = windows_across();
    let down = windows_down();
    let window = index / p.heads;
    return Work(
        window / (across * down),
        window / across % down,
        window % across,
        index % p.heads,
    );
}

fn table_width() -> u32 {
    return 2u * p.window_width - 1u;
}

// Which of the three bands of a rolled axis `at` lies in.
fn region(at: u32, extent: u32, window: u32, shift: u32) -> u32 {
    if (shift == 0u || at < extent - window) {
        return 0u;
    }
    return select(2u, 1u, at < extent - shift);
}

// The token at row `y` and column `x` of a window.
fn token_at(work: Work, y: u32, x: u32) -> Token {
    let rolled_y = work.window_y * p.window_height + y;
    let rolled_x = work.window_x * p.window_width + x;
    let far_y = rolled_y + p.shift_height;
    let far_x = rolled_x + p.shift_width;
    let map_y = select(far_y, far_y - p.roll_height, far_y >= p.roll_height);
    let map_x = select(far_x, far_x - p.roll_width, far_x >= p.roll_width);
    let present = rolled_y < p.roll_height && map_y < p.height
        && rolled_x < p.roll_width && map_x < p.width;
    let padded_height = windows_down() * p.window_height;
    let padded_width = windows_across() * p.window_width;
    let region_y = region(rolled_y, padded_height, p.window_height, p.shift_height);
    let region_x = region(rolled_x, padded_width, p.window_width, p.shift_width);
    return Token(
        select(NO_ROW, (work.image * p.height + map_y) * p.width + map_x, present),
        3u * region_y + region_x,
        y * table_width() + x,
    );
}

fn token_of(work: Work, index: u32) -> Token {
    return token_at(work, index / p.window_width, index % p.window_width);
}

// Offset of a token's query (0), key (1) or value (2): in the weights if it pads the map, else in
// the arena.
fn part_of(work: Work, row: u32, part: u32) -> u32 {
    let start = select(p.qkv + row * p.qkv_stride, p.padding, row == NO_ROW);
    return start + (part * p.heads + work.head) * p.head_words;
}

// The word at such an offset.
fn word_at(row: u32, at: u32) -> u32 {
    if (row == NO_ROW) {
        return weights[at];
    }
    return arena[at];
}

// Weights offset of the bias between a query and the key at place 0.
fn bias_of(work: Work, query: Token) -> u32 {
    let head_table = (2u * p.window_height - 1u) * table_width();
    let centre = (p.window_height - 1u) * table_width() + p.window_width - 1u;
    return p.bias + work.head * head_table + centre + query.place;
}

// The output word `j` of a query from its four sums.
fn store_word(work: Work, query: Token, j: u32, sums: vec4<i32>, total: u32) {
    if (j >= p.head_words || query.row == NO_ROW) {
        return;
    }
    let width = bits(total);
    let reciprocal = min((1u << (15u + width)) / total, 65535u);
    let channel = p.channel + (work.head * p.head_words + j) * 4u;
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
    let value = requantize4(means, scales + vec4((width - 8u) << 16u));
    let out = p.out + query.row * p.out_stride + work.head * p.head_words;
    arena[out + j] = pack8(clamp8(value, -127i));
}

// Words past the heads are zero; the last head's invocations write them.
fn store_padding(work: Work, query: Token) {
    if (work.head + 1u == p.heads && query.row != NO_ROW) {
        for (var word = p.heads * p.head_words; word < p.out_stride; word++) {
            arena[p.out + query.row * p.out_stride + word] = 0u;
        }
    }
}

#ifdef SHARED
#import window_attention_shared
#else
#import window_attention_direct
#endif
