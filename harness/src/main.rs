//! The command line of fuserig: parse, call, exit.

/// Simulations ask for room and give it back a dozen times for each operation.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    fuserig::cli::run()
}
