//! Single dispatches of any operation over random data.

use std::ops::RangeInclusive;

use intformer_shaders::{
    Dispatch,
    declare::{Content, Kind, Region},
    op::{attention::LARGEST_WEIGHT, linear::epilogue},
};

use crate::synthetic::Random;

/// A stream of values of one kind.
#[derive(Clone, Debug)]
pub struct Data {
    random: Random,
    kind: u32,
}

impl Data {
    /// `kind` 0, 1: any values; 2: only the ends of a range; 3: one value over and over; 4: mostly
    /// zero.
    pub fn new(seed: u64, kind: u32) -> Self {
        let random = Random(seed);
        Self { random, kind }
    }

    /// A value of `low..=high`.
    pub fn int(&mut self, low: i64, high: i64) -> i64 {
        let next = self.random.bits();
        match self.kind {
            2 => [low, high, high][(next % 3) as usize],
            3 => low + (self.kind as i64 * 7919) % (high - low + 1),
            4 if !next.is_multiple_of(8) => 0i64.clamp(low, high),
            _ => low + (next >> 8) as i64 % (high - low + 1),
        }
    }

    /// A word of `content`, the word `at` of its place.
    pub fn content(&mut self, content: Content, at: usize) -> u32 {
        let bias = |data: &mut Self| data.int(-(1 << 29), 1 << 29) as u32;
        match content {
            Content::Any | Content::Exponentials => self.word(),
            Content::Softmax => {
                let mut half = || self.int(0, LARGEST_WEIGHT.into()) as u32;
                half() | half() << 16
            }
            Content::Int8 => self.bytes(-127),
            Content::Byte => self.bytes(-128),
            Content::Scale(low, high) => self.scale(low.into()..=high.into()),
            // Shifts below 10 end every weight but the largest; above 14 all weights are alike.
            Content::LogitScale => match self.int(0, 7) {
                0 => self.scale(15..=30),
                _ => self.scale(1..=14),
            },
            Content::BiasScale if at.is_multiple_of(2) => bias(self),
            Content::BiasScale => self.scale(1..=30),
            Content::Norm if at.is_multiple_of(2) => {
                let multiplier = self.int(-32767, 32767) as u32 & 0xffff;
                let [shift, exponent] = [self.int(1, 29), self.int(0, 3)];
                multiplier | (shift as u32) << 16 | (exponent as u32) << 24
            }
            Content::Norm => bias(self),
            // Mostly what models have; at times as far apart as a plan allows.
            Content::PositionBias => {
                let far = if self.int(0, 15) == 0 { 28 } else { 21 };
                self.int(-(1 << far), 1 << far) as u32
            }
            Content::Below(end) => self.int(0, i64::from(end) - 1) as u32,
            Content::Token(ends) => match ends.get(at % 4) {
                Some(&end) => self.int(0, i64::from(end) - 1) as u32,
                None => self.word(),
            },
            // How many there are follows from the first: see [`Case::new`].
            Content::Span(rows) if at % 4 < 2 => self.int(0, i64::from(rows) - 1) as u32,
            Content::Item(items) if at % 4 == 3 => self.int(0, i64::from(items) - 1) as u32,
            Content::Span(_) | Content::Item(_) => self.word(),
            Content::Float => (self.int(-1000, 1000) as f32 / 1000.0).to_bits(),
        }
    }

    /// Four bytes of `low` to 127.
    fn bytes(&mut self, low: i64) -> u32 {
        u32::from_le_bytes([(); 4].map(|()| self.int(low, 127) as u8))
    }

    /// Any word, or two ends of the int16 range.
    fn word(&mut self) -> u32 {
        let mut half = || self.int(-32768, 32767) as u32 & 0xffff;
        half() | half() << 16
    }

    /// A packed multiplier and shift.
    fn scale(&mut self, shifts: RangeInclusive<i64>) -> u32 {
        let multiplier = self.int(0, 65535) as u32;
        multiplier | (self.int(*shifts.start(), *shifts.end()) as u32) << 16
    }
}

/// A number from `low` to `high` that `bits` stands for, often one of these two.
pub fn drawn(bits: u64, low: u32, high: u32) -> u32 {
    match bits % 8 {
        0 => low,
        1 => high,
        _ => low + (bits / 8 % (u64::from(high - low) + 1)) as u32,
    }
}

