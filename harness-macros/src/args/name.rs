//! Values that are text of a certain form: host names, environment variables, CPU lists.

use super::value::{Read, Value};

/// `__NEW_UTS_LEN` of the kernel.
const HOSTNAME_MAX: usize = 64;

impl Value<'_> {
    pub(super) fn hostname(&self) -> Read<String> {
        let name = self.string()?;
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if name.len() > HOSTNAME_MAX {
            return Err(self.wrong(format!("{} bytes are too long for a host name", name.len())));
        }
        if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
            return Err(self.wrong(format!("a host name has letters, digits, `-` and `.`, not `{bad}`")));
        }
        if name.split('.').any(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-')) {
            return Err(self.wrong(format!("`{name}` has a `-` or `.` where a letter or digit must be")));
        }
        Ok(name)
    }

    pub(super) fn env(&self, earlier: &[(String, String)]) -> Read<(String, String)> {
        let text = self.string()?;
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(self.wrong(format!("`{text}` has no name in front of a `=`")));
        };
        if earlier.iter().any(|(known, _)| known == name) {
            return Err(self.wrong(format!("`{name}` is set twice")));
        }
        Ok((name.to_owned(), value.to_owned()))
    }

    pub(super) fn cpuset(&self) -> Read<String> {
        let list = self.string()?;
        if is_cpu_list(&list) {
            return Ok(list);
        }
        Err(self.wrong(format!("`{list}` is no list of CPU numbers and ascending ranges")))
    }
}

/// `0-3,7`, as cpuset(7) reads lists.
pub(super) fn is_cpu_list(list: &str) -> bool {
    list.split(',').all(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((cpu(first), cpu(last)), (Some(first), Some(last)) if first <= last)
    })
}

/// Digits only: `parse` alone would take a `+`.
fn cpu(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

#[cfg(test)]
mod tests {
    use super::is_cpu_list;

    #[test]
    fn cpu_lists() {
        for list in ["0", "0-3", "0-3,7", "1-1"] {
            assert!(is_cpu_list(list), "{list}");
        }
        for list in ["", "3-0", "a", "0-", "-3", "0,", "+1", "0 1", "1-2-3"] {
            assert!(!is_cpu_list(list), "{list}");
        }
    }
}
