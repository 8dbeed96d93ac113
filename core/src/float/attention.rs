//! Attention inside (shifted) windows over burn tensors.

use burn::{
    Tensor,
    tensor::{Device, Int, TensorData, activation},
};

use crate::model::Windows;

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
    /// `[batch, tokens, 3 * channels]` to `[batch, tokens, channels]`.
    pub(super) fn forward(
        &mut self,
        qkv: Tensor<3>,
        table: Tensor<2>,
        windows: &Windows,
    ) -> Tensor<3> {
        let &Windows {
            height,
            width,
            window: [rows, columns],
            shift,
            heads,
            head_dim,
        } = windows;
        let layout = self.layout(windows);
        let [batch, tokens, triple] = qkv.dims();
        let (down, across) = (height / rows, width / columns);
        let (count, n) = (down * across, rows * columns);
        let [shift_rows, shift_columns] = shift.map(|s| s as isize);

        let split = qkv
            .reshape([batch, height, width, triple])
            .roll_dim(-shift_rows, 1)
            .roll_dim(-shift_columns, 2)
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
            .reshape([batch, height, width, heads * head_dim])
            .roll_dim(shift_rows, 1)
            .roll_dim(shift_columns, 2)
            .reshape([batch, tokens, heads * head_dim])
    }
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
    let extents = [windows.height, windows.width];
    let [rows, columns] = windows.window;
    let (across, n) = (windows.width / columns, rows * columns);
    let count = windows.tokens() / n;
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
