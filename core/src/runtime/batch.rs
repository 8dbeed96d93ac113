//! What a run takes and gives.

use std::ops::Range;

use crate::{
    Error, Result,
    plan::{Counts, Entry, Format, InputKind, OutputKind, Program, ProgramPort, Room},
};

pub use crate::input::Token;

/// Items that are run at once, one after the other in memory.
///
/// # Examples
///
/// ```
/// use intformer::runtime::{Batch, Token};
///
/// let pixels = vec![0; 3 * 32 * 32];
/// let batch = Batch::images(&pixels, 3);
/// assert_eq!(batch.part(1..3).counts().items, 2);
///
/// // Two texts of any length, one after the other: where each begins, and the end.
/// let tokens = [101, 7592, 102, 101, 2088, 999, 102].map(|id| Token { id, segment: 0 });
/// let batch = Batch::texts(&tokens, &[0, 3, 7]);
/// assert_eq!(batch.part(1..2).counts().tokens, 4);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    items: Items<'a>,
    /// The plan that it is for, among those of the program.
    entry: usize,
}

#[derive(Clone, Copy, Debug)]
enum Items<'a> {
    Images {
        items: usize,
        pixels: &'a [u8],
    },
    Texts {
        tokens: &'a [Token],
        starts: &'a [usize],
    },
}

impl<'a> Batch<'a> {
    /// `items` images of equal size.
    pub fn images(pixels: &'a [u8], items: usize) -> Self {
        Self {
            items: Items::Images { items, pixels },
            entry: 0,
        }
    }

    /// Texts of any lengths: the text `i` has the tokens from `starts[i]` to `starts[i + 1]`, so there is
    /// one start more than there are texts. What lies before the first and after the last is left out.
    pub fn texts(tokens: &'a [Token], starts: &'a [usize]) -> Self {
        Self {
            items: Items::Texts { tokens, starts },
            entry: 0,
        }
    }

    /// The same for another plan than the main one: for the one that [`Program::find`] found.
    #[must_use]
    pub fn at(self, entry: usize) -> Self {
        Self { entry, ..self }
    }

    /// Which plan it is for.
    pub(super) fn entry(&self) -> usize {
        self.entry
    }

    /// How many items and tokens there are.
    pub fn counts(&self) -> Counts {
        match self.items {
            Items::Images { items, .. } => Counts::of_items(items),
            Items::Texts { starts, .. } => Counts {
                items: starts.len().saturating_sub(1),
                tokens: match starts {
                    [first, .., last] => last.saturating_sub(*first),
                    _ => 0,
                },
            },
        }
    }

    /// Some of the items; of texts none, if there are fewer.
    ///
    /// # Panics
    /// If there are fewer images.
    #[must_use]
    pub fn part(&self, part: Range<usize>) -> Self {
        let items = match self.items {
            Items::Images { items, pixels } => {
                let bytes = pixels.len() / items.max(1);
                Items::Images {
                    items: part.len(),
                    pixels: &pixels[bytes * part.start..bytes * part.end],
                }
            }
            Items::Texts { tokens, starts } => Items::Texts {
                tokens,
                starts: starts.get(part.start..=part.end).unwrap_or_default(),
            },
        };
        Self { items, ..*self }
    }