/// What lies between places: also as the parameters of a channel, with a large exponent and a shift
/// of 0, it changes whatever takes it for some.
const UNUSED: u32 = 0x1f00_beef;

/// A dispatch with its buffers. Places are multiples of 4 words, with unused words between that nothing
/// may write.
#[derive(Clone)]
pub struct Case {
    /// The dispatch.
    pub dispatch: Dispatch,
    /// The weights.
    pub weights: Vec<u32>,
    /// The arena before the dispatch.
    pub arena: Vec<u32>,
}

impl Case {
    /// `dispatch` with its places filled from `data`.
    pub fn new(dispatch: Dispatch, mut data: Data) -> Self {
        let (mut weights, mut arena) = (vec![UNUSED; 4], vec![UNUSED; 4]);
        let dispatch = dispatch.placed(|region| {
            let buffer = if region.kind.is_arena() {
                &mut arena
            } else {
                &mut weights
            };
            let offset = buffer.len();
            buffer.extend((0..region.words as usize).map(|at| data.content(region.content, at)));
            if region.content == Content::Exponentials {
                if data.int(0, 3) == 0 {
                    buffer[offset..].fill(0x0101_0101);
                }
                buffer[offset] |= 0xff;
            }
            if region.content == Content::Softmax {
                if data.int(0, 3) == 0 {
                    buffer[offset..].fill(LARGEST_WEIGHT << 16 | LARGEST_WEIGHT);
                }
                buffer[offset] = buffer[offset] & 0xffff_0000 | LARGEST_WEIGHT;
            }
            if let Content::Span(rows) = region.content {
                for span in buffer[offset..].chunks_exact_mut(4) {
                    span[1] = 1 + span[1] % (rows - span[0]);
                }
            }
            buffer.resize(buffer.len().next_multiple_of(4) + 4, UNUSED);
            offset as u32
        });
        Self {
            dispatch,
            weights,
            arena,
        }
    }

    /// A dispatch of the operation `name` with extents from `draw`.
    pub fn drawn(name: &str, data: Data, draw: &mut dyn FnMut(u32, u32) -> u32) -> Self {
        let mut case = Self::new(Dispatch::example(name, draw), data);
        if draw(0, 1) == 1 {
            case.add_in_place();
        }
        case
    }

    /// A dispatch of any integer operation and any small extents.
    pub fn random(seed: u64) -> Self {
        let mut extents = Random(!seed);
        let mut draw = |low: u32, high: u32| drawn(extents.bits(), low, high);
        let data = Data::new(seed, draw(0, 4));
        let names = Dispatch::INTEGER;
        let name = names[draw(0, names.len() as u32 - 1) as usize];
        Self::drawn(name, data, &mut draw)
    }

    /// Adds the product to its output, if it is added to something.
    pub fn add_in_place(&mut self) {
        if let Dispatch::Linear(p) | Dispatch::NormLinear(p) = &mut self.dispatch
            && p.epilogue == epilogue::RESIDUAL
        {
            p.residual = p.out;
        }
    }

    /// Replaces the words at the place `field` by those that `word` makes of their index.
    ///
    /// # Panics
    /// If the dispatch does not use that place.
    pub fn put(&mut self, field: &str, word: impl FnMut(u32) -> u32) {
        let regions = self.dispatch.regions();
        let region = regions.iter().find(|region| region.field == field);
        let region = region.unwrap_or_else(|| panic!("no place {field}"));
        let buffer = if region.kind.is_arena() {
            &mut self.arena
        } else {
            &mut self.weights
        };
        let words = (0..region.words as u32).map(word);
        let place = region.offset as usize..;
        for (old, new) in buffer[place].iter_mut().zip(words) {
            *old = new;
        }
    }

    /// The words of `found` that are not those of the arena and matter.
    pub fn different(&self, found: &[u32]) -> Vec<usize> {
        let regions = self.dispatch.regions();
        let is_scratch = |region: &&Region| region.kind == Kind::Scratch;
        let scratch = regions.iter().find(is_scratch).map_or(0..0, |region| {
            let start = region.offset as usize;
            start..start + region.words as usize
        });
        let differs = |at: &usize| found[*at] != self.arena[*at] && !scratch.contains(at);
        (0..self.arena.len()).filter(differs).collect()
    }
}
