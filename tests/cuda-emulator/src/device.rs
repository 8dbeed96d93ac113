//! A device: its memory, its modules and its launches, without the C interface.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use crate::machine::{Fault, Global, Kind, Launch, Spare};
use crate::memory::{self, Memory};
use crate::program::{Program, decode};
use crate::ptx::{self, Space};
use crate::statistics::Statistics;

/// How much memory a device says it has: enough for the models here, and less than machines that run
/// tests have.
const TOTAL: u64 = 1 << 30;

/// What is launched how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Blocks by axis.
    pub blocks: [u32; 3],
    /// Threads of a block by axis.
    pub threads: [u32; 3],
    /// Dynamic shared memory of a block in bytes.
    pub shared: u32,
}

impl Grid {
    /// A grid of one axis.
    pub fn new(blocks: u32, threads: u32, shared: u32) -> Self {
        Self {
            blocks: [blocks, 1, 1],
            threads: [threads, 1, 1],
            shared,
        }
    }
}

/// A kernel of a module.
#[derive(Clone, Debug)]
pub struct Function {
    program: Arc<Program>,
    spare: Arc<Spare>,
}

impl Function {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.program.name
    }

    /// The most threads of a block.
    pub fn max_threads(&self) -> u32 {
        self.program.max_threads
    }

    /// Shared memory that it declares, in bytes.
    pub fn static_shared(&self) -> u32 {
        self.program.static_shared
    }

    /// Local memory of a thread, in bytes.
    pub fn local(&self) -> u32 {
        self.program.local
    }

    /// Where each argument starts in the parameters, and its size, in bytes.
    pub fn parameters(&self) -> Vec<(u32, u32)> {
        let parameters = self.program.parameters.iter();
        parameters.map(|p| (p.offset, p.size)).collect()
    }
}

/// A module that was loaded.
#[derive(Clone, Debug)]
pub struct Module {
    functions: HashMap<String, Function>,
    variables: HashMap<String, (u64, u64)>,
    /// The compute capability that it was compiled for, 80 for 8.0.
    pub target: u32,
    /// Its PTX version, 87 for 8.7.
    pub version: u32,
}

impl Module {
    /// The kernel `name`.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.get(name)
    }

    /// The address and size of the variable `name`.
    pub fn variable(&self, name: &str) -> Option<(u64, u64)> {
        self.variables.get(name).copied()
    }
}

/// An emulated device.
#[derive(Debug)]
pub struct Device {
    memory: Mutex<Memory>,
    statistics: Mutex<BTreeMap<String, Statistics>>,
    launches: AtomicU32,
    check_global: bool,
}

impl Default for Device {
    fn default() -> Self {
        Self::new(false)
    }
}

impl Device {
    /// A device, which also looks for races between blocks in global memory if `check_global`.
    pub fn new(check_global: bool) -> Self {
        Self {
            memory: Mutex::new(Memory::new(TOTAL)),
            statistics: Mutex::default(),
            launches: AtomicU32::new(0),
            check_global,
        }
    }

    /// A new device that goes on counting where this one is.
    pub(crate) fn successor(&self, check_global: bool) -> Self {
        Self {
            statistics: Mutex::new(self.statistics()),
            ..Self::new(check_global)
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// Free and total memory in bytes.
    pub fn memory_info(&self) -> (u64, u64) {
        self.memory().info()
    }

    /// Allocates `size` bytes, all of them `0xcd`. None if there is not so much memory.
    pub fn allocate(&self, size: u64) -> Option<u64> {
        self.memory().allocate(size)
    }

    /// Frees an allocation by its first address. Whether there was one.
    pub fn free(&self, address: u64) -> bool {
        self.memory().free(address)
    }

    /// Runs `f` on the allocation that holds `length` bytes at `address`.
    fn within<T>(
        &self,
        address: u64,
        length: u64,
        f: impl FnOnce(&memory::Allocation) -> T,
    ) -> Result<T, String> {
        let list = self.memory().snapshot();
        memory::find(&list, address, length)
            .map(f)
            .ok_or_else(|| format!("no allocation holds {length} bytes at {address:#x}"))
    }

    /// Copies bytes to the device.
    pub fn write(&self, address: u64, bytes: &[u8]) -> Result<(), String> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.within(address, bytes.len() as u64, |a| a.write(address, bytes))
    }

    /// Copies bytes from the device.
    pub fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), String> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.within(address, bytes.len() as u64, |a| a.read(address, bytes))
    }

    /// Loads a module from PTX text; an error names the line.
    pub fn load(&self, text: &str) -> Result<Module, String> {
        let source = ptx::parse(text)?;
        let mut symbols = HashMap::new();
        let mut variables = HashMap::new();
        for variable in &source.variables {
            if !matches!(variable.space, Space::Global | Space::Const) {
                continue;
            }
            let size = u64::from(variable.size);
            let name = &variable.name;
            let address = (self.allocate(size))
                .ok_or_else(|| format!("there is no memory for the {size} bytes of {name}"))?;
            let mut bytes = variable.bytes.clone();
            bytes.resize(variable.size as usize, 0);
            self.write(address, &bytes)?;
            symbols.insert(name.clone(), address);
            variables.insert(name.clone(), (address, size));
        }
        let shared = (source.variables.iter()).filter(|v| v.space == Space::Shared);
        let shared: Vec<_> = shared.collect();
        let mut functions = HashMap::new();
        for kernel in &source.kernels {
            let program = decode(kernel, &shared, &symbols)
                .map_err(|e| format!("kernel {}: {e}", kernel.name))?;
            let function = Function {
                program: Arc::new(program),
                spare: Arc::default(),
            };
            functions.insert(kernel.name.clone(), function);
        }
        Ok(Module {
            functions,
            variables,
            target: source.target,
            version: source.version,
        })
    }

    /// Frees the variables of a module.
    pub fn unload(&self, module: &Module) {
        for (address, _) in module.variables.values() {
            self.free(*address);
        }
    }

    /// Runs a kernel to its end; `parameters` are its arguments as [`Function::parameters`] lays them
    /// out.
    pub fn launch(
        &self,
        function: &Function,
        grid: Grid,
        parameters: &[u8],
    ) -> Result<Statistics, Fault> {
        let program = &*function.program;
        let expected = program.parameter_bytes as usize;
        if parameters.len() != expected {
            let (name, found) = (&program.name, parameters.len());
            return Err(Fault {
                kind: Kind::Configuration,
                message: format!(
                    "kernel {name}: expected {expected} bytes of parameters, found {found}"
                ),
            });
        }
        let launch = Launch {
            program,
            number: 1 + self.launches.fetch_add(1, Relaxed) % 0x00ff_ffff,
            spare: &function.spare,
            blocks: grid.blocks,
            threads: grid.threads,
            dynamic_shared: grid.shared,
            parameters: parameters.to_vec(),
            memory: self.memory().snapshot(),
            global: self.check_global.then(|| Mutex::new(Global::default())),
        };
        let start = Instant::now();
        let mut statistics = launch.run()?;
        statistics.launches = 1;
        statistics.nanoseconds = start.elapsed().as_nanos() as u64;
        let mut all = self.statistics.lock().unwrap_or_else(|e| e.into_inner());
        all.entry(program.name.clone())
            .or_default()
            .add(&statistics);
        Ok(statistics)
    }

    /// What all launches did, by kernel name.
    pub fn statistics(&self) -> BTreeMap<String, Statistics> {
        let all = self.statistics.lock().unwrap_or_else(|e| e.into_inner());
        all.clone()
    }
}
