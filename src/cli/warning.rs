//! Warnings: not with `--quiet`, and what always holds once a day.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::progress::Line;
use super::Context;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Context {
    /// A line for the progress of a command and its warnings.
    pub(super) fn line(&self) -> Line {
        Line::new(self.quiet)
    }

    /// Says what is known after the first time: once a day, as the age of a file in the cache has it.
    pub(super) fn say_daily(&self, line: &Line, name: &str, words: &str) {
        if self.quiet || self.cache_folder.as_deref().is_some_and(|folder| was_said(&folder.join(format!("{name}.said")))) {
            return;
        }
        line.say(words);
    }
}

/// Whether the stamp is younger than a day; an older one is renewed. Where none can be kept, everything is new.
fn was_said(stamp: &Path) -> bool {
    let age = fs::metadata(stamp).and_then(|metadata| metadata.modified()).ok().and_then(|time| time.elapsed().ok());
    if age.is_some_and(|age| age < DAY) {
        return true;
    }
    let _ = stamp.parent().map(fs::create_dir_all);
    let _ = fs::write(stamp, "");
    false
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn once_a_day() {
        let dir = tempfile::tempdir().expect("a folder");
        let stamp = dir.path().join("cache/srs.said");
        assert!(!was_said(&stamp) && was_said(&stamp));
        let yesterday = SystemTime::now() - DAY - Duration::from_secs(60);
        fs::File::options().write(true).open(&stamp).and_then(|file| file.set_modified(yesterday)).expect("an older stamp");
        assert!(!was_said(&stamp) && was_said(&stamp));
        // Nothing can be kept below a file.
        assert!(!was_said(&stamp.join("x")) && !was_said(&stamp.join("x")));
    }
}
