//! Attention inside windows of a map of tokens.

/// A token map and the attention windows that tile it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Tokens in a column of the map.
    pub height: usize,
    /// Tokens in a row of the map.
    pub width: usize,
    /// Window height and width in tokens.
    pub window: [usize; 2],
    /// Cyclic shift, rows and columns.
    pub shift: [usize; 2],
    /// Extents within which the shift goes round: those of the map, which is then padded to whole
    /// windows, or those of the padded map.
    pub roll: [usize; 2],
    /// Attention heads.
    pub heads: usize,
    /// Channels of one head.
    pub head_dim: usize,
}

impl Windows {
    /// Entries of the relative position bias table, a head.
    pub fn bias_entries(&self) -> usize {
        (2 * self.window[0] - 1) * (2 * self.window[1] - 1)
    }

    /// Tokens of the map.
    pub fn tokens(&self) -> usize {
        self.height * self.width
    }

    /// Windows down and across.
    pub fn counts(&self) -> [usize; 2] {
        [
            self.height.div_ceil(self.window[0]),
            self.width.div_ceil(self.window[1]),
        ]
    }

    /// Height and width of the map padded to whole windows.
    pub fn padded(&self) -> [usize; 2] {
        let counts = self.counts();
        [0, 1].map(|axis| counts[axis] * self.window[axis])
    }

    /// Whether the map is padded: its windows also hold tokens whose normalized input is zero, so
    /// that their query, key and value are the biases of the projection.
    pub fn pads(&self) -> bool {
        self.padded() != [self.height, self.width]
    }

    /// The token of the map at row `y` and column `x` of the rolled and padded map, if one is there.
    pub fn token(&self, [y, x]: [usize; 2]) -> Option<usize> {
        let extents = [self.height, self.width];
        let [row, column] = [y, x];
        let place = |axis: usize, at: usize| {
            let from = (at + self.shift[axis]) % self.roll[axis];
            (at < self.roll[axis] && from < extents[axis]).then_some(from)
        };
        Some(place(0, row)? * self.width + place(1, column)?)
    }
}
