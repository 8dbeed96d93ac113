//! Work that a stream does, at once or from a graph.

use std::ffi::{c_uint, c_ulonglong, c_void};
use std::sync::Arc;

use super::launch::Call;
use super::result::{ILLEGAL_ADDRESS, INVALID_VALUE};
use super::state::state;
use super::{Code, Handle, export, put};

/// A piece of work. Pointers of the host are kept as numbers, since a graph may run on any thread.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Kernel(Call),
    Upload {
        to: u64,
        from: Handle,
        size: usize,
    },
    Download {
        to: Handle,
        from: u64,
        size: usize,
    },
    Copy {
        to: u64,
        from: u64,
        size: usize,
    },
    Fill {
        to: u64,
        pattern: [u8; 4],
        size: usize,
    },
    Host {
        function: HostFunction,
        argument: Handle,
    },
}

/// A function of the host that a stream calls.
pub(super) type HostFunction = unsafe extern "C" fn(*mut c_void);

impl Node {
    /// Does the work.
    pub(super) fn run(&self) -> Result<(), Code> {
        let device = match self {
            Self::Kernel(call) => return call.run(),
            Self::Host { function, argument } => {
                // SAFETY: the function and argument were given for just this call.
                unsafe { function(*argument as *mut c_void) };
                return Ok(());
            }
            _ => state()?.device.clone(),
        };
        let done = match *self {
            Self::Upload { from, size, .. } if from == 0 && size > 0 => return Err(INVALID_VALUE),
            Self::Download { to, size, .. } if to == 0 && size > 0 => return Err(INVALID_VALUE),
            _ if self.size() == 0 => Ok(()),
            Self::Upload { to, from, size } => {
                // SAFETY: the caller promises `size` bytes there until the work is done.
                let bytes = unsafe { std::slice::from_raw_parts(from as *const u8, size) };
                device.write(to, bytes)
            }
            Self::Download { to, from, size } => {
                // SAFETY: the caller promises `size` bytes there until the work is done.
                let bytes = unsafe { std::slice::from_raw_parts_mut(to as *mut u8, size) };
                device.read(from, bytes)
            }
            Self::Copy { to, from, size } => {
                let mut bytes = vec![0; size];
                device
                    .read(from, &mut bytes)
                    .and_then(|()| device.write(to, &bytes))
            }
            Self::Fill { to, pattern, size } => {
                let mut bytes = pattern.repeat(size.div_ceil(4));
                bytes.truncate(size);
                device.write(to, &bytes)
            }
            Self::Kernel(_) | Self::Host { .. } => Ok(()),
        };
        done.map_err(|message| {
            eprintln!("cuda-emulator: {message}");
            match state() {
                Ok(mut state) => state.stick(ILLEGAL_ADDRESS),
                Err(code) => code,
            }
        })
    }

    fn size(&self) -> usize {
        match self {
            Self::Upload { size, .. }
            | Self::Download { size, .. }
            | Self::Copy { size, .. }
            | Self::Fill { size, .. } => *size,
            Self::Kernel(_) | Self::Host { .. } => 0,
        }
    }
}

export! {
    fn cuGraphInstantiateWithFlags(executable: *mut Handle, graph: Handle, flags: c_ulonglong) {
        // Flags beyond the four that exist, and launches from the device, are refused.
        if flags & !0b1011 != 0 {
            return Err(INVALID_VALUE);
        }
        let mut state = state()?;
        let nodes: Arc<Vec<Node>> = state.graphs.get(graph)?.clone();
        let found = state.graphs.insert(nodes);
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(executable, found) }
    }

    fn cuGraphUpload(executable: Handle, _stream: Handle) {
        state()?.graphs.get(executable).map(|_| ())
    }

    fn cuGraphLaunch(executable: Handle, stream: Handle) {
        let nodes = state()?.graphs.get(executable)?.clone();
        for node in nodes.iter() {
            super::stream::submit(stream, node.clone())?;
        }
        Ok(())
    }

    fn cuGraphExecDestroy(executable: Handle) {
        state()?.graphs.remove(executable).map(drop)
    }

    fn cuGraphDestroy(graph: Handle) {
        state()?.graphs.remove(graph).map(drop)
    }

    fn cuGraphGetNodes(graph: Handle, nodes: *mut Handle, count: *mut usize) {
        if !nodes.is_null() {
            return Err(super::result::NOT_SUPPORTED);
        }
        let found = state()?.graphs.get(graph)?.len();
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(count, found) }
    }

    fn cuLaunchHostFunc(stream: Handle, function: Option<HostFunction>, argument: *mut c_void) {
        let function = function.ok_or(INVALID_VALUE)?;
        super::stream::submit(stream, Node::Host { function, argument: argument as Handle })
    }

    fn cuStreamGetCaptureInfo_v2(
        _stream: Handle,
        _status: *mut c_uint,
        _id: *mut u64,
        _graph: *mut Handle,
        _dependencies: *mut Handle,
        _count: *mut usize,
    ) {
        Err(super::result::NOT_SUPPORTED)
    }
}
