//! What a run takes and gives.

use crate::{
    Error, Result,
    plan::{InputKind, OutputKind, Program, ProgramPort},
};

/// Items that are run at once, one after the other in memory.
///
/// # Examples
///
/// ```
/// use intformer::runtime::Batch;
///
/// let pixels = vec![0; 3 * 32 * 32];
/// let batch = Batch::images(&pixels, 3);
/// assert_eq!(batch.part(1..3).items(), 2);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    items: usize,
    pixels: &'a [u8],
}

impl<'a> Batch<'a> {
    /// `items` images of equal size.
    pub fn images(pixels: &'a [u8], items: usize) -> Self {
        Self { items, pixels }
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.items
    }

    /// Some of the items.
    ///
    /// # Panics
    /// If there are fewer.
    #[must_use]
    pub fn part(&self, items: std::ops::Range<usize>) -> Self {
        let bytes = self.pixels.len() / self.items.max(1);
        Self {
            items: items.len(),
            pixels: &self.pixels[bytes * items.start..bytes * items.end],
        }
    }

    /// What an input of a program takes of it.
    ///
    /// # Errors
    /// [`Error::Image`] if these are no images of the program's size, or none at all.
    pub(super) fn bytes(&self, port: &ProgramPort<InputKind>) -> Result<&'a [u8]> {
        let Self { items, pixels } = *self;
        let each = port.elements();
        if items == 0 || Some(pixels.len()) != items.checked_mul(each) {
            return Err(Error::Image(format!(
                "expected {items} images (at least 1) of {each} bytes, found {} bytes",
                pixels.len()
            )));
        }
        Ok(pixels)
    }
}

/// What a run gives: a value for each output of the program, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs(pub Vec<Values>);

/// The value of one output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// What it is.
    pub kind: OutputKind,
    /// Integers of one item.
    pub each: usize,
    /// `[items, each]`.
    pub data: Vec<i32>,
}

impl Outputs {
    /// The value of the first output of this kind.
    pub fn get(&self, kind: OutputKind) -> Option<&Values> {
        self.0.iter().find(|values| values.kind == kind)
    }

    /// The integers of the first output, `[items, each]`: of a model with one, all there is.
    pub fn first(&self) -> &[i32] {
        self.0.first().map_or(&[], |values| &values.data)
    }

    /// [`Outputs::first`], taken out.
    pub fn into_first(self) -> Vec<i32> {
        let first = self.0.into_iter().next();
        first.map_or_else(Vec::new, |values| values.data)
    }

    /// The outputs of the items of `self`, then those of `other`, which are of the same program.
    pub fn extend(&mut self, other: Self) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        for (all, more) in self.0.iter_mut().zip(other.0) {
            all.data.extend(more.data);
        }
    }
}

impl Program {
    /// Checks that `batch` is what the program takes.
    ///
    /// # Errors
    /// [`Error::Image`] if it is not.
    pub(super) fn check(&self, batch: &Batch) -> Result<()> {
        self.inputs
            .iter()
            .try_for_each(|port| batch.bytes(port).map(drop))
    }

    /// Puts `batch` in its place in `arena`, which has room for so many items.
    ///
    /// # Errors
    /// [`Error::Image`] if it is not what the program takes.
    pub fn place(&self, batch: &Batch, arena: &mut [u32]) -> Result<()> {
        for port in &self.inputs {
            let bytes = batch.bytes(port)?;
            let region = port.region;
            let words = &mut arena[region.offset * batch.items..][..region.words * batch.items];
            pack(port, bytes, words);
        }
        Ok(())
    }

    /// The outputs, whose words `words` gives.
    pub(super) fn unpack<'a>(
        &self,
        mut words: impl FnMut(&ProgramPort<OutputKind>) -> &'a [u32],
    ) -> Outputs {
        let values = self.outputs.iter().map(|port| {
            let words = words(port);
            let stride = port.region.words / port.rows;
            let mut data = Vec::with_capacity(words.len() / stride * port.cols);
            for row in words.chunks(stride) {
                data.extend(row[..port.cols].iter().map(|&word| word as i32));
            }
            Values {
                kind: port.kind,
                each: port.elements(),
                data,
            }
        });
        Outputs(values.collect())
    }

    /// The outputs out of the arena of `items`.
    pub(super) fn outputs_in(&self, arena: &[u32], items: usize) -> Outputs {
        self.unpack(|port| port.region.of(arena, items))
    }
}

/// `bytes` of images, each padded to the words of the input; what pads them stays as it was.
pub(super) fn pack(port: &ProgramPort<InputKind>, bytes: &[u8], words: &mut [u32]) {
    let rows = words.chunks_mut(port.region.words);
    for (row, image) in rows.zip(bytes.chunks(port.elements())) {
        bytemuck::cast_slice_mut(row)[..image.len()].copy_from_slice(image);
    }
}
