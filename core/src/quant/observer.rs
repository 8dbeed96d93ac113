//! The values that calibration sees.

/// Receives what the operations of a float model put out.
pub trait Observer {
    /// Takes the output of the operation `site` for one batch: row-major `[.., channels]`.
    ///
    /// A layer normalization is seen twice: before gain and shift under its site, after them under
    /// `{site}.out`.
    fn observe(&mut self, site: &str, channels: usize, values: &[f32]);
}
