//! Ctrl-C, SIGTERM and SIGHUP on Unix: written down for the command, which stops at its next step. The only calls of the
//! C library in the program, since the standard library has none for this.

use std::os::raw::c_int;

use rawcosmos::cli::interrupt::Interrupt;

type Handler = usize;

#[allow(unsafe_code)]
unsafe extern "C" {
    fn signal(signal: c_int, handler: Handler) -> Handler;
    fn kill(process: c_int, signal: c_int) -> c_int;
}

const DEFAULT: Handler = 0;
const IGNORE: Handler = 1;

/// SIGHUP, SIGINT and SIGTERM have these numbers on every Unix.
const SIGNALS: [c_int; 3] = [1, 2, 15];

static INTERRUPT: Interrupt = Interrupt::new(send);

/// Installs the handler. A signal that is ignored, as by `nohup`, stays ignored.
#[allow(unsafe_code)]
pub fn install() -> &'static Interrupt {
    for number in SIGNALS {
        // SAFETY: the handler stores into atomics and calls `signal`, both of which a handler may do.
        unsafe {
            if signal(number, handle as *const () as Handler) == IGNORE {
                signal(number, IGNORE);
            }
        }
    }
    &INTERRUPT
}

/// Writes the signal down. Unless the command is a runner of another one, the next signal has its default effect.
#[allow(unsafe_code)]
extern "C" fn handle(number: c_int) {
    if !INTERRUPT.raise(number.unsigned_abs()) {
        for number in SIGNALS {
            // SAFETY: `signal` may be called in a handler, and `DEFAULT` is no address.
            unsafe { signal(number, DEFAULT) };
        }
    }
}

#[allow(unsafe_code)]
fn send(process: u32, number: u32) {
    if let (Ok(process @ 1..), Ok(number)) = (c_int::try_from(process), c_int::try_from(number)) {
        // SAFETY: it takes numbers alone; 0 and what is negative, which mean groups, are left out.
        unsafe { kill(process, number) };
    }
}
