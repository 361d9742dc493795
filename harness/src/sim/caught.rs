//! A panic in a run is caught, so that it is found, made smaller and told like anything else.
//!
//! A native filter, a lower filesystem, a daemon or an invariant of somebody's own may fail by
//! `unwrap` or by arithmetic. While a run is looked at, the message of a panic is kept here and
//! not printed; every other panic of the process goes to the hook that was there before. What a
//! reader would get wrong: what panicked is in no state to go on, so whoever catches must end the
//! run.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    /// Whether this thread is inside [`caught`].
    static LOOKING: Cell<bool> = const { Cell::new(false) };
    /// What the panic said that was caught last, and where.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

static HOOK: Once = Once::new();

/// Calls `doing`; the message and the place of a panic when it does not return.
pub(super) fn caught<T>(doing: impl FnOnce() -> T) -> Result<T, String> {
    HOOK.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |panic| {
            if !LOOKING.get() {
                return before(panic);
            }
            let payload = panic.payload();
            let text = payload.downcast_ref::<&str>().copied();
            let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
            let message = text.unwrap_or("a panic without a message");
            let place = panic.location().map(|at| format!(" at {}:{}", at.file(), at.line()));
            SAID.set(format!("{message}{}", place.unwrap_or_default()));
        }));
    });
    let around = LOOKING.replace(true);
    let result = catch_unwind(AssertUnwindSafe(doing));
    LOOKING.set(around);
    result.map_err(|_payload| SAID.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_message_with_its_place() {
        assert_eq!(caught(|| 7), Ok(7));
        let message = caught(|| -> u32 { panic!("nine {}", 9) }).expect_err("it panics");
        assert!(message.starts_with("nine 9 at ") && message.contains("caught.rs:"), "{message}");
        // The one within does not make the one around it be printed.
        let around = caught(|| {
            caught(|| panic!("within")).expect_err("it panics");
            panic!("around")
        });
        let message: String = around.map(|never: ()| never).expect_err("it panics");
        assert!(message.starts_with("around at "), "{message}");
    }
}
