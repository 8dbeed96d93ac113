// Layer normalization of one row; twin: `normalize` in op/layer_norm/twin.rs.
//
// The importing kernel defines `x_pair(row, pair) -> vec2<i32>`, the int16 inputs 2 * pair and
// 2 * pair + 1 of a row, and `channel_pair(pair) -> vec4<u32>`, the parameters of both.
#import arithmetic

// Inputs are offset by this to keep the mean's division unsigned.
const OFFSET: i32 = 262144i;

// The statistics of a row.
struct Norm {
    mean: i32,
    down: u32,
    up: u32,
    reciprocal: u32,
}

// What one pass over some of a row's channels yields.
struct Spread {
    sum: u32,
    low: i32,
    high: i32,
}

// Inputs with their exponents applied.
fn shifted_pair(row: u32, pair: u32) -> vec2<i32> {
    let params = channel_pair(pair);
    return x_pair(row, pair) << (params.xz >> vec2(24u));
}

fn merge_spread(a: Spread, b: Spread) -> Spread {
    return Spread(a.sum + b.sum, min(a.low, b.low), max(a.high, b.high));
}

// The spread of the pairs `first`, `first + stride`, ... of a row of `count` channels.
fn spread(row: u32, count: u32, first: u32, stride: u32) -> Spread {
    var result = Spread(0u, OFFSET, -OFFSET);
    for (var pair = first; 2u * pair < count; pair += stride) {
        let x = shifted_pair(row, pair);
        result = merge_spread(result, Spread(u32(x.x + OFFSET), x.x, x.x));
        if (2u * pair + 1u < count) {
            result = merge_spread(result, Spread(u32(x.y + OFFSET), x.y, x.y));
        }
    }
    return result;
}

fn mean_of(whole: Spread, count: u32) -> i32 {
    return i32((whole.sum + count / 2u) / count) - OFFSET;
}

// The shift after which the sum of squares is sure to fit.
fn down_of(whole: Spread, count: u32) -> u32 {
    let mean = mean_of(whole, count);
    let largest = u32(max(whole.high - mean, mean - whole.low));
    let kept = (31u - bits(count - 1u)) / 2u;
    return max(bits(largest), kept) - kept;
}

// The sum of squares of the pairs `first`, `first + stride`, ... after the shift.
fn squares(row: u32, count: u32, first: u32, stride: u32, mean: i32, down: u32) -> u32 {
    var sum = 0u;
    for (var pair = first; 2u * pair < count; pair += stride) {
        let y = (shifted_pair(row, pair) - vec2(mean)) >> vec2(down);
        sum += u32(y.x * y.x);
        if (2u * pair + 1u < count) {
            sum += u32(y.y * y.y);
        }
    }
    return sum;
}

fn norm_of(mean: i32, down: u32, sum: u32, epsilon: u32) -> Norm {
    let energy = max(sum + (epsilon >> (2u * down)), 1u);
    let up = countLeadingZeros(energy) / 2u;
    let root = square_root(energy << (2u * up));
    return Norm(mean, down, up, min(0x80000000u / root, 65535u));
}

// The statistics of a row by one invocation.
fn row_norm(row: u32, count: u32, epsilon: u32) -> Norm {
    let whole = spread(row, count, 0u, 1u);
    let mean = mean_of(whole, count);
    let down = down_of(whole, count);
    return norm_of(mean, down, squares(row, count, 0u, 1u, mean, down), epsilon);
}

// One channel: `x` with its exponent applied, `params` its parameter word, then its bias.
fn normalized(norm: Norm, x: i32, params: u32, bias: u32) -> i32 {
    var y = x - norm.mean;
    if (norm.up >= norm.down) {
        y <<= norm.up - norm.down;
    } else {
        y >>= norm.down - norm.up;
    }
    let unit = clamp(scale(y, norm.reciprocal), -32767i, 32767i);
    let multiplier = i32(params << 16u) >> 16u;
    let shift = (params >> 16u) & 0xffu;
    return (unit * multiplier + i32(bias) + (1i << (shift - 1u))) >> shift;
}

// The pair's normalized values; 0 past the row's end.
fn normalized_pair(norm: Norm, row: u32, pair: u32, count: u32) -> vec2<i32> {
    var result = vec2(0i);
    if (2u * pair < count) {
        let params = channel_pair(pair);
        let x = x_pair(row, pair) << (params.xz >> vec2(24u));
        result.x = normalized(norm, x.x, params.x, params.y);
        if (2u * pair + 1u < count) {
            result.y = normalized(norm, x.y, params.z, params.w);
        }
    }
    return result;
}

// Four channels from `pair` on as int8.
fn normalized_word(norm: Norm, row: u32, pair: u32, count: u32) -> u32 {
    let left = normalized_pair(norm, row, pair, count);
    let right = normalized_pair(norm, row, pair + 1u, count);
    return pack8(clamp8(vec4(left, right), -127i));
}
