//! The command `harness`: what it does stands in the library's `cli`.

fn main() -> std::process::ExitCode {
    harness::cli::main()
}
