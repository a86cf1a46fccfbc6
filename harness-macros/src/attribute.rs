//! Other people's attributes, by name: which transform the function, which register a test.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::punctuated::Punctuated;
use syn::{Attribute, Meta, Path, Token};

/// These leave the function as it is. `#[test]` is not among them: it may be another crate's, imported.
const INERT: &[&str] = &[
    "allow",
    "automatically_derived",
    "cfg",
    "cold",
    "coverage",
    "deny",
    "deprecated",
    "doc",
    "expect",
    "export_name",
    "forbid",
    "ignore",
    "inline",
    "link_section",
    "must_use",
    "no_mangle",
    "should_panic",
    "target_feature",
    "track_caller",
    "unsafe",
    "warn",
];

/// Namespaces of attributes that leave the function as it is.
const TOOLS: &[&str] = &["clippy", "diagnostic", "miri", "rust_analyzer", "rustfmt"];

/// Those of serial_test: the runner must take their lock, one taken in the guest excludes nobody.
const OUTSIDE: &[&str] = &["serial", "parallel", "file_serial", "file_parallel"];

/// These register the function as a test, or make functions that are.
const REGISTERING: &[&str] =
    &["test", "rstest", "test_case", "test_matrix", "quickcheck", "gtest", "parameterized"];

/// Whether the last segment of the path is `name`.
pub(crate) fn ends_with(path: &Path, name: &str) -> bool {
    path.segments.last().is_some_and(|last| last.ident == name)
}

/// Whether this attribute must wrap the isolated test, and not be wrapped by it.
pub(crate) fn stays_outside(attr: &Attribute) -> bool {
    OUTSIDE.iter().any(|name| ends_with(attr.path(), name))
}

/// Whether the function after this attribute is the same as before.
pub(crate) fn is_inert(attr: &Attribute) -> bool {
    let path = attr.path();
    INERT.iter().any(|name| path.is_ident(name))
        || path.segments.len() > 1 && TOOLS.iter().any(|tool| path.segments[0].ident == tool)
        || is_std_test(path)
        || stays_outside(attr)
}

/// `::core::prelude::v1::test`, as other macros emit it.
fn is_std_test(path: &Path) -> bool {
    let in_prelude = path.segments.iter().any(|segment| segment.ident == "prelude");
    in_prelude && ends_with(path, "test")
}

/// The name given to `#[$attr]` of a `macro_rules!`, which stands for attributes of the macro's caller.
pub(crate) const FRAGMENT: &str = "$";

/// One attribute of a function, out of its `cfg_attr`.
pub(crate) struct Seen {
    /// Last segment of its path.
    pub(crate) name: String,
    args: String,
    /// The `cfg` predicate under which it is there.
    pub(crate) when: TokenStream,
}

impl Seen {
    /// Attributes as they stand in the source, without `#[` and `]`.
    pub(crate) fn read(texts: &[String]) -> Vec<Self> {
        texts.iter().flat_map(|text| Self::read_one(text)).collect()
    }

    fn read_one(text: &str) -> Vec<Self> {
        let always = quote!(all());
        if text.starts_with('$') {
            let (name, args) = (FRAGMENT.to_owned(), String::new());
            return vec![Self { name, args, when: always }];
        }
        syn::parse_str(text).map_or_else(|_| Vec::new(), |meta| Self::flatten(&meta, &always))
    }

    pub(crate) fn of(attr: &Attribute) -> Vec<Self> {
        Self::flatten(&attr.meta, &quote!(all()))
    }

    pub(crate) fn registers(&self) -> bool {
        REGISTERING.contains(&&*self.name)
    }

    /// Whether this is our own attribute, given these arguments; its import may have renamed it.
    pub(crate) fn is_isolated(&self, args: &TokenStream) -> bool {
        let args = bare(&args.to_string());
        self.name == "isolated" || !args.is_empty() && bare(&self.args) == args
    }

    fn flatten(meta: &Meta, when: &TokenStream) -> Vec<Self> {
        match meta {
            Meta::List(list) if list.path.is_ident("cfg_attr") => {
                let inner = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated);
                let mut inner = inner.into_iter().flatten();
                let Some(predicate) = inner.next() else {
                    return Vec::new();
                };
                let both = quote!(all(#when, #predicate));
                inner.flat_map(|meta| Self::flatten(&meta, &both)).collect()
            }
            _ => vec![Self::new(meta, when)],
        }
    }

    fn new(meta: &Meta, when: &TokenStream) -> Self {
        let name = meta.path().segments.last().map(|last| last.ident.to_string());
        let args = match meta {
            Meta::List(list) => list.tokens.to_string(),
            _ => String::new(),
        };
        Self { name: name.unwrap_or_default(), args, when: when.to_token_stream() }
    }
}

/// Tokens as text, however they are spaced, without a comma at the end.
fn bare(tokens: &str) -> String {
    let text: String = tokens.split_whitespace().collect();
    text.trim_end_matches(',').to_owned()
}
