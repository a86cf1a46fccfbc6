//! What memory is made of: `memory.stat` in the kernel's v2 names.

use std::time::Instant;

use super::layout::{Controller, Version};
use super::node::Node;
use crate::evidence::{Measured, MemoryStat};

/// v2 name and v1 name of the entries that are bytes (the others count events), in the order of v2.
///
/// v1's `total_` entries include descendants, as v2's do. v1 does not tell kernel stacks, page tables
/// and slab apart: `kernel` is their sum, from `memory.kmem.usage_in_bytes`.
const BYTES: &[(&str, Option<&str>)] = &[
    ("anon", Some("total_rss")),
    ("file", Some("total_cache")),
    ("kernel", None),
    ("kernel_stack", None),
    ("pagetables", None),
    ("sec_pagetables", None),
    ("percpu", None),
    ("sock", None),
    ("vmalloc", None),
    ("shmem", Some("total_shmem")),
    ("zswap", None),
    ("zswapped", None),
    ("file_mapped", Some("total_mapped_file")),
    ("file_dirty", Some("total_dirty")),
    ("file_writeback", Some("total_writeback")),
    ("swapcached", Some("total_swapcached")),
    ("anon_thp", Some("total_rss_huge")),
    ("file_thp", None),
    ("shmem_thp", None),
    ("inactive_anon", Some("total_inactive_anon")),
    ("active_anon", Some("total_active_anon")),
    ("inactive_file", Some("total_inactive_file")),
    ("active_file", Some("total_active_file")),
    ("unevictable", Some("total_unevictable")),
    ("slab_reclaimable", None),
    ("slab_unreclaimable", None),
    ("slab", None),
    ("hugetlb", None),
];

/// The byte entries of a `memory.stat`, in v2's names and order; `kernel` is v1's kernel memory.
pub(super) fn bytes(version: Version, text: &str, kernel: Option<u64>) -> Vec<(String, u64)> {
    let value = |v2: &str, v1: Option<&str>| match version {
        Version::V1 if v2 == "kernel" => kernel,
        Version::V1 => super::files::keyed(text, v1?),
        Version::V2 => super::files::keyed(text, v2),
    };
    BYTES.iter().filter_map(|(v2, v1)| Some(((*v2).to_owned(), value(v2, *v1)?))).collect()
}

/// A leaf's memory at one moment.
#[derive(Debug)]
pub(super) struct Sample {
    taken: Instant,
    bytes: Vec<(String, u64)>,
}

impl Sample {
    /// None where there is no memory controller.
    pub(super) fn take(nodes: &[Node]) -> Option<Self> {
        let node = nodes.iter().find(|node| node.has(Controller::Memory))?;
        let text = node.text("memory.stat")?;
        let kernel = match node.version {
            Version::V1 => node.number("memory.kmem.usage_in_bytes"),
            Version::V2 => None,
        };
        Some(Self { taken: Instant::now(), bytes: bytes(node.version, &text, kernel) })
    }

    /// The sample as a figure, the run having ended now.
    pub(super) fn measured(&self) -> Measured<MemoryStat> {
        let when = format!("sampled {} ms before the end", self.taken.elapsed().as_millis());
        Measured::new(MemoryStat { when, bytes: self.bytes.clone() }, "memory.stat")
    }

    /// The sample as the figure of a run that ended without a kill.
    pub(super) fn at_the_end(self) -> Measured<MemoryStat> {
        Measured::new(MemoryStat { when: "at the end".to_owned(), bytes: self.bytes }, "memory.stat")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[(String, u64)]) -> Vec<(&str, u64)> {
        bytes.iter().map(|(name, value)| (name.as_str(), *value)).collect()
    }

    #[test]
    fn v1_names_are_translated_and_hierarchical() {
        let text = "cache 1\nrss 2\npgfault 3\ntotal_cache 10\ntotal_rss 20\ntotal_shmem 4\n\
                    total_pgfault 30\nhierarchical_memory_limit 5\n";
        let found = bytes(Version::V1, text, Some(7));
        assert_eq!(names(&found), [("anon", 20), ("file", 10), ("kernel", 7), ("shmem", 4)]);
    }

    #[test]
    fn v2_counts_are_left_out() {
        let text = "anon 20\nfile 10\nkernel 7\nkernel_stack 5\nworkingset_refault_anon 9\npgfault 3\n";
        let found = bytes(Version::V2, text, None);
        assert_eq!(names(&found), [("anon", 20), ("file", 10), ("kernel", 7), ("kernel_stack", 5)]);
    }
}
