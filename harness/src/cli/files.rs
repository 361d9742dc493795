//! Files: the one module of the command line that opens them.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use fuserig_traces::import::open_log_from;
use fuserig_traces::{Trace, TraceReader};

use super::exit::{Exit, Failure};
use super::output::Terminal;
use super::progress::Advance;

/// Large enough that the progress line costs nothing beside the reading.
const BUFFER_BYTES: usize = 256 << 10;

/// Opens an input.
pub(super) fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    match File::open(path) {
        Ok(file) => Ok(BufReader::new(file)),
        Err(error) => Err(Failure::input(path, &error)),
    }
}

/// An input that says on the progress line how much of it was read.
#[derive(Debug)]
pub(super) struct Watched<'a> {
    file: File,
    what: &'a str,
    read: u64,
    total: Option<u64>,
    terminal: &'a Terminal,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read += count as u64;
        self.terminal.advance(&Advance {
            what: self.what,
            unit: "KiB",
            done: self.read >> 10,
            total: self.total.map(|bytes| bytes >> 10),
        });
        Ok(count)
    }
}

/// An output that says on the progress line how much of it was written.
#[derive(Debug)]
pub(super) struct WatchedOutput<'a, W> {
    inner: W,
    what: &'a str,
    written: u64,
    terminal: &'a Terminal,
}

impl<'a, W: Write> WatchedOutput<'a, W> {
    pub(super) fn new(inner: W, what: &'a str, terminal: &'a Terminal) -> WatchedOutput<'a, W> {
        WatchedOutput { inner, what, written: 0, terminal }
    }
}

impl<W: Write> Write for WatchedOutput<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.inner.write(bytes)?;
        let before = self.written >> 16;
        self.written += count as u64;
        // Writers write a few bytes at a time.
        if self.written >> 16 != before || before == 0 {
            let (done, total) = (self.written >> 10, None);
            self.terminal.advance(&Advance { what: self.what, unit: "KiB", done, total });
        }
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Opens an input whose reading is a long part of a command.
pub(super) fn open_watched<'a>(
    path: &Path,
    what: &'a str,
    terminal: &'a Terminal,
) -> Result<BufReader<Watched<'a>>, Failure> {
    let file = File::open(path).map_err(|error| Failure::input(path, &error))?;
    // The size of a pipe is no size.
    let total = file.metadata().ok().filter(|meta| meta.is_file()).map(|meta| meta.len());
    let watched = Watched { file, what, read: 0, total, terminal };
    Ok(BufReader::with_capacity(BUFFER_BYTES, watched))
}

/// Opens a log, plain or compressed with zstd.
pub(super) fn open_log<'a>(
    path: &Path,
    what: &'a str,
    terminal: &'a Terminal,
) -> Result<Box<dyn std::io::BufRead + 'a>, Failure> {
    open_log_from(open_watched(path, what, terminal)?).map_err(|error| Failure::input(path, &error))
}

/// Reads a whole file, decompressing it when it is compressed with zstd.
pub(super) fn read_all(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|error| Failure::input(path, &error))?;
    const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    if bytes.starts_with(&ZSTD_MAGIC) {
        let mut plain = Vec::new();
        fuserig_traces::import::open_log(path)
            .and_then(|mut log| log.read_to_end(&mut plain))
            .map_err(|error| Failure::input(path, &error))?;
        return Ok(plain);
    }
    Ok(bytes)
}

/// Opens a trace for reading block by block.
pub(super) fn open_trace<'a>(
    path: &Path,
    what: &'a str,
    terminal: &'a Terminal,
) -> Result<TraceReader<BufReader<Watched<'a>>>, Failure> {
    TraceReader::open(open_watched(path, what, terminal)?)
        .map_err(|error| Failure::input(path, &error))
}

/// Reads a whole trace; damage is said on the way.
pub(super) fn read_trace(
    path: &Path,
    terminal: &Terminal,
    note: &mut dyn FnMut(String),
) -> Result<Trace, Failure> {
    let input = open_watched(path, "reading", terminal)?;
    let (trace, damage) =
        Trace::read_damaged(input).map_err(|error| Failure::input(path, &error))?;
    terminal.progress_end();
    if !damage.is_empty() {
        note(format!(
            "{}: {} damaged parts, {} bytes left out; `fuserig trace verify` lists them",
            path.display(),
            damage.count(),
            damage.lost_bytes()
        ));
    }
    Ok(trace)
}

/// Creates an output; one that exists is left alone unless `force` says otherwise.
pub(super) fn create(path: &Path, force: bool) -> Result<BufWriter<File>, Failure> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    match options.open(path) {
        Ok(file) => Ok(BufWriter::new(file)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::new(
            Exit::Usage,
            format!("{}: exists already; choose another name or add --force", path.display()),
        )),
        Err(error) => Err(Failure::output(path, &error)),
    }
}

/// Makes a directory, and those above it; one that exists stays as it is.
pub(super) fn create_directory(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| Failure::output(path, &error))
}

/// Writes a whole output.
pub(super) fn write_all(path: &Path, force: bool, bytes: &[u8]) -> Result<(), Failure> {
    let mut file = create(path, force)?;
    file.write_all(bytes).and_then(|()| file.flush()).map_err(|error| Failure::output(path, &error))
}

/// Writes a whole file beside the one it replaces, and renames it: whoever reads meanwhile sees the
/// old file or the new one.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let beside = path.with_extension("part");
    write_all(&beside, true, bytes)?;
    std::fs::rename(&beside, path).map_err(|error| Failure::output(path, &error))
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> Result<(), Failure> {
    std::fs::remove_file(path).map_err(|error| Failure::output(path, &error))
}

/// The files of a folder with an extension, in the order of their names.
pub(super) fn list(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| Failure::input(folder, &error))?;
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| Failure::input(folder, &error))?.path();
        if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
