//! Attention inside (shifted) windows over burn tensors.

use burn::{
    Tensor,
    tensor::{Device, Int, TensorData, activation},
};

use crate::graph::Windows;

/// What is added to the score of two tokens that the cyclic shift brought into one window
/// (arXiv 2103.14030).
const MASKED: f32 = -100.0;

/// Window attention with its index tables, which are built once for every window layout.
pub struct Attention {
    device: Device,
    layouts: Vec<Layout>,
}

/// The tables of one window layout.
struct Layout {
    windows: Windows,
    /// Rows of the bias table for every pair of tokens of a window.
    pairs: Tensor<1, Int>,
    /// `[1, windows, 1, n, n]`, for shifted windows.
    mask: Option<Tensor<5>>,
}

impl Attention {
    /// No tables yet, for tensors on `device`.
    pub fn new(device: &Device) -> Self {
        Self {
            device: device.clone(),
            layouts: Vec::new(),
        }
    }

    fn layout(&mut self, windows: &Windows) -> &Layout {
        let found = self.layouts.iter().position(|l| l.windows == *windows);
        let index = found.unwrap_or_else(|| {
            self.layouts.push(Layout::new(windows, &self.device));
            self.layouts.len() - 1
        });
        &self.layouts[index]
    }

    /// `softmax(q * k^T / sqrt(d) + bias) * v` for every window and head: `qkv`
    /// `[batch, tokens, 3 * channels]` to `[batch, tokens, channels]`. Tokens that pad the map have
    /// `padding`, `[3 * channels]`, or zeros.
    pub(super) fn forward(
        &mut self,
        qkv: Tensor<3>,
        table: Tensor<2>,
        padding: Option<Tensor<1>>,
        windows: &Windows,
    ) -> Tensor<3> {
        let &Windows {
            height,
            width,
            window: [rows, columns],
            shift,
            roll,
            heads,
            head_dim,
        } = windows;
        let layout = self.layout(windows);
        let [batch, tokens, triple] = qkv.dims();
        let [down, across] = windows.counts();
        let (count, n) = (down * across, rows * columns);
        let [shift_rows, shift_columns] = shift.map(|s| s as isize);
        let padded = windows.padded();

        let map = qkv.reshape([batch, height, width, triple]);
        let filler = padding.map_or_else(
            || Tensor::zeros([1, 1, 1, triple], &map.device()),
            |padding| padding.reshape([1, 1, 1, triple]),
        );
        let rolled = pad(map, filler.clone(), roll)
            .roll_dim(-shift_rows, 1)
            .roll_dim(-shift_columns, 2);
        let split = pad(rolled, filler, padded)
            .reshape([batch * down, rows, across, columns, 3 * heads, head_dim])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch * count, 3, heads, n, head_dim]);
        let part = |index: usize| -> Tensor<4> {
            split.clone().slice_dim(1, index..index + 1).reshape([
                batch * count,
                heads,
                n,
                head_dim,
            ])
        };
        let query = part(0).mul_scalar((head_dim as f64).powf(-0.5));
        let bias = table
            .select(0, layout.pairs.clone())
            .transpose()
            .reshape([1, heads, n, n]);
        let mut scores = query.matmul(part(1).transpose()) + bias;
        if let Some(mask) = &layout.mask {
            let shape = [batch * count, heads, n, n];
            scores = (scores.reshape([batch, count, heads, n, n]) + mask.clone()).reshape(shape);
        }
        activation::softmax(scores, 3)
            .matmul(part(2))
            .reshape([batch * down, across, heads, rows, columns, head_dim])
            .permute([0, 3, 1, 4, 2, 5])
            .reshape([batch, padded[0], padded[1], heads * head_dim])
            .narrow(1, 0, roll[0])
            .narrow(2, 0, roll[1])
            .roll_dim(shift_rows, 1)
            .roll_dim(shift_columns, 2)
            .narrow(1, 0, height)
            .narrow(2, 0, width)
            .reshape([batch, tokens, heads * head_dim])
    }
}

