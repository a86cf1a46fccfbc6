//! Which of an index's images is for this machine.

use std::fmt;

use oci_spec::image as oci;

/// What an image says that it runs on, in Go's words: `linux/arm64/v8`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Platform {
    pub(crate) os: String,
    pub(crate) architecture: String,
    pub(crate) variant: Option<String>,
}

impl Platform {
    /// From a descriptor's `platform` or from an image's configuration.
    pub(crate) fn new(os: &oci::Os, architecture: &oci::Arch, variant: &Option<String>) -> Self {
        let variant = variant.clone().filter(|variant| !variant.is_empty());
        Self { os: os.to_string(), architecture: architecture.to_string(), variant }
    }

    /// What BuildKit puts beside an image: how it was built. No image.
    pub(crate) fn is_unknown(&self) -> bool {
        self.os == "unknown" && self.architecture == "unknown"
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

/// What this machine runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Machine {
    architecture: &'static str,
    /// The highest variant: `v3` is 3.
    level: u8,
}

impl Machine {
    pub(crate) fn this() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "x86" => "386",
            "aarch64" => "arm64",
            "loongarch64" => "loong64",
            "powerpc64" if cfg!(target_endian = "little") => "ppc64le",
            "powerpc64" => "ppc64",
            "mips64" if cfg!(target_endian = "little") => "mips64le",
            other => other,
        };
        Self { architecture, level: level() }
    }

    /// The platform, for messages.
    pub(crate) fn name(self) -> String {
        format!("linux/{}", self.architecture)
    }

    /// How well a platform fits; none if it does not run here.
    pub(crate) fn rank(self, platform: &Platform) -> Option<u8> {
        if platform.os != "linux" || platform.architecture != self.architecture {
            return None;
        }
        // Without a variant it is the least that the architecture has.
        let least = match self.architecture {
            "arm64" => 8,
            "arm" => 5,
            _ => 1,
        };
        let Some(variant) = &platform.variant else { return Some(least) };
        let level = variant.strip_prefix('v')?.parse().ok()?;
        (least..=self.level.max(least)).contains(&level).then_some(level)
    }
}

/// The x86-64 psABI's levels.
#[cfg(target_arch = "x86_64")]
fn level() -> u8 {
    use std::arch::is_x86_feature_detected as has;
    let second = has!("sse4.2") && has!("popcnt") && has!("ssse3") && has!("cmpxchg16b");
    let third = has!("avx2") && has!("bmi1") && has!("bmi2") && has!("fma") && has!("lzcnt") && has!("movbe");
    let fourth =
        has!("avx512f") && has!("avx512bw") && has!("avx512cd") && has!("avx512dq") && has!("avx512vl");
    1 + u8::from(second) + u8::from(second && third) + u8::from(second && third && fourth)
}

#[cfg(not(target_arch = "x86_64"))]
fn level() -> u8 {
    match std::env::consts::ARCH {
        "aarch64" => 8,
        "arm" if cfg!(target_feature = "v7") => 7,
        "arm" => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        let (os, architecture) = (parts.next().unwrap(), parts.next().unwrap());
        Platform { os, architecture, variant: parts.next() }
    }

    #[test]
    fn what_runs_on_which_machine() {
        let amd64 = Machine { architecture: "amd64", level: 3 };
        let arm64 = Machine { architecture: "arm64", level: 8 };
        let arm = Machine { architecture: "arm", level: 7 };
        let cases = [
            (amd64, "linux/amd64", Some(1)),
            (amd64, "linux/amd64/v1", Some(1)),
            (amd64, "linux/amd64/v3", Some(3)),
            (amd64, "linux/amd64/v4", None),
            (amd64, "linux/amd64/strange", None),
            (amd64, "linux/386", None),
            (amd64, "windows/amd64", None),
            (arm64, "linux/arm64", Some(8)),
            (arm64, "linux/arm64/v8", Some(8)),
            (arm64, "linux/arm64/v9", None),
            (arm, "linux/arm", Some(5)),
            (arm, "linux/arm/v6", Some(6)),
            (arm, "linux/arm/v7", Some(7)),
            (arm, "linux/arm64/v8", None),
        ];
        for (machine, text, rank) in cases {
            assert_eq!(machine.rank(&platform(text)), rank, "{text} on {machine:?}");
            assert_eq!(platform(text).to_string(), text);
        }
        assert!(platform("unknown/unknown").is_unknown());
    }

    #[test]
    fn this_machine_runs_its_own_images() {
        let machine = Machine::this();
        assert!(machine.rank(&platform(&machine.name())).is_some());
    }
}
