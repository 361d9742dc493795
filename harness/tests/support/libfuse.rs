//! Daemons of libfuse: its examples, as Debian packages them.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::print_skip;

/// Where Debian keeps the examples of libfuse.
const EXAMPLES: &str = "/usr/share/doc/libfuse3-dev/examples";

/// An example of libfuse, compiled; none with the reason printed.
pub(crate) fn example(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let source = Path::new(EXAMPLES).join(format!("{name}.c"));
    if !source.exists() {
        print_skip("the examples of libfuse are absent (apt-get install libfuse3-dev)");
        return None;
    }
    let flags = Command::new("pkg-config").args(["--cflags", "--libs", "fuse3"]).output();
    let Some(flags) = flags.ok().filter(|output| output.status.success()) else {
        print_skip("pkg-config does not know fuse3 (apt-get install pkg-config libfuse3-dev)");
        return None;
    };
    let directory = tempfile::tempdir().expect("a temporary directory");
    let program = directory.path().join(name);
    let built = Command::new("cc")
        .args(["-O1", "-w", "-o"])
        .args([&program, &source])
        .args(String::from_utf8_lossy(&flags.stdout).split_whitespace())
        .output();
    match built {
        Ok(output) if output.status.success() => Some((directory, program)),
        Ok(output) => {
            panic!("the example does not compile: {}", String::from_utf8_lossy(&output.stderr))
        }
        Err(error) => {
            print_skip(&format!("cc cannot be run: {error}"));
            None
        }
    }
}
