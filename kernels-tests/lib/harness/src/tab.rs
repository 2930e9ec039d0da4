//! How tests wait and speak in a browser's tab, where nothing may block and nothing is printed.
//!
//! `tests/browser/kernels/tab.js` has the other side. The browser suspends all of the module's
//! stack while a test waits (JavaScript Promise Integration), so that the tests stay as they are.

use std::pin::pin;
use std::sync::Once;
use std::task::{Context, Poll, Waker};

#[link(wasm_import_module = "./tab.js")]
unsafe extern "C" {
    /// Lets the browser do its own work, and comes back.
    fn give_way();
    /// A test begins: the other side finds its name among the functions that are being called.
    fn test_begins();
    /// Text for the console.
    fn tell(text: *const u8, bytes: usize);
}

/// Waits for a future. Nothing wakes it: it is asked again after each turn of the browser.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => return value,
            // SAFETY: the function takes nothing and touches no memory of the module.
            Poll::Pending => unsafe { give_way() },
        }
    }
}

/// Says text on the console.
pub fn say(text: &str) {
    // SAFETY: the other side only reads this text, before it returns.
    unsafe { tell(text.as_ptr(), text.len()) }
}

/// What each test does first: from then on a panic is said before it ends the module.
pub fn begin() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| std::panic::set_hook(Box::new(|panic| say(&format!("FAILED: {panic}")))));
    // SAFETY: the function takes nothing and touches no memory of the module.
    unsafe { test_begins() }
}
