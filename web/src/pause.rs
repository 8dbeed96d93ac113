//! Letting the browser do something else for a while.

use js_sys::{Function, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_time::Duration;

/// Waits for `time`, in a page or in a worker.
pub(crate) async fn pause(time: Duration) {
    let promise = Promise::new(&mut |resolve, _| {
        let global = js_sys::global();
        let timer = Reflect::get(&global, &"setTimeout".into()).map(JsValue::unchecked_into);
        if let Ok(timer) = timer {
            let timer: Function = timer;
            // A timer that cannot be set must not keep the caller waiting.
            let milliseconds = JsValue::from(time.as_millis() as u32);
            if timer.call2(&global, &resolve, &milliseconds).is_err() {
                let _ = resolve.call0(&JsValue::UNDEFINED);
            }
        }
    });
    let _ = JsFuture::from(promise).await;
}
