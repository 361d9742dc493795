//! Which operations cannot appear in a trace, given how it was recorded.

use super::{CacheMode, Header};

/// An init flag that keeps operations from the daemon, and what it keeps.
const INIT_FLAGS: &[(&str, &str)] = &[
    ("writeback_cache", "WRITE as issued: the kernel holds writes back, merges and reorders them"),
    ("no_open_support", "OPEN and RELEASE after the daemon answered ENOSYS once"),
    ("no_opendir_support", "OPENDIR and RELEASEDIR after the daemon answered ENOSYS once"),
    ("cache_symlinks", "READLINK of a link whose target is cached"),
    ("passthrough", "READ and WRITE of files that were opened for passthrough"),
    ("auto_inval_data", "READ while cached data still match mtime and size"),
    ("posix_acl", "GETXATTR of ACLs that the kernel cached"),
    ("over_io_uring", "requests that went over io_uring, unless the recorder sat on the ring"),
];

impl Header {
    /// Operations that this trace *cannot* show although callers performed them, each with the
    /// reason. Printed by `trace info`, because a missing operation is easily taken for one that
    /// did not happen.
    ///
    /// ```
    /// use fuserig_traces::{CacheMode, Header, Source, SourceKind};
    /// let source = Source { kind: SourceKind::Proxy, ..Source::default() };
    /// let header = Header { source: Some(source), kernel_filter: true, ..Header::default() };
    /// let missing = header.cannot_appear();
    /// assert!(missing.iter().any(|line| line.contains("filter served in the kernel")));
    /// ```
    pub fn cannot_appear(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let seen_by_kernel =
            self.source.as_ref().is_some_and(|source| source.kind.sees_kernel_requests());
        if self.kernel_filter {
            lines.push("any operation that a filter served in the kernel".to_owned());
        }
        if self.passthrough {
            lines.push("READ and WRITE of files that were opened for passthrough".to_owned());
        }
        if seen_by_kernel {
            self.served_from_caches(&mut lines);
            if self.mount_options.iter().any(|option| option == "default_permissions") {
                lines.push("ACCESS: default_permissions lets the kernel decide".to_owned());
            }
        }
        if let Some(init) = &self.init {
            let flags = INIT_FLAGS.iter().filter(|(flag, _)| init.flags.iter().any(|f| f == flag));
            for (_, line) in flags {
                if !lines.iter().any(|known| known == line) {
                    lines.push((*line).to_owned());
                }
            }
        }
        lines
    }

    fn served_from_caches(&self, lines: &mut Vec<String>) {
        let timeouts = self.timeouts.unwrap_or_default();
        let cached = [
            (timeouts.entry_ns, "LOOKUP", "names"),
            (timeouts.attr_ns, "GETATTR", "attributes"),
            (timeouts.negative_ns, "LOOKUP", "names that do not exist"),
        ];
        for (timeout, op, of) in cached {
            match timeout {
                Some(0) => {}
                Some(ns) => lines.push(format!("{op} within {ns} ns: {of} are cached that long")),
                None => lines.push(format!("{op} while {of} are cached: no timeout is recorded")),
            }
        }
        match self.cache {
            CacheMode::Direct => {}
            CacheMode::Unknown => {
                lines.push("READ of cached pages: the cache mode is not recorded".to_owned());
            }
            CacheMode::Through => lines.push("READ of pages that are cached while open".to_owned()),
            CacheMode::Keep => lines.push("READ of pages that are cached beyond close".to_owned()),
            CacheMode::Writeback => {
                lines.push("READ of cached pages".to_owned());
                lines.push(INIT_FLAGS[0].1.to_owned());
            }
        }
    }
}
