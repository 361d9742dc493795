//! The command line of fuserig: parse, call, exit.

fn main() -> std::process::ExitCode {
    fuserig::cli::run()
}
