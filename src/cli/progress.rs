//! A line on the terminal that names the stage; nothing in a pipe.

use std::ops::ControlFlow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use sworn::Stage;

const TICK: Duration = Duration::from_millis(100);
const TEMPLATE: &str = "{spinner} {msg} {elapsed}";

/// The line; it is cleared when it is dropped.
pub(crate) struct Line {
    bar: ProgressBar,
    quiet: bool,
}

impl Line {
    pub(crate) fn new(quiet: bool) -> Self {
        if quiet {
            return Self { bar: ProgressBar::hidden(), quiet };
        }
        // indicatif draws on stderr and only if that is a terminal.
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self { bar, quiet }
    }

    pub(crate) fn callback(&self) -> impl FnMut(Stage, f32) -> ControlFlow<()> + '_ {
        |stage, done| {
            let percent = if done > 0.0 && done < 1.0 { format!(" {:.0} %", 100.0 * done) } else { String::new() };
            self.bar.set_message(format!("{stage}{percent}"));
            ControlFlow::Continue(())
        }
    }

    /// Warnings for stderr, above the line.
    pub(crate) fn say(&self, words: &str) {
        if self.quiet {
            return;
        }
        self.bar.suspend(|| super::say(words));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
