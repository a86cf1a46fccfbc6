//! `harness clean`: the cache of images, made smaller.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use crate::cache;
use crate::image::error::{Error, Reason};
use crate::image::size;
use crate::image::store::prune::{Keep, prune};
use crate::render;

/// Removes layers and blobs of images that no test has used for long
///
/// What a running test uses is never removed. Without --cache the cache is HARNESS_CACHE, else `harness` in the target
/// directory of the project around (CARGO_TARGET_DIR, `target`), else in the user's cache directory.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The directory of the cache
    #[arg(long, value_name = "DIR")]
    cache: Option<PathBuf>,
    /// Remove what was not used for this time: a number with s, m, h, d or w; 0 removes everything
    #[arg(long, value_name = "TIME", default_value = "30d")]
    older_than: String,
    /// Then remove what was not used for the longest time, until this much is left: `10G`
    #[arg(long, value_name = "SIZE")]
    keep: Option<String>,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn main(arguments: &Arguments) -> ExitCode {
    let keep = match keep(arguments) {
        Ok(keep) => keep,
        Err(reason) => return failed(reason, super::USAGE),
    };
    let Some(cache) = arguments.cache.clone().or_else(cache::of_project) else {
        return failed(Reason::NoCache, 1);
    };
    match prune(&cache, keep, arguments.dry_run, SystemTime::now()) {
        Ok(pruned) => super::print(&render::image::pruned(&cache, &pruned, arguments.dry_run)),
        Err(reason) => failed(reason, 1),
    }
}

fn failed(reason: Reason, code: u8) -> ExitCode {
    super::complain(&Error::new("harness clean", reason).to_string());
    ExitCode::from(code)
}

fn keep(arguments: &Arguments) -> Result<Keep, Reason> {
    let bytes = arguments.keep.as_deref().map(|given| size::parse("--keep", given)).transpose()?;
    Ok(Keep { used_within: time(&arguments.older_than)?, bytes })
}

fn time(given: &str) -> Result<Duration, Reason> {
    let accepted = "a number with s, m, h, d or w";
    let bad = || Reason::Setting { name: "--older-than", given: given.to_owned(), accepted };
    let end = given.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(given.len());
    let (number, unit) = given.split_at(end);
    let number: u64 = number.parse().map_err(|_| bad())?;
    let seconds = match unit {
        "" if number == 0 => 1,
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        _ => return Err(bad()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (given, seconds) in
            [("0", 0), ("7s", 7), ("2m", 120), ("1h", 3600), ("30d", 2_592_000), ("1w", 604_800)]
        {
            assert_eq!(time(given), Ok(Duration::from_secs(seconds)), "{given}");
        }
        for bad in ["", "7", "d", "1.5d", "-1d", "1 d", "99999999999999999999d", "9999999999999999999w"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }
}
