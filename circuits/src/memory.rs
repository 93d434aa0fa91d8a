//! Memory: what this process may still take, asked before anything is allocated whose size a file or an argument states.
//!
//! ```text
//! remaining = min of   limit − (usage − file pages)     each control group from the process' own up to the root, v1 and v2
//!                      RLIMIT_AS − VmSize               the address space
//!                      RLIMIT_DATA − VmData             anonymous memory
//!                      MemAvailable                     the machine; or, if the caller states a limit, limit − VmRSS
//! ```
//!
//! Linux tells all of it in files. Where there are none, nothing is known to be short and [`Budget::remaining`] is `u64::MAX`.

use std::path::{Component, Path, PathBuf};

/// More memory than there is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} needs {} MB of memory, {} MB can be had", megabytes(*needed, true), megabytes(*available, false))]
pub struct MemoryError {
    /// What it is needed for.
    pub what: String,
    /// Bytes that it takes.
    pub needed: u64,
    /// Bytes that can be had.
    pub available: u64,
}

/// Bytes in units of 10^6, rounded up or down, so that what does not fit never reads as equal.
fn megabytes(bytes: u64, up: bool) -> u64 {
    bytes / 1_000_000 + u64::from(up && !bytes.is_multiple_of(1_000_000))
}

/// How much memory may be taken. Copied freely: it is a limit, and each question is answered for the moment in which it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    limit: Option<u64>,
}

impl Budget {
    /// What the system has.
    pub const SYSTEM: Self = Self { limit: None };

    /// The resident memory of this process is to stay within so many bytes.
    pub const fn limited(bytes: u64) -> Self {
        Self { limit: Some(bytes) }
    }

    /// Bytes that may still be taken.
    pub fn remaining(self) -> u64 {
        self.total().saturating_sub(resident_bytes().unwrap_or(0))
    }

    /// The most that the resident memory of this process may become.
    pub fn total(self) -> u64 {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let available = if self.limit.is_some() { enforced(&read) } else { system(&read) };
        available.saturating_add(resident_bytes().unwrap_or(0)).min(self.limit.unwrap_or(u64::MAX))
    }

    /// That so many more bytes can be had.
    ///
    /// # Errors
    /// They cannot.
    pub fn require(self, bytes: u64, what: &str) -> Result<(), MemoryError> {
        let available = self.remaining();
        if bytes > available {
            return Err(MemoryError { what: what.to_owned(), needed: bytes, available });
        }
        Ok(())
    }
}

/// Resident memory of this process, in bytes, as Linux counts it; none elsewhere.
pub fn resident_bytes() -> Option<u64> {
    kilobytes(&|path| std::fs::read_to_string(path).ok(), "/proc/self/status", "VmRSS:")
}

/// The largest resident memory of this process so far, in bytes, as Linux counts it; none elsewhere.
pub fn peak_bytes() -> Option<u64> {
    kilobytes(&|path| std::fs::read_to_string(path).ok(), "/proc/self/status", "VmHWM:")
}

/// The text of a file, if it can be read.
type Read<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What the system has.
fn system(read: Read<'_>) -> u64 {
    kilobytes(read, "/proc/meminfo", "MemAvailable:").unwrap_or(u64::MAX).min(enforced(read))
}

/// The tightest of the limits that the system enforces on this process.
fn enforced(read: Read<'_>) -> u64 {
    let status = |name| kilobytes(read, "/proc/self/status", name).unwrap_or(0);
    let limits = [("Max address space", "VmSize:"), ("Max data size", "VmData:")]
        .into_iter()
        .filter_map(|(limit, used)| Some(resource_limit(read, limit)?.saturating_sub(status(used))));
    limits.chain(control_groups(read)).min().unwrap_or(u64::MAX)
}