    /// The items in parts of at most `most` items and tokens, one after the other. An item that has more
    /// tokens is a part of its own: that it does not fit is for an executor to say.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn parts(&self, items: Range<usize>, most: Counts) -> Vec<Range<usize>> {
        match self.items {
            Items::Images { .. } => equal_parts(items, most.items).collect(),
            Items::Texts { starts, .. } => {
                let mut parts: Vec<Range<usize>> = Vec::new();
                for item in items {
                    let end = starts[item + 1];
                    match parts.last_mut() {
                        Some(part)
                            if part.len() < most.items
                                && end - starts[part.start] <= most.tokens =>
                        {
                            part.end = item + 1;
                        }
                        _ => parts.push(item..item + 1),
                    }
                }
                parts
            }
        }
    }

    /// The items shared among `workers` as evenly as can be: a part for each, or for each item if those
    /// are fewer.
    #[cfg(not(target_family = "wasm"))]
    pub(super) fn shares(&self, workers: usize) -> Vec<Range<usize>> {
        let items = self.counts().items;
        let count = workers.min(items);
        let mut ends: Vec<usize> = (0..=count).map(|at| at * items / count.max(1)).collect();
        if let Items::Texts { starts, .. } = self.items {
            let tokens = self.counts().tokens;
            for at in 1..count {
                let even = starts[0] + at * tokens / count;
                let even = starts.partition_point(|&start| start < even);
                // One item each, at least.
                ends[at] = even.clamp(ends[at - 1] + 1, items - (count - at));
            }
        }
        ends.windows(2).map(|pair| pair[0]..pair[1]).collect()
    }

    /// The images that an input takes of it.
    fn pixels(&self, port: &ProgramPort<InputKind>) -> Result<&'a [u8]> {
        let Items::Images { items, pixels } = self.items else {
            return Err(Error::Image("expected images, found texts".to_owned()));
        };
        let each = port.elements();
        if items == 0 || Some(pixels.len()) != items.checked_mul(each) {
            return Err(Error::Image(format!(
                "expected {items} images (at least 1) of {each} bytes, found {} bytes",
                pixels.len()
            )));
        }
        Ok(pixels)
    }

    /// The texts, each with its tokens.
    ///
    /// # Errors
    /// [`Error::Text`] for images, for no texts, and for starts that are none.
    fn lines(&self) -> Result<impl Iterator<Item = &'a [Token]> + use<'a>> {
        let Items::Texts { tokens, starts } = self.items else {
            return Err(Error::Text("expected texts, found images".to_owned()));
        };
        if starts.len() < 2 {
            return Err(Error::Text(
                "expected at least 1 text, found none".to_owned(),
            ));
        }
        let mut pairs = starts.windows(2);
        if let Some(pair) = pairs.find(|pair| pair[0] >= pair[1] || pair[1] > tokens.len()) {
            return Err(Error::Text(format!(
                "expected each text to have tokens, of {} in all, found one from {} to {}",
                tokens.len(),
                pair[0],
                pair[1]
            )));
        }
        Ok(starts.windows(2).map(|pair| &tokens[pair[0]..pair[1]]))
    }
}

/// `items` in parts of nearly equal size and at most `most` items. If not one fits, that is for the
/// executor to say.
#[cfg(not(target_family = "wasm"))]
fn equal_parts(items: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let count = items.len().div_ceil(most.max(1)).max(1);
    let each = items.len().div_ceil(count).max(1);
    let end = items.end;
    items
        .step_by(each)
        .map(move |start| start..(start + each).min(end))
}

/// What a run gives: a value for each output of the program, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs(pub Vec<Values>);

/// The value of one output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// What it is.
    pub kind: OutputKind,
    /// Integers of one item, or of one token.
    pub each: usize,
    /// `[items, each]` or `[tokens, each]`.
    pub data: Vec<i32>,
}

impl Outputs {
    /// The value of the first output of this kind.
    pub fn get(&self, kind: OutputKind) -> Option<&Values> {
        self.0.iter().find(|values| values.kind == kind)
    }

    /// The integers of the first output, `[items, each]` or `[tokens, each]`: of a model with one, all there
    /// is.
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
    /// The plan that `batch` is for.
    ///
    /// # Errors
    /// [`Error::Run`] if there is none.
    pub(super) fn entry_of(&self, batch: &Batch) -> Result<&Entry> {
        self.entries.get(batch.entry).ok_or_else(|| {
            Error::Run(format!(
                "expected one of {} plans, found a batch for plan {}",
                self.entries.len(),
                batch.entry
            ))
        })
    }

    /// The plan that `batch` is for, which is what that takes.
    ///
    /// # Errors
    /// As [`Program::entry_of`], or [`Error::Image`] or [`Error::Text`] if the batch is something else.
    pub(super) fn check(&self, batch: &Batch) -> Result<&Entry> {
        let entry = self.entry_of(batch)?;
        for port in &entry.inputs {
            match port.kind {
                InputKind::Pixels => drop(batch.pixels(port)?),
                InputKind::Tokens(limits) => {
                    let mut lines = batch.lines()?.enumerate();
                    lines.try_for_each(|(item, line)| limits.check(item, line))?;
                }
                InputKind::Spans => drop(batch.lines()?),
            }
        }
        Ok(entry)
    }

    /// Puts `batch` in its place in `arena`, which has `room`.
    ///
    /// # Errors
    /// [`Error::Image`], [`Error::Text`] or [`Error::Run`] if the batch is not what the program takes.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn place(&self, batch: &Batch, room: Room, arena: &mut [u32]) -> Result<()> {
        let entry = self.check(batch)?;
        assert!(batch.counts().fits(room.capacity), "no room");
        for port in &entry.inputs {
            let words = &mut arena[room.range(port.region, batch.counts())];
            port.pack(batch, words)?;
        }
        Ok(())
    }
}