/// A map `[batch, height, width, channels]` with `filler`, `[1, 1, 1, channels]`, after its last
/// row and column as far as `extents`, which are no smaller.
pub(super) fn pad(map: Tensor<4>, filler: Tensor<4>, extents: [usize; 2]) -> Tensor<4> {
    let mut map = map;
    for (axis, extent) in [(1, extents[0]), (2, extents[1])] {
        let mut missing = map.dims();
        missing[axis] = extent - missing[axis];
        if missing[axis] > 0 {
            let missing = filler.clone().expand(missing);
            map = Tensor::cat(vec![map, missing], axis);
        }
    }
    map
}

impl Layout {
    fn new(windows: &Windows, device: &Device) -> Self {
        let [rows, columns] = windows.window;
        let n = rows * columns;
        let pairs = (0..n * n).map(|pair| {
            let (i, j) = (pair / n, pair % n);
            let row = i / columns + rows - 1 - j / columns;
            let column = i % columns + columns - 1 - j % columns;
            (row * (2 * columns - 1) + column) as i64
        });
        let pairs = TensorData::new(pairs.collect(), [n * n]);
        Self {
            windows: *windows,
            pairs: Tensor::from_data(pairs, device),
            mask: (windows.shift != [0, 0]).then(|| mask(windows, device)),
        }
    }
}

