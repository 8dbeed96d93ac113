//! One augmented image from one outline.

use ab_glyph::{Outline, OutlineCurve, Point, point};
use ab_glyph_rasterizer::Rasterizer;
use rand_chacha::{ChaCha8Rng, rand_core::Rng};

use super::GlyphOptions;

/// A uniform number from 0 up to 1 with 24 bits.
fn unit(rng: &mut ChaCha8Rng) -> f32 {
    (rng.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// A uniform number between the ends of `range`.
fn between(rng: &mut ChaCha8Rng, range: [f32; 2]) -> f32 {
    range[0] + (range[1] - range[0]) * unit(rng)
}

/// A uniform number of magnitude up to `most`.
fn around(rng: &mut ChaCha8Rng, most: f32) -> f32 {
    between(rng, [-most, most])
}

/// A uniform index below `count`.
pub(super) fn below(rng: &mut ChaCha8Rng, count: usize) -> usize {
    ((u64::from(rng.next_u32()) * count as u64) >> 32) as usize
}

/// A linear map from font units, y upwards, to pixels, y downwards, and the shift after it.
#[derive(Clone, Copy)]
struct Map {
    xx: f32,
    xy: f32,
    yx: f32,
    yy: f32,
    shift: Point,
}

impl Map {
    fn apply(&self, p: &Point) -> Point {
        point(
            self.xx * p.x + self.xy * p.y + self.shift.x,
            self.yx * p.x + self.yy * p.y + self.shift.y,
        )
    }
}

/// Sine and cosine of up to 45 degrees by Taylor polynomials: the system's differ in the last bit
/// from platform to platform.
fn sin_cos(degrees: f32) -> (f32, f32) {
    let x = degrees * (std::f32::consts::PI / 180.0);
    let x2 = x * x;
    let sin = x * (1.0 - x2 / 6.0 * (1.0 - x2 / 20.0 * (1.0 - x2 / 42.0)));
    let cos = 1.0 - x2 / 2.0 * (1.0 - x2 / 12.0 * (1.0 - x2 / 30.0 * (1.0 - x2 / 56.0)));
    (sin, cos)
}

/// The smallest box around the control points of `outline` under `map`: least and most x and y.
fn bounds(outline: &Outline, map: &Map) -> Option<[Point; 2]> {
    let mut bounds: Option<[Point; 2]> = None;
    let mut take = |p: &Point| {
        let p = map.apply(p);
        let [least, most] = bounds.get_or_insert([p, p]);
        *least = point(least.x.min(p.x), least.y.min(p.y));
        *most = point(most.x.max(p.x), most.y.max(p.y));
    };
    for curve in &outline.curves {
        match curve {
            OutlineCurve::Line(a, b) => [a, b].into_iter().for_each(&mut take),
            OutlineCurve::Quad(a, b, c) => [a, b, c].into_iter().for_each(&mut take),
            OutlineCurve::Cubic(a, b, c, d) => [a, b, c, d].into_iter().for_each(&mut take),
        }
    }
    bounds
}

/// The share of each pixel that `outline` covers under `map`, 0 to 1, row by row.
fn coverage(outline: &Outline, map: &Map, width: usize, height: usize) -> Vec<f32> {
    let mut raster = Rasterizer::new(width, height);
    let at = |p: &Point| map.apply(p);
    for curve in &outline.curves {
        match curve {
            OutlineCurve::Line(a, b) => raster.draw_line(at(a), at(b)),
            OutlineCurve::Quad(a, b, c) => raster.draw_quad(at(a), at(b), at(c)),
            OutlineCurve::Cubic(a, b, c, d) => raster.draw_cubic(at(a), at(b), at(c), at(d)),
        }
    }
    let mut shares = vec![0.0; width * height];
    raster.for_each_pixel(|index, share| shares[index] = share.min(1.0));
    shares
}

/// `outline` stretched to fill `side` times `side` pixels, 0 to 255; none if it has no area.
pub(super) fn signature(outline: &Outline, side: usize) -> Option<Vec<u8>> {
    let flat = Map {
        xx: 1.0,
        xy: 0.0,
        yx: 0.0,
        yy: -1.0,
        shift: point(0.0, 0.0),
    };
    let [least, most] = bounds(outline, &flat)?;
    let (width, height) = (most.x - least.x, most.y - least.y);
    if !(width > 0.0 && height > 0.0) {
        return None;
    }
    let (x, y) = (side as f32 / width, side as f32 / height);
    let fill = Map {
        xx: x,
        yy: -y,
        shift: point(-least.x * x, -least.y * y),
        ..flat
    };
    Some(
        coverage(outline, &fill, side, side)
            .iter()
            .map(|share| (share * 255.0 + 0.5) as u8)
            .collect(),
    )
}

/// Draws `outline`, of a face whose capitals are `capital` font units high, onto
/// `options.size` squared bytes of luma.
pub(super) fn draw(
    outline: &Outline,
    capital: f32,
    options: &GlyphOptions,
    rng: &mut ChaCha8Rng,
) -> Vec<u8> {
    let side = options.size;
    let map = place(outline, capital, options, rng);
    let mut shares = coverage(outline, &map, side, side);
    let weight = between(rng, [0.0, options.max_blur]);
    blur(&mut shares, side, weight);

    let mut background = between(rng, options.background);
    let mut ink = between(rng, options.ink);
    if unit(rng) < options.inverted {
        (background, ink) = (255.0 - background, 255.0 - ink);
    }
    let slope = [
        around(rng, options.max_gradient),
        around(rng, options.max_gradient),
    ]
    .map(|change| change / side as f32);
    let noise = between(rng, [0.0, options.max_noise]);
    let centre = side as f32 / 2.0;
    shares
        .iter()
        .enumerate()
        .map(|(index, share)| {
            let (x, y) = ((index % side) as f32, (index / side) as f32);
            let paper = background + slope[0] * (x - centre) + slope[1] * (y - centre);
            let level = paper + share * (ink - paper);
            // Two draws give a triangular distribution: like film grain, mostly small.
            let bits = rng.next_u32();
            let grain = ((bits & 0xffff) as f32 - (bits >> 16) as f32) / 65536.0;
            (level + grain * noise + 0.5).clamp(0.0, 255.0) as u8
        })
        .collect()
}

/// A random map that keeps the outline inside the frame.
fn place(outline: &Outline, capital: f32, options: &GlyphOptions, rng: &mut ChaCha8Rng) -> Map {
    let side = options.size as f32;
    let (sin, cos) = sin_cos(around(rng, options.max_rotation));
    let shear = around(rng, options.max_shear);
    let stretch = 1.0 + around(rng, options.max_stretch);
    let scale = between(rng, options.height) * side / capital;
    // Stretch and shear along x, then rotation, then y downwards.
    let unscaled = Map {
        xx: cos * stretch,
        xy: cos * shear - sin,
        yx: -(sin * stretch),
        yy: -(sin * shear + cos),
        shift: point(0.0, 0.0),
    };
    let at = [unit(rng), unit(rng)];
    let Some([least, most]) = bounds(outline, &unscaled) else {
        return unscaled;
    };
    let room = side - 2.0 * options.margin;
    let extent = [most.x - least.x, most.y - least.y];
    let scale = extent
        .into_iter()
        .filter(|extent| *extent > 0.0)
        .fold(scale, |scale, extent| scale.min(room / extent));
    let start = |least: f32, extent: f32, at: f32| {
        options.margin + (room - extent * scale).max(0.0) * at - least * scale
    };
    Map {
        xx: unscaled.xx * scale,
        xy: unscaled.xy * scale,
        yx: unscaled.yx * scale,
        yy: unscaled.yy * scale,
        shift: point(
            start(least.x, extent[0], at[0]),
            start(least.y, extent[1], at[1]),
        ),
    }
}

/// A pass along the rows and one along the columns with `weight` for each neighbour.
fn blur(shares: &mut [f32], side: usize, weight: f32) {
    let mut line = vec![0.0; side];
    for (step, stride) in [(1, side), (side, 1)] {
        for start in (0..side).map(|n| n * stride) {
            for (n, value) in line.iter_mut().enumerate() {
                *value = shares[start + n * step];
            }
            for n in 0..side {
                let (before, after) = (line[n.saturating_sub(1)], line[(n + 1).min(side - 1)]);
                shares[start + n * step] =
                    line[n] * (1.0 - 2.0 * weight) + (before + after) * weight;
            }
        }
    }
}
