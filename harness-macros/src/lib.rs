//! The `#[isolated]` attribute.
use proc_macro::TokenStream;

/// Skeleton.
#[proc_macro_attribute]
pub fn isolated(_args: TokenStream, item: TokenStream) -> TokenStream {
    item
}
