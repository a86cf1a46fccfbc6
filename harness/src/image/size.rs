//! Sizes as options and environment variables have them: the units of the attribute.

use super::error::Reason;

const ACCEPTED: &str = "a number of bytes, with K, M, G, T or KiB ... (powers of 1024), kB, MB ... (of 1000)";

/// `100M` is 100 MiB; `name` is where it was given.
pub(crate) fn parse(name: &'static str, given: &str) -> Result<u64, Reason> {
    let end = given.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(given.len());
    let (number, unit) = given.split_at(end);
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    let size = number.zip(factor(unit)).and_then(|(number, factor)| number.checked_mul(factor));
    size.ok_or_else(|| Reason::Setting { name, given: given.to_owned(), accepted: ACCEPTED })
}

fn factor(unit: &str) -> Option<u64> {
    Some(match unit {
        "" | "B" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        "kB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        for (given, bytes) in
            [("7", 7), ("1K", 1024), ("2MiB", 2 << 20), ("3GB", 3_000_000_000), ("1T", 1 << 40)]
        {
            assert_eq!(parse("x", given), Ok(bytes));
        }
        for bad in ["", "G", "1 G", "1g", "-1", "1.5G", "0", "99999999T"] {
            assert!(parse("x", bad).is_err(), "{bad}");
        }
    }
}