impl ProgramPort<InputKind> {
    /// The words of an input, which `batch` gives and `words` has room for; what pads them stays as it was.
    ///
    /// # Errors
    /// [`Error::Image`] or [`Error::Text`] if the batch is not what the input takes.
    pub(super) fn pack(&self, batch: &Batch, words: &mut [u32]) -> Result<()> {
        let mut rows = words.chunks_mut(self.region.words);
        match self.kind {
            InputKind::Pixels => {
                for (row, image) in rows.zip(batch.pixels(self)?.chunks(self.elements())) {
                    bytemuck::cast_slice_mut(row)[..image.len()].copy_from_slice(image);
                }
            }
            InputKind::Tokens(_) => {
                for (item, line) in batch.lines()?.enumerate() {
                    for ((position, token), row) in line.iter().enumerate().zip(&mut rows) {
                        row.copy_from_slice(&[
                            token.id,
                            position as u32,
                            token.segment,
                            item as u32,
                        ]);
                    }
                }
            }
            InputKind::Spans => {
                let mut first = 0;
                for (line, row) in batch.lines()?.zip(rows) {
                    row.copy_from_slice(&[first, line.len() as u32, 0, 0]);
                    first += line.len() as u32;
                }
            }
        }
        Ok(())
    }

    /// The bytes of an input, if they are those of `batch` as they stand there.
    #[cfg(feature = "wgpu")]
    pub(super) fn unpadded<'a>(&self, batch: &Batch<'a>) -> Option<&'a [u8]> {
        let fills = self.kind == InputKind::Pixels && self.elements() == 4 * self.region.words;
        fills.then(|| batch.pixels(self).ok()).flatten()
    }
}

impl Entry {
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
                match port.format {
                    Format::Int16 => {
                        let halves: &[i16] = bytemuck::cast_slice(row);
                        data.extend(halves[..port.cols].iter().copied().map(i32::from));
                    }
                    _ => data.extend(row[..port.cols].iter().map(|&word| word as i32)),
                }
            }
            Values {
                kind: port.kind,
                each: port.elements(),
                data,
            }
        });
        Outputs(values.collect())
    }

    /// The outputs of a batch of `live` out of its arena.
    pub(super) fn outputs_in(&self, arena: &[u32], room: Room, live: Counts) -> Outputs {
        self.unpack(|port| &arena[room.range(port.region, live)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_worker_gets_a_share() {
        for (items, workers) in (0..40).flat_map(|items| (1..40).map(move |n| (items, n))) {
            let shares = Batch::images(&[], items).shares(workers);
            assert_eq!(shares.len(), items.min(workers));
            let all: Vec<usize> = shares.iter().cloned().flatten().collect();
            assert!(all.into_iter().eq(0..items));
            let sizes = || shares.iter().map(Range::len);
            assert!(sizes().max() <= sizes().min().map(|least| least + 1));
            assert_ne!(sizes().min(), Some(0));
        }
    }

    #[test]
    fn texts_are_shared_by_their_tokens() {
        let tokens = [Token::default(); 100];
        let starts = [0, 60, 70, 80, 90, 100];
        let batch = Batch::texts(&tokens, &starts);
        assert_eq!(batch.shares(2), [0..1, 1..5]);
        assert_eq!(batch.shares(9), [0..1, 1..2, 2..3, 3..4, 4..5]);
        // One that is longer than all else still leaves an item for each.
        let batch = Batch::texts(&tokens, &[0, 10, 100]);
        assert_eq!(batch.shares(2), [0..1, 1..2]);
    }

    #[test]
    fn parts_are_small_enough_and_of_nearly_equal_size() {
        let parts = |most| Batch::images(&[], 67).parts(3..67, Counts::of_items(most));
        let sizes = |most| {
            let parts = parts(most);
            assert_eq!((parts[0].start, parts[parts.len() - 1].end), (3, 67));
            assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
            parts.iter().map(Range::len).collect::<Vec<_>>()
        };
        assert_eq!(sizes(64), [64]);
        assert_eq!(sizes(1000), [64]);
        assert_eq!(sizes(60), [32, 32]);
        assert_eq!(sizes(10), [10, 10, 10, 10, 10, 10, 4]);
        assert_eq!(sizes(0).len(), 64);
        assert_eq!(equal_parts(3..3, 8).count(), 0);
    }

    #[test]
    fn texts_are_cut_where_items_or_tokens_are_too_many() {
        let tokens = [Token::default(); 100];
        let starts = [0, 10, 20, 80, 81, 82, 83, 100];
        let parts = |items, tokens_at_once| {
            let most = Counts {
                items,
                tokens: tokens_at_once,
            };
            Batch::texts(&tokens, &starts).parts(0..7, most)
        };
        assert_eq!(parts(64, 99), [0..6, 6..7]);
        assert_eq!(parts(64, 25), [0..2, 2..3, 3..7]);
        assert_eq!(parts(2, 100), [0..2, 2..4, 4..6, 6..7]);
        assert_eq!(parts(0, 0).len(), 7);
    }
}
