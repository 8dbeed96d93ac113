//! What the process has of the driver: the device, handles, and the error that sticks.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use super::attributes::Limits;
use super::event::Event;
use super::function::Loaded;
use super::graph::Node;
use super::result::{self, Code};
use super::stream::Stream;
use super::{Handle, module::Image};
use crate::Device;

/// The handle of the only context.
pub(super) const CONTEXT: Handle = 0x1000;

static INITIALIZED: AtomicBool = AtomicBool::new(false);
static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);

thread_local! {
    static CURRENT: Cell<Handle> = const { Cell::new(0) };
}

/// Objects by their handles.
#[derive(Debug)]
pub(super) struct Table<T> {
    next: Handle,
    all: HashMap<Handle, T>,
}

impl<T> Table<T> {
    fn from(first: Handle) -> Self {
        Self {
            next: first,
            all: HashMap::new(),
        }
    }

    pub(super) fn insert(&mut self, value: T) -> Handle {
        self.next += 16;
        self.all.insert(self.next, value);
        self.next
    }

    pub(super) fn get(&mut self, handle: Handle) -> Result<&mut T, Code> {
        self.all.get_mut(&handle).ok_or(result::INVALID_HANDLE)
    }

    pub(super) fn remove(&mut self, handle: Handle) -> Result<T, Code> {
        self.all.remove(&handle).ok_or(result::INVALID_HANDLE)
    }

    pub(super) fn values(&mut self) -> impl Iterator<Item = &mut T> {
        self.all.values_mut()
    }
}

/// Everything that handles lead to.
#[derive(Debug)]
pub(super) struct State {
    /// How often the primary context is retained.
    pub(super) retained: u32,
    pub(super) device: Arc<Device>,
    pub(super) limits: Limits,
    /// The code that every call gives since a kernel failed.
    sticky: Code,
    /// The allocation and the launch that are to fail, counted from 1.
    failing: (Option<u64>, Option<u64>),
    /// The kernel whose modules are refused, and how many of them still are.
    refused: Option<(String, u64)>,
    counted: (u64, u64),
    pub(super) modules: Table<Image>,
    pub(super) functions: Table<Loaded>,
    pub(super) streams: Table<Stream>,
    pub(super) events: Table<Event>,
    pub(super) graphs: Table<Arc<Vec<Node>>>,
    pub(super) pinned: HashMap<Handle, Box<[u128]>>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            retained: 0,
            device: Arc::default(),
            limits: Limits::new(80),
            sticky: result::SUCCESS,
            failing: (None, None),
            refused: None,
            counted: (0, 0),
            modules: Table::from(0x2_0000),
            functions: Table::from(0x3000_0000),
            streams: Table::from(0x4000_0000),
            events: Table::from(0x5000_0000),
            graphs: Table::from(0x6000_0000),
            pinned: HashMap::new(),
        }
    }
}

impl State {
    /// Makes the device by the environment, when the first context is retained.
    pub(super) fn open(&mut self) {
        let variable = |name: &str| std::env::var(format!("INTFORMER_CUDA_EMULATOR_{name}"));
        let check = variable("CHECK").is_ok_and(|check| check == "global");
        let fail = variable("FAIL").unwrap_or_default();
        let word = |what: &str| {
            let mut parts = fail.split(',').filter_map(|part| part.split_once(':'));
            parts.find(|(name, _)| *name == what).map(|(_, word)| word)
        };
        let number = |what: &str| word(what)?.parse().ok();
        *self = Self {
            device: Arc::new(self.device.successor(check)),
            limits: Limits::from_environment(),
            failing: (number("alloc"), number("launch")),
            refused: word("kernel").map(|word| match word.split_once('*') {
                Some((kernel, count)) => (kernel.to_owned(), count.parse().unwrap_or(0)),
                None => (word.to_owned(), u64::MAX),
            }),
            ..Self::default()
        };
    }

    /// Counts an allocation, which may be one that is to fail.
    pub(super) fn count_allocation(&mut self) -> Result<(), Code> {
        self.counted.0 += 1;
        if self.failing.0 == Some(self.counted.0) {
            return Err(result::OUT_OF_MEMORY);
        }
        Ok(())
    }

    /// Whether the module of this text is one to refuse.
    pub(super) fn refuses(&mut self, ptx: &str) -> bool {
        let Some((kernel, left)) = &mut self.refused else {
            return false;
        };
        let refuses = *left > 0 && ptx.contains(&format!(".entry {kernel}("));
        *left -= u64::from(refuses);
        refuses
    }

    /// Counts a launch, which may be one that is to fail.
    pub(super) fn count_launch(&mut self) -> Result<(), Code> {
        self.counted.1 += 1;
        if self.failing.1 == Some(self.counted.1) {
            return Err(self.stick(result::LAUNCH_FAILED));
        }
        Ok(())
    }

    /// From now on every call fails, as on a card whose kernel failed.
    pub(super) fn stick(&mut self, code: Code) -> Code {
        self.sticky = code;
        code
    }
}

/// The driver is used from now on.
pub(super) fn initialize() {
    INITIALIZED.store(true, Relaxed);
}

/// The state, if the driver is in use.
pub(super) fn initialized() -> Result<MutexGuard<'static, State>, Code> {
    if !INITIALIZED.load(Relaxed) {
        return Err(result::NOT_INITIALIZED);
    }
    Ok(STATE.lock().unwrap_or_else(|e| e.into_inner()))
}

/// The state, if this thread has a context in which nothing has failed.
pub(super) fn state() -> Result<MutexGuard<'static, State>, Code> {
    let state = initialized()?;
    if current() != CONTEXT || state.retained == 0 {
        return Err(result::INVALID_CONTEXT);
    }
    match state.sticky {
        result::SUCCESS => Ok(state),
        code => Err(code),
    }
}

/// The context of this thread.
pub(super) fn current() -> Handle {
    CURRENT.get()
}

/// Changes the context of this thread.
pub(super) fn set_current(context: Handle) {
    CURRENT.set(context);
}

/// Writes the statistics to the file that the environment names, if it names one.
pub(super) fn write_statistics(device: &Device) {
    let Ok(path) = std::env::var("INTFORMER_CUDA_EMULATOR_STATISTICS") else {
        return;
    };
    if let Err(error) = std::fs::write(&path, crate::table(&device.statistics())) {
        eprintln!("cuda-emulator: cannot write the statistics to {path}: {error}");
    }
}
