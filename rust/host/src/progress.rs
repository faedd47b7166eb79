//! How far long work has come, on a terminal.

use std::io::{stderr, IsTerminal, Write};
use std::time::{Duration, Instant};

/// A line on stderr that is written over; nothing where that is no terminal.
pub struct Progress {
    what: &'static str,
    of: u64,
    shown: Option<Instant>,
    visible: bool,
}

impl Progress {
    /// Of so many steps; 0 where nobody knows.
    pub fn new(what: &'static str, of: u64) -> Self {
        Progress { what, of, shown: stderr().is_terminal().then(Instant::now), visible: false }
    }

    /// So many are done.
    pub fn show(&mut self, done: u64) {
        if self.shown.is_some_and(|shown| shown.elapsed() > Duration::from_millis(200)) {
            let of = if self.of > 0 { format!(" of {}", self.of) } else { String::new() };
            let _ = write!(stderr(), "\r\x1b[K{}: {done}{of}", self.what);
            (self.shown, self.visible) = (Some(Instant::now()), true);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.visible {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
