//! Events. As work is done at once, an event is over when it is recorded.

use std::ffi::c_uint;
use std::time::Instant;

use super::result::{CAPTURE_ISOLATION, CAPTURED_EVENT, INVALID_HANDLE};
use super::state::{state, write_statistics};
use super::stream::capturing;
use super::{Code, Handle, export, put};

/// `CU_EVENT_DISABLE_TIMING`.
const NO_TIMING: c_uint = 2;

/// When and where an event was recorded.
#[derive(Debug, Default)]
pub(super) struct Event {
    timing: bool,
    time: Option<Instant>,
    /// Recorded in a stream that captured then.
    captured: bool,
}

fn elapsed(milliseconds: *mut f32, start: Handle, end: Handle) -> Result<(), Code> {
    let mut state = state()?;
    let mut time = |event: Handle| {
        let event = state.events.get(event)?;
        let time = event.time.filter(|_| event.timing && !event.captured);
        time.ok_or(INVALID_HANDLE)
    };
    let (start, end) = (time(start)?, time(end)?);
    let found = end.duration_since(start).as_secs_f32() * 1e3;
    // SAFETY: the caller's pointer, as the driver API asks.
    unsafe { put(milliseconds, found) }
}

export! {
    fn cuEventCreate(event: *mut Handle, flags: c_uint) {
        let found = state()?.events.insert(Event {
            timing: flags & NO_TIMING == 0,
            ..Event::default()
        });
        // SAFETY: the caller's pointer, as the driver API asks.
        unsafe { put(event, found) }
    }

    fn cuEventDestroy_v2(event: Handle) {
        state()?.events.remove(event).map(drop)
    }

    fn cuEventRecord(event: Handle, stream: Handle) {
        let mut state = state()?;
        let captured = capturing(&mut state, stream)?;
        let event = state.events.get(event)?;
        event.captured = captured;
        event.time = Some(Instant::now());
        Ok(())
    }

    fn cuStreamWaitEvent(stream: Handle, event: Handle, _flags: c_uint) {
        let mut state = state()?;
        let capturing = capturing(&mut state, stream)?;
        let event = state.events.get(event)?;
        match (capturing, event.captured) {
            // An event that was never recorded is over.
            (true, false) if event.time.is_some() => {
                state.streams.get(stream)?.invalidate();
                Err(CAPTURE_ISOLATION)
            }
            (false, true) => Err(super::result::NOT_SUPPORTED),
            _ => Ok(()),
        }
    }

    fn cuEventSynchronize(event: Handle) {
        let mut state = state()?;
        if state.events.get(event)?.captured {
            return Err(CAPTURED_EVENT);
        }
        write_statistics(&state.device);
        Ok(())
    }

    fn cuEventQuery(event: Handle) {
        if state()?.events.get(event)?.captured {
            return Err(CAPTURED_EVENT);
        }
        Ok(())
    }

    fn cuEventElapsedTime(milliseconds: *mut f32, start: Handle, end: Handle) {
        elapsed(milliseconds, start, end)
    }

    fn cuEventElapsedTime_v2(milliseconds: *mut f32, start: Handle, end: Handle) {
        elapsed(milliseconds, start, end)
    }
}