/// A line `name 123 kB`, in bytes.
fn kilobytes(read: Read<'_>, file: &str, name: &str) -> Option<u64> {
    let text = read(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The soft limit of a line `name  soft  hard  bytes`; none if it is `unlimited`.
fn resource_limit(read: Read<'_>, name: &str) -> Option<u64> {
    let text = read("/proc/self/limits")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// What the control groups of this process leave it, one by one.
fn control_groups(read: Read<'_>) -> Vec<u64> {
    let (Some(groups), Some(mounts)) = (read("/proc/self/cgroup"), read("/proc/self/mountinfo")) else { return Vec::new() };
    let of_line = |line: &str| -> Option<Vec<u64>> {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        let version = match controllers {
            "" => &V2,
            _ if controllers.split(',').any(|c| c == "memory") => &V1,
            _ => return None,
        };
        let (root, mount) = mounts.lines().find_map(|mount| version.mount(mount))?;
        Some(ancestors(&root, &mount, path).iter().filter_map(|group| version.left(read, group)).collect())
    };
    groups.lines().filter_map(of_line).flatten().collect()
}

/// The folders of a group and of those that contain it, as far as they are mounted.
fn ancestors(root: &str, mount: &Path, path: &str) -> Vec<PathBuf> {
    // A container may see its own group as the root, or be outside of what is mounted.
    let inside = Path::new(path).strip_prefix(root).ok();
    let parts = inside.map(|p| p.components().collect::<Vec<_>>()).unwrap_or_default();
    let named = parts.iter().all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
    let mut folder = mount.to_owned();
    let mut folders = vec![folder.clone()];
    for part in parts.iter().filter(|part| named && matches!(part, Component::Normal(_))) {
        folder.push(part);
        folders.push(folder.clone());
    }
    folders
}

/// Where a version of control groups says what.
struct Version {
    filesystem: &'static str,
    /// An option of the mount, if only some mounts have the files.
    option: Option<&'static str>,
    limits: &'static [&'static str],
    usage: &'static str,
    /// Pages of files, which are given up when memory is short, in `memory.stat`.
    files: [&'static str; 2],
    /// The tightest limit of the groups above, in `memory.stat`.
    above: Option<&'static str>,
}

const V1: Version = Version {
    filesystem: "cgroup",
    option: Some("memory"),
    limits: &["memory.limit_in_bytes"],
    usage: "memory.usage_in_bytes",
    files: ["total_inactive_file", "total_active_file"],
    above: Some("hierarchical_memory_limit"),
};

const V2: Version = Version {
    filesystem: "cgroup2",
    option: None,
    limits: &["memory.max", "memory.high"],
    usage: "memory.current",
    files: ["inactive_file", "active_file"],
    above: None,
};

impl Version {
    /// What part of the hierarchy a line of `mountinfo` mounts, and where.
    fn mount(&self, line: &str) -> Option<(String, PathBuf)> {
        let (left, right) = line.split_once(" - ")?;
        let (mut left, mut right) = (left.split(' ').skip(3), right.split(' '));
        let (root, mount) = (left.next()?, left.next()?);
        let (filesystem, options) = (right.next()?, right.nth(1)?);
        let has_option = self.option.is_none_or(|option| options.split(',').any(|o| o == option));
        // Blanks are written in octal.
        let unescape = |text: &str| text.replace("\\040", " ");
        (filesystem == self.filesystem && has_option).then(|| (unescape(root), PathBuf::from(unescape(mount))))
    }

    /// What a group leaves, if it has a limit.
    fn left(&self, read: Read<'_>, group: &Path) -> Option<u64> {
        let text = |file: &str| group.join(file).to_str().and_then(read);
        let number = |file: &str| text(file)?.trim().parse::<u64>().ok();
        let stat = text("memory.stat").unwrap_or_default();
        let line = |name: &str| stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<u64>().ok());
        let limit = self.limits.iter().filter_map(|file| number(file)).chain(self.above.and_then(line)).min()?;
        let files = self.files.iter().filter_map(|name| line(name)).fold(0, u64::saturating_add);
        Some(limit.saturating_sub(number(self.usage)?.saturating_sub(files)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1 << 30;

    /// A system of these files.
    fn left(files: &[(&str, &str)]) -> u64 {
        system(&|path| files.iter().find(|f| f.0 == path).map(|f| f.1.to_owned()))
    }

    #[test]
    fn the_tightest_of_the_groups_above_counts() {
        let v1 = [
            ("/proc/self/cgroup", "9:name=systemd:/\n4:memory,hugetlb:/jobs/one\n3:cpuset:/\n0::/\n"),
            (
                "/proc/self/mountinfo",
                "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n\
                 32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                 35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,hugetlb,memory\n",
            ),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/memory.usage_in_bytes", "99999999999\n"),
            ("/sys/fs/cgroup/memory/jobs/memory.limit_in_bytes", "3221225472\n"),
            ("/sys/fs/cgroup/memory/jobs/memory.usage_in_bytes", "2147483648\n"),
            ("/sys/fs/cgroup/memory/jobs/memory.stat", "cache 9\ntotal_inactive_file 536870912\ntotal_active_file 536870912\n"),
            ("/sys/fs/cgroup/memory/jobs/one/memory.limit_in_bytes", "9223372036854771712\n"),
            ("/sys/fs/cgroup/memory/jobs/one/memory.usage_in_bytes", "1073741824\n"),
            ("/proc/meminfo", "MemTotal: 9 kB\nMemAvailable:   33554432 kB\n"),
        ];
        assert_eq!(left(&v1), 2 * GB);
        // The limit of a group that is not mounted.
        let above = ("/sys/fs/cgroup/memory/jobs/one/memory.stat", "hierarchical_memory_limit 1610612736\n");
        assert_eq!(left(&[v1.as_slice(), &[above]].concat()), GB / 2);
    }

    #[test]
    fn unified_groups_are_read_in_a_container_and_outside() {
        let limits = [
            ("/sys/fs/cgroup/memory.max", "max\n"),
            ("/sys/fs/cgroup/memory.current", "7\n"),
            ("/sys/fs/cgroup/a b/memory.max", "8589934592\n"),
            ("/sys/fs/cgroup/a b/memory.high", "6442450944\n"),
            ("/sys/fs/cgroup/a b/memory.current", "2147483648\n"),
            ("/sys/fs/cgroup/a b/memory.stat", "inactive_file_other 5\nfile 7\ninactive_file 1073741824\n"),
        ];
        let at = |path: &str, mount: &str| {
            let mount = format!("30 23 0:26 {mount} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
            left(&[limits.as_slice(), &[("/proc/self/cgroup", path), ("/proc/self/mountinfo", &mount)]].concat())
        };
        assert_eq!(at("0::/a b\n", "/ /sys/fs/cgroup"), 5 * GB);
        assert_eq!(at("0::/a b/gone\n", "/ /sys/fs/cgroup"), 5 * GB);
        // The container's group is mounted alone; or it is outside of what is mounted.
        assert_eq!(at("0::/docker/1\n", "/docker/1 /sys/fs/cgroup/a\\040b"), 5 * GB);
        assert_eq!(at("0::/../other\n", "/ /sys/fs/cgroup/a\\040b"), 5 * GB);
    }

    #[test]
    fn limits_of_the_process_count() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max data size             unlimited            unlimited            bytes\n\
                      Max address space         1073741824           unlimited            bytes\n";
        let status = ("/proc/self/status", "VmPeak: 9 kB\nVmSize:   524288 kB\nVmData: 4 kB\n");
        let free = ("/proc/meminfo", "MemAvailable:   33554432 kB\n");
        assert_eq!(left(&[("/proc/self/limits", limits), status, free]), GB / 2);
        assert_eq!(left(&[status, free]), 32 * GB);
        assert_eq!(left(&[]), u64::MAX);
        for broken in ["", "MemAvailable: many kB", "MemAvailable: 99999999999999999999 kB", "MemAvailable: 18446744073709551615 kB"] {
            assert_eq!(left(&[("/proc/meminfo", broken)]), u64::MAX);
        }
    }

    #[test]
    fn what_does_not_fit_says_so() {
        let error = Budget::limited(1_000_000).require(1_000_001, "the input").unwrap_err();
        assert_eq!(error.needed, 1_000_001);
        assert!(error.available <= 1_000_000);
        assert!(error.to_string().starts_with("the input needs 2 MB of memory, "));
        assert_eq!(Budget::limited(1 << 60).require(1 << 50, "nothing"), Ok(()));
        assert_eq!(Budget::SYSTEM.require(u64::MAX, "all").is_err(), resident_bytes().is_some());
    }
}
