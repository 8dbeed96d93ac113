//! One device for a test binary, random data, and the comparison of a kernel with its twin.

use std::cell::RefCell;
use std::ops::RangeInclusive;
use std::sync::{Mutex, OnceLock, PoisonError};

use intformer::runtime::cpu::Kernels;
use intformer::runtime::wgpu::{AdapterChoice, Gpu, Options};
use intformer_shaders::{Dispatch, Shader};
use intformer_tests::synthetic::Random;

thread_local! {
    /// The kernels of the CPU executor, whose room is used again by every case.
    static CPU: RefCell<Kernels> = RefCell::default();
}

/// Options with the adapter that `INTFORMER_ADAPTER` names, if it does.
pub fn options() -> Options {
    let name = std::env::var("INTFORMER_ADAPTER");
    Options {
        adapter: name.map_or_else(|_| AdapterChoice::Any, AdapterChoice::Named),
        ..Options::default()
    }
}

/// The device, or `None` where there is no adapter and that is allowed.
pub fn gpu() -> Option<&'static Mutex<Gpu>> {
    static GPU: OnceLock<Option<Mutex<Gpu>>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| match Gpu::open_blocking(&options()) {
        Ok(gpu) => {
            eprintln!("kernels run on {}", gpu.describe());
            Some(Mutex::new(gpu))
        }
        Err(error) if std::env::var_os("INTFORMER_ALLOW_NO_ADAPTER").is_some() => {
            eprintln!("NOT RUN: no kernel was tested: {error}");
            None
        }
        Err(error) => panic!(
            "no kernel can be tested: {error} (install mesa-vulkan-drivers for a software \
                 adapter, or set INTFORMER_ALLOW_NO_ADAPTER to pass without testing)"
        ),
    });
    gpu.as_ref()
}

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

    /// Four bytes of -127 to 127.
    pub fn int8(&mut self) -> u32 {
        u32::from_le_bytes([(); 4].map(|()| self.int(-127, 127) as u8))
    }

    /// Any word, or two ends of the int16 range.
    pub fn word(&mut self) -> u32 {
        let mut half = || self.int(-32768, 32767) as u32 & 0xffff;
        half() | half() << 16
    }

    /// A packed multiplier and shift.
    pub fn scale(&mut self, shifts: RangeInclusive<i64>) -> u32 {
        let multiplier = self.int(0, 65535) as u32;
        multiplier | (self.int(*shifts.start(), *shifts.end()) as u32) << 16
    }
}

/// The buffers of a dispatch under construction; offsets are multiples of 4 words, with unused
/// words between that nothing may write.
pub struct Case {
    /// Source of values.
    pub data: Data,
    weights: Vec<u32>,
    arena: Vec<u32>,
    scratch: std::ops::Range<usize>,
}

impl Case {
    /// Empty buffers.
    pub fn new(data: Data) -> Self {
        Self {
            data,
            weights: vec![0xdead_beef; 4],
            arena: vec![0xdead_beef; 4],
            scratch: 0..0,
        }
    }

    /// The epsilon of a norm: small ones are the usual case, any below 2^31 is allowed.
    pub fn epsilon(&mut self) -> u32 {
        let bits = self.data.int(0, 31);
        self.data.int(0, (1 << bits) - 1) as u32
    }

    /// Weights made by `value`, which gets the index; returns their offset.
    pub fn weights_with(
        &mut self,
        words: u32,
        mut value: impl FnMut(&mut Data, u32) -> u32,
    ) -> u32 {
        let data = &mut self.data;
        append(&mut self.weights, words, |i| value(data, i))
    }

    /// int8 weights.
    pub fn weights_int8(&mut self, words: u32) -> u32 {
        self.weights_with(words, |data, _| data.int8())
    }

    /// Arena words of any content.
    pub fn arena_any(&mut self, words: u32) -> u32 {
        let data = &mut self.data;
        append(&mut self.arena, words, |_| data.word())
    }

    /// Arena words made by `value`, which gets the index; returns their offset.
    pub fn arena_with(&mut self, words: u32, value: impl FnMut(u32) -> u32) -> u32 {
        append(&mut self.arena, words, value)
    }

    /// Arena words of int8 values.
    pub fn arena_int8(&mut self, words: u32) -> u32 {
        let data = &mut self.data;
        append(&mut self.arena, words, |_| data.int8())
    }

    /// Arena words whose content after the dispatch does not matter.
    pub fn scratch(&mut self, words: u32) -> u32 {
        let offset = self.arena_any(words);
        self.scratch = offset as usize..(offset + words) as usize;
        offset
    }
}

impl Case {
    /// Fails if `found` is not the arena that the twin made of `start`.
    fn compare(&self, kernel: &str, found: &[u32], start: &[u32], dispatch: &Dispatch) {
        let differs = |at: &usize| found[*at] != self.arena[*at] && !self.scratch.contains(at);
        let different: Vec<usize> = (0..start.len()).filter(differs).collect();
        if let Some(&first) = different.first() {
            panic!(
                "{kernel}: {} words differ, the first at {first}: twin {:08x}, found {:08x}, \
                 before {:08x}; {dispatch:?}",
                different.len(),
                self.arena[first],
                found[first],
                start[first],
            );
        }
    }
}

fn append(buffer: &mut Vec<u32>, words: u32, value: impl FnMut(u32) -> u32) -> u32 {
    let offset = buffer.len();
    buffer.extend((0..words).map(value));
    buffer.resize(buffer.len().next_multiple_of(4) + 4, 0xdead_beef);
    offset as u32
}

/// Runs the CPU kernel and every variant that fits and compares the whole arena with the twin's.
pub fn check(mut case: Case, dispatch: Dispatch) {
    let start = case.arena.clone();
    dispatch.run_twin(&case.weights, &mut case.arena);
    let mut found = start.clone();
    CPU.with_borrow_mut(|cpu| cpu.run(&dispatch, &case.weights, &mut found));
    case.compare("cpu", &found, &start, &dispatch);
    let Some(gpu) = gpu() else { return };
    let gpu = gpu.lock().unwrap_or_else(PoisonError::into_inner);
    let mut fitting = 0;
    for shader in Shader::of(dispatch.name()) {
        if !shader.fits(&dispatch) || !gpu.supports(shader) {
            continue;
        }
        fitting += 1;
        let found = gpu
            .run_once_blocking(shader, &dispatch, &case.weights, &start)
            .unwrap_or_else(|error| panic!("{error}"));
        case.compare(&shader.label(), &found, &start, &dispatch);
    }
    assert!(fitting > 0, "no variant fits {dispatch:?}");
}
