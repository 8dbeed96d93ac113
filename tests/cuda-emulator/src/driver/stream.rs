//! Streams, and capturing what is put on them.

use std::ffi::{c_int, c_uint};
use std::sync::Arc;
use std::thread::{ThreadId, current};

use super::graph::Node;
use super::result::{
    CAPTURE_INVALIDATED, CAPTURE_UNSUPPORTED, ILLEGAL_STATE, INVALID_HANDLE, INVALID_VALUE,
};
use super::state::{State, state, write_statistics};
use super::{Code, Handle, export, put};

/// A capture that forbids what could wait for it, in the thread that began it.
const RELAXED: c_uint = 2;

/// A stream, which may be capturing.
#[derive(Debug, Default)]
pub(super) struct Stream {
    capture: Option<Capture>,
}

#[derive(Debug)]
struct Capture {
    nodes: Vec<Node>,
    mode: c_uint,
    thread: ThreadId,
    valid: bool,
}

/// The default streams have small numbers and cannot capture.
pub(super) fn is_default(stream: Handle) -> bool {
    stream <= 2
}

impl Stream {
    /// Whether it captures, and nothing went wrong with that.
    pub(super) fn capturing(&mut self) -> Result<bool, Code> {
        match &self.capture {
            Some(capture) if !capture.valid => Err(CAPTURE_INVALIDATED),
            capture => Ok(capture.is_some()),
        }
    }

    /// The capture, if there is one, cannot become a graph any more.
    pub(super) fn invalidate(&mut self) {
        if let Some(capture) = &mut self.capture {
            capture.valid = false;
        }
    }
}

/// Whether `stream` captures.
pub(super) fn capturing(state: &mut State, stream: Handle) -> Result<bool, Code> {
    if is_default(stream) {
        Ok(false)
    } else {
        state.streams.get(stream)?.capturing()
    }
}

/// Does the work, or records it if the stream captures.
pub(super) fn submit(stream: Handle, node: Node) -> Result<(), Code> {
    let mut state = state()?;
    if !is_default(stream) {
        let stream = state.streams.get(stream)?;
        if stream.capturing()? {
            if let Some(capture) = &mut stream.capture {
                capture.nodes.push(node);
            }
            return Ok(());
        }
    }
    drop(state);
    node.run()
}

/// An error if this thread captures in a mode that forbids a call like this one, which also ends the
/// hopes of that capture.
pub(super) fn no_capture(state: &mut State) -> Result<(), Code> {
    let mut found = Ok(());
    for stream in state.streams.values() {
        if let Some(capture) = &mut stream.capture
            && capture.mode != RELAXED
            && capture.thread == current().id()
        {
            capture.valid = false;
            found = Err(CAPTURE_UNSUPPORTED);
        }
    }
    found
}

fn create(stream: *mut Handle) -> Result<(), Code> {
    let found = state()?.streams.insert(Stream::default());
    // SAFETY: the caller's pointer, as the driver API asks.
    unsafe { put(stream, found) }
}

export! {
    fn cuStreamCreate(stream: *mut Handle, _flags: c_uint) {
        create(stream)
    }

    fn cuStreamCreateWithPriority(stream: *mut Handle, _flags: c_uint, _priority: c_int) {
        create(stream)
    }

    fn cuStreamDestroy_v2(stream: Handle) {
        state()?.streams.remove(stream).map(drop)
    }

    fn cuStreamSynchronize(stream: Handle) {
        let mut state = state()?;
        if capturing(&mut state, stream)? {
            state.streams.get(stream)?.invalidate();
            return Err(CAPTURE_UNSUPPORTED);
        }
        write_statistics(&state.device);
        Ok(())
    }

    fn cuStreamQuery(stream: Handle) {
        let mut state = state()?;
        if capturing(&mut state, stream)? {
            state.streams.get(stream)?.invalidate();
            return Err(CAPTURE_UNSUPPORTED);
        }
        Ok(())
    }

    fn cuStreamBeginCapture_v2(stream: Handle, mode: c_uint) {
        let mut state = state()?;
        if is_default(stream) {
            return Err(CAPTURE_UNSUPPORTED);
        }
        if mode > RELAXED {
            return Err(INVALID_VALUE);
        }
        let stream = state.streams.get(stream)?;
        if stream.capture.is_some() {
            return Err(ILLEGAL_STATE);
        }
        stream.capture = Some(Capture {
            nodes: Vec::new(),
            mode,
            thread: current().id(),
            valid: true,
        });
        Ok(())
    }

    fn cuStreamEndCapture(stream: Handle, graph: *mut Handle) {
        let mut state = state()?;
        if is_default(stream) {
            return Err(INVALID_HANDLE);
        }
        let capture = state.streams.get(stream)?.capture.take().ok_or(ILLEGAL_STATE)?;
        if !capture.valid {
            // SAFETY: the caller's pointer, as the driver API asks.
            unsafe { put(graph, 0) }?;
            return Err(CAPTURE_INVALIDATED);
        }
        let found = state.graphs.insert(Arc::new(capture.nodes));
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(graph, found) }
    }

    fn cuStreamIsCapturing(stream: Handle, status: *mut c_uint) {
        let mut state = state()?;
        let found = match capturing(&mut state, stream) {
            Ok(capturing) => c_uint::from(capturing),
            Err(CAPTURE_INVALIDATED) => 2,
            Err(code) => return Err(code),
        };
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(status, found) }
    }
}
