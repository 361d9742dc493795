//! What operations and forks of the in-memory filesystem cost.
//!
//! `cargo bench -p fuserig-sim-fs --bench memfs`. The number that matters most is `fork`: a clone,
//! one change and the drop of the clone, which is what a simulation does to try something. It must
//! not depend on how many files there are.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fuserig_abi::{Caller, Credentials, Ino, Pid, Timespec};
use fuserig_sim_fs::{AttrChanges, LowerExt, LowerFh, MemFs, OpenFlags};

const ROOT: Ino = Ino(1);
const COUNTS: [u64; 3] = [10, 1_000, 100_000];
/// Files in one directory of [`spread`].
const FANOUT: u64 = 100;

fn caller() -> Caller {
    Caller::new(Credentials::root(), Pid(1), Timespec::from_secs(1))
}

/// A filesystem with `count` small files in directories of a hundred, and the files' numbers.
fn spread(count: u64) -> (MemFs, Vec<Ino>) {
    let caller = caller();
    let mut fs = MemFs::default();
    let mut files = Vec::new();
    let mut directory = ROOT;
    for number in 0..count {
        if number.is_multiple_of(FANOUT) {
            let name = format!("directory-{}", number / FANOUT);
            directory = fs.mkdir(&caller, ROOT, name.as_bytes(), 0o755).expect("there is room").ino;
        }
        files.push(file(&mut fs, directory, number));
    }
    (fs, files)
}

/// A filesystem with `count` small files in the root.
fn flat(count: u64) -> (MemFs, Vec<Ino>) {
    let mut fs = MemFs::default();
    let files = (0..count).map(|number| file(&mut fs, ROOT, number)).collect();
    (fs, files)
}

fn file(fs: &mut MemFs, directory: Ino, number: u64) -> Ino {
    let (caller, name) = (caller(), format!("file-{number}"));
    let made = fs.create_open(&caller, directory, name.as_bytes(), 0o644, OpenFlags::RDWR);
    let (stat, fh) = made.expect("there is room");
    fs.write(&caller, fh, 0, b"some small contents").expect("there is room");
    fs.release(&caller, fh).expect("it is open");
    stat.ino
}

/// An open file with a megabyte.
fn large(fs: &mut MemFs) -> LowerFh {
    let caller = caller();
    let made = fs.create_open(&caller, ROOT, b"large", 0o644, OpenFlags::RDWR);
    let (_, fh) = made.expect("there is room");
    fs.write(&caller, fh, 0, &vec![7; 1 << 20]).expect("there is room");
    fh
}

/// Numbers below `below` in an order that no cache can guess.
#[derive(Debug)]
struct Scatter(u64);

impl Scatter {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) % below
    }
}

fn plain(criterion: &mut Criterion) {
    let caller = caller();
    let mut group = criterion.benchmark_group("plain");
    let (mut fs, files) = flat(1_000);
    let fh = large(&mut fs);
    let mut scatter = Scatter(1);
    group.bench_function("lookup", |bencher| {
        let names: Vec<String> = (0..1_000).map(|number| format!("file-{number}")).collect();
        bencher.iter(|| {
            let name = &names[scatter.below(1_000) as usize];
            black_box(fs.lookup(&caller, ROOT, name.as_bytes()))
        });
    });
    group.bench_function("getattr", |bencher| {
        bencher.iter(|| black_box(fs.getattr(&caller, files[scatter.below(1_000) as usize])));
    });
    group.bench_function("read 4k", |bencher| {
        bencher.iter(|| black_box(fs.read(&caller, fh, scatter.below(256) * 4096, 4096)));
    });
    group.bench_function("write 4k", |bencher| {
        let data = [9; 4096];
        bencher.iter(|| black_box(fs.write(&caller, fh, scatter.below(256) * 4096, &data)));
    });
    group.bench_function("write 16 of 4k", |bencher| {
        let data = [9; 16];
        bencher.iter(|| black_box(fs.write(&caller, fh, scatter.below(65_536) * 16, &data)));
    });
    group.bench_function("create and unlink", |bencher| {
        bencher.iter(|| {
            let made = fs.create(&caller, ROOT, b"new", 0o644).expect("the name is free");
            fs.unlink(&caller, ROOT, b"new").expect("it was made");
            fs.forget(&caller, made.ino)
        });
    });
    group.finish();
}

/// Clone, one change, drop.
fn fork(criterion: &mut Criterion) {
    let caller = caller();
    for (shape, make) in [("spread", spread as fn(u64) -> _), ("flat", flat)] {
        for count in COUNTS {
            let (fs, files) = make(count);
            let files: &[Ino] = &files;
            let mut fork_group = criterion.benchmark_group(format!("fork/{shape}"));
            let mut scatter = Scatter(1);
            let mut bench = |name: &str, change: &dyn Fn(&mut MemFs, &mut Scatter)| {
                fork_group.bench_function(BenchmarkId::new(name, count), |bencher| {
                    bencher.iter(|| {
                        let mut fork = fs.clone();
                        change(&mut fork, &mut scatter);
                        black_box(fork.digest())
                    });
                });
            };
            bench("chmod of one file", &|fork, _| {
                let changes = AttrChanges { permissions: Some(0o600), ..AttrChanges::default() };
                fork.setattr(&caller, files[0], changes).expect("root may");
            });
            bench("chmod of any file", &|fork, scatter| {
                let file = files[scatter.below(count) as usize];
                let changes = AttrChanges { permissions: Some(0o600), ..AttrChanges::default() };
                fork.setattr(&caller, file, changes).expect("root may");
            });
            bench("create", &|fork, _| {
                fork.create(&caller, ROOT, b"new", 0o644).expect("the name is free");
            });
            bench("open, write, release", &|fork, _| {
                let fh = fork.open(&caller, files[0], OpenFlags::WRONLY).expect("root may");
                fork.write(&caller, fh, 3, b"changed").expect("there is room");
                fork.release(&caller, fh).expect("it is open");
            });
        }
    }
}

criterion_group!(benches, plain, fork);
criterion_main!(benches);