/// Which pairs of tokens of each window of the shifted map were not neighbours before the shift.
fn mask(windows: &Windows, device: &Device) -> Tensor<5> {
    let extents = windows.padded();
    let [rows, columns] = windows.window;
    let [down, across] = windows.counts();
    let (count, n) = (down * across, rows * columns);
    // Along an axis the shifted map has three parts: before the last window, its part that was
    // there before the shift, and the part that came round.
    let part = |axis: usize, at: usize| match extents[axis] - at {
        _ if windows.shift[axis] == 0 => 0,
        left if left > windows.window[axis] => 0,
        left if left > windows.shift[axis] => 1,
        _ => 2,
    };
    let region = |window: usize, token: usize| {
        let row = window / across * rows + token / columns;
        let column = window % across * columns + token % columns;
        (part(0, row), part(1, column))
    };
    let mut values = Vec::with_capacity(count * n * n);
    for window in 0..count {
        for i in 0..n {
            for j in 0..n {
                let together = region(window, i) == region(window, j);
                values.push(if together { 0.0 } else { MASKED });
            }
        }
    }
    Tensor::from_data(TensorData::new(values, [1, count, 1, n, n]), device)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::float::host;

    /// A token's row and column, and where the cyclic shift moves them.
    fn places(windows: &Windows, token: usize) -> ([usize; 2], [usize; 2]) {
        let extents = [windows.height, windows.width];
        let place = [token / windows.width, token % windows.width];
        let moved = [0, 1].map(|a| (place[a] + extents[a] - windows.shift[a]) % extents[a]);
        (place, moved)
    }

    /// The definition, token by token: who attends to whom follows from the places before and
    /// after the shift, without any mask.
    fn expected(qkv: &[f32], table: &[f32], windows: &Windows) -> Vec<f64> {
        let (heads, dim) = (windows.heads, windows.head_dim);
        let channels = heads * dim;
        let get = |token: usize, part: usize, head: usize, c: usize| {
            f64::from(qkv[token * 3 * channels + part * channels + head * dim + c])
        };
        let mut out = Vec::new();
        for i in 0..windows.tokens() {
            let (from, moved) = places(windows, i);
            for head in 0..heads {
                let mut sum = 0.0;
                let mut mean = vec![0.0; dim];
                for j in 0..windows.tokens() {
                    let (to, other) = places(windows, j);
                    let together = (0..2).all(|a| {
                        moved[a] / windows.window[a] == other[a] / windows.window[a]
                            && from[a] + other[a] == to[a] + moved[a]
                    });
                    if !together {
                        continue;
                    }
                    let [row, column] = [0, 1].map(|a| from[a] + windows.window[a] - 1 - to[a]);
                    let bias = table[(row * (2 * windows.window[1] - 1) + column) * heads + head];
                    let dot: f64 = (0..dim)
                        .map(|c| get(i, 0, head, c) * get(j, 1, head, c))
                        .sum();
                    let weight = (dot / (dim as f64).sqrt() + f64::from(bias)).exp();
                    sum += weight;
                    for (c, value) in mean.iter_mut().enumerate() {
                        *value += weight * get(j, 2, head, c);
                    }
                }
                out.extend(mean.iter().map(|value| value / sum));
            }
        }
        out
    }

    fn values(count: usize, seed: f32) -> Vec<f32> {
        (0..count)
            .map(|i| 2.0 * (seed + 1.7 * i as f32).sin())
            .collect()
    }

    #[test]
    fn attends_as_defined_in_odd_shifted_windows() {
        let device = Device::flex();
        for (height, width, window, shift) in [
            (6, 9, [3, 3], [1, 1]),
            (6, 3, [3, 3], [1, 0]),
            (3, 6, [3, 3], [0, 1]),
            (4, 6, [2, 3], [1, 2]),
            (5, 5, [5, 5], [0, 0]),
        ] {
            let windows = Windows {
                height,
                width,
                window,
                shift,
                roll: [height, width],
                heads: 2,
                head_dim: 3,
            };
            let triple = 18;
            let images = [
                values(windows.tokens() * triple, 0.3),
                values(windows.tokens() * triple, 2.9),
            ];
            let table = values(windows.bias_entries() * 2, 5.1);
            let qkv = TensorData::new(images.concat(), [2, windows.tokens(), triple]);
            let rows = TensorData::new(table.clone(), [windows.bias_entries(), 2]);
            let found = host(Attention::new(&device).forward(
                Tensor::from_data(qkv, &device),
                Tensor::from_data(rows, &device),
                None,
                &windows,
            ));
            let expected = images.map(|image| expected(&image, &table, &windows));
            for (found, expected) in found.iter().zip(expected.concat()) {
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{windows:?}");
            }
        }
    }

    /// Padding that is rolled with the map is as a larger map whose last rows and columns are that.
    #[test]
    fn padding_is_a_part_of_a_larger_map() {
        let device = Device::flex();
        let (heads, head_dim, triple) = (2, 3, 18);
        for (height, width, window, shift) in [
            (5, 7, [3, 3], [1, 1]),
            (4, 3, [3, 5], [2, 0]),
            (2, 2, [3, 4], [0, 0]),
        ] {
            let padded = Windows {
                height,
                width,
                window,
                shift,
                roll: [height, width],
                heads,
                head_dim,
            };
            let [tall, wide] = padded.padded();
            let padded = Windows {
                roll: [tall, wide],
                ..padded
            };
            let large = Windows {
                height: tall,
                width: wide,
                ..padded
            };
            assert!(padded.pads() && !large.pads());
            let filler = values(triple, 0.7);
            let tokens = values(height * width * triple, 0.3);
            let row = |y: usize, x: usize| match y < height && x < width {
                true => tokens[(y * width + x) * triple..][..triple].to_vec(),
                false => filler.clone(),
            };
            let map: Vec<f32> = (0..tall * wide)
                .flat_map(|at| row(at / wide, at % wide))
                .collect();
            let table = values(padded.bias_entries() * heads, 5.1);
            let run = |data: &[f32], windows: &Windows, filler: Option<&[f32]>| {
                let tensor = |data: &[f32], shape| {
                    Tensor::<3>::from_data(TensorData::new(data.to_vec(), shape), &device)
                };
                let rows = TensorData::new(table.clone(), [windows.bias_entries(), heads]);
                host(Attention::new(&device).forward(
                    tensor(data, [1, windows.tokens(), triple]),
                    Tensor::from_data(rows, &device),
                    filler.map(|filler| {
                        Tensor::from_data(TensorData::new(filler.to_vec(), [triple]), &device)
                    }),
                    windows,
                ))
            };
            let found = run(&tokens, &padded, Some(&filler));
            let expected = run(&map, &large, None);
            let channels = heads * head_dim;
            for (at, found) in found.chunks(channels).enumerate() {
                let place = at / width * wide + at % width;
                let expected = &expected[place * channels..][..channels];
                for (a, b) in found.iter().zip(expected) {
                    assert!((a - b).abs() < 1e-6, "{padded:?}");
                }
            }
        }
    }
}
