//! Launches.

use std::ffi::{c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::graph::Node;
use super::result::{INVALID_VALUE, LAUNCH_FAILED, NOT_SUPPORTED, code};
use super::state::state;
use super::stream::submit;
use super::{Code, Handle, export};
use crate::machine::{Kind, fits};
use crate::{Function, Grid};

/// A launch with its arguments.
#[derive(Clone, Debug)]
pub(super) struct Call {
    function: Function,
    grid: Grid,
    parameters: Vec<u8>,
}

impl Call {
    /// Runs the kernel. A fault is told on standard error, and sticks unless it is the caller's.
    pub(super) fn run(&self) -> Result<(), Code> {
        let device = {
            let mut state = state()?;
            state.count_launch()?;
            state.device.clone()
        };
        let run = || device.launch(&self.function, self.grid, &self.parameters);
        let Ok(result) = catch_unwind(AssertUnwindSafe(run)) else {
            let name = self.function.name();
            eprintln!("cuda-emulator: kernel {name}: the emulator itself failed");
            return Err(state()?.stick(LAUNCH_FAILED));
        };
        result.map(drop).map_err(|fault| {
            eprintln!("cuda-emulator: {fault}");
            let code = code(fault.kind);
            match state() {
                Ok(mut state) if fault.kind != Kind::Configuration => state.stick(code),
                _ => code,
            }
        })
    }
}

/// Checks a launch and puts it on the stream.
///
/// # Safety
/// `arguments` leads to a pointer for each of the kernel's arguments.
unsafe fn launch(
    function: Handle,
    grid: Grid,
    stream: Handle,
    arguments: *mut *mut c_void,
    extra: *mut *mut c_void,
) -> Result<(), Code> {
    if !extra.is_null() {
        return Err(NOT_SUPPORTED);
    }
    let mut state = state()?;
    let loaded = state.functions.get(function)?.clone();
    drop(state);
    let function = loaded.function;
    let refuse = |message: String| {
        eprintln!("cuda-emulator: kernel {}: {message}", function.name());
        Err(INVALID_VALUE)
    };
    if grid.shared > loaded.max_dynamic {
        return refuse(format!(
            "{} bytes of dynamic shared memory are more than the {} that are allowed",
            grid.shared, loaded.max_dynamic
        ));
    }
    if let Err(message) = fits(grid.blocks, grid.threads) {
        return refuse(message);
    }
    let layout = function.parameters();
    let size = layout.last().map_or(0, |(offset, size)| offset + size);
    let mut parameters = vec![0; size as usize];
    if arguments.is_null() && size > 0 {
        return Err(INVALID_VALUE);
    }
    for (at, (offset, size)) in layout.into_iter().enumerate() {
        // SAFETY: there is a pointer for each argument, as the caller promises.
        let from = unsafe { *arguments.add(at) };
        if from.is_null() {
            return Err(INVALID_VALUE);
        }
        // SAFETY: it leads to a value of the argument's size, as the caller promises.
        let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), size as usize) };
        parameters[offset as usize..][..size as usize].copy_from_slice(bytes);
    }
    let call = Call {
        function,
        grid,
        parameters,
    };
    submit(stream, Node::Kernel(call))
}

/// `CUlaunchConfig`.
#[repr(C)]
pub struct LaunchConfig {
    blocks: [c_uint; 3],
    threads: [c_uint; 3],
    shared: c_uint,
    stream: Handle,
    attributes: *mut c_void,
    attribute_count: c_uint,
}

export! {
    fn cuLaunchKernel(
        function: Handle,
        blocks_x: c_uint,
        blocks_y: c_uint,
        blocks_z: c_uint,
        threads_x: c_uint,
        threads_y: c_uint,
        threads_z: c_uint,
        shared: c_uint,
        stream: Handle,
        arguments: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) {
        let grid = Grid {
            blocks: [blocks_x, blocks_y, blocks_z],
            threads: [threads_x, threads_y, threads_z],
            shared,
        };
        // SAFETY: the caller's arguments, as the driver API asks.
        unsafe { launch(function, grid, stream, arguments, extra) }
    }

    fn cuLaunchKernelEx(
        config: *const LaunchConfig,
        function: Handle,
        arguments: *mut *mut c_void,
        extra: *mut *mut c_void,
    ) {
        // SAFETY: the caller's configuration, as the driver API asks.
        let config = unsafe { config.as_ref() }.ok_or(INVALID_VALUE)?;
        let grid = Grid {
            blocks: config.blocks,
            threads: config.threads,
            shared: config.shared,
        };
        // Attributes allow kernels to overlap, which they never do here.
        let (_, _) = (config.attributes, config.attribute_count);
        // SAFETY: the caller's arguments, as the driver API asks.
        unsafe { launch(function, grid, config.stream, arguments, extra) }
    }
}
