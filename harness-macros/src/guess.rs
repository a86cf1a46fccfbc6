//! What a misspelt word was probably meant to be.

/// `; did you mean ..?` with the candidate nearest to `word`, or nothing when none is near.
pub(crate) fn did_you_mean(word: &str, candidates: impl IntoIterator<Item = &'static str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |best| format!("; did you mean `{best}`?"))
}

/// The candidate that `word` is the fewest edits away from, when those are few for its length.
pub(crate) fn nearest(
    word: &str,
    candidates: impl IntoIterator<Item = &'static str>,
) -> Option<&'static str> {
    let word = word.to_lowercase();
    let length = word.chars().count();
    // Any letter is one edit away from any other, which is no likeness.
    let limit = if length < 2 { 0 } else { (length / 3).clamp(1, 2) };
    candidates
        .into_iter()
        .map(|candidate| (distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(edits, _)| *edits <= limit)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance, where swapping two neighbours is one edit as well (`ness` for `mess`, `tmie` for
/// `time`).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let substituted = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = substituted.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        let words = ["net", "mem", "mount", "pid", "pids", "timeout", "time"];
        for (given, meant) in [
            ("nett", Some("net")),
            ("mme", Some("mem")),
            ("NET", Some("net")),
            ("timeuot", Some("timeout")),
            ("mounts", Some("mount")),
            ("frobnicate", None),
        ] {
            assert_eq!(nearest(given, words), meant, "{given}");
        }
    }
}
