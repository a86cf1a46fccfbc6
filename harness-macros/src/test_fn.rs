//! The function under the attribute: its head is parsed, its body is passed through as it is, so that new
//! syntax in a body does not need a new syn.

use crate::errors::at;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Signature, Visibility};

#[derive(Clone)]
pub(crate) struct TestFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// With its braces.
    pub(crate) body: TokenStream,
}

impl TestFn {
    pub(crate) fn read(item: TokenStream) -> syn::Result<Self> {
        syn::parse2(item.clone())
            .map_err(|_| at(head(item), "#[isolated] goes on a test function, `fn name() { .. }`"))
    }

    pub(crate) fn has_attribute(&self, name: &str) -> bool {
        self.attrs.iter().any(|attr| attr.path().is_ident(name))
    }
}

impl Parse for TestFn {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let body = braces(input.parse()?)?;
        Ok(Self { attrs, vis, sig, body })
    }
}

/// The body itself: one that came through a `macro_rules!` fragment has an invisible group around.
fn braces(body: TokenTree) -> syn::Result<TokenStream> {
    match &body {
        TokenTree::Group(group) => match group.delimiter() {
            Delimiter::Brace => Ok(body.into()),
            Delimiter::None => braces(syn::parse2(group.stream())?),
            _ => Err(at(body, "expected a body")),
        },
        _ => Err(at(body, "expected a body")),
    }
}

impl ToTokens for TestFn {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for attr in &self.attrs {
            attr.to_tokens(tokens);
        }
        self.vis.to_tokens(tokens);
        self.sig.to_tokens(tokens);
        self.body.to_tokens(tokens);
    }
}

/// The item without its body: what an error about it points at.
fn head(item: TokenStream) -> TokenStream {
    let is_body =
        |tree: &TokenTree| matches!(tree, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
    item.into_iter().take_while(|tree| !is_body(tree)).collect()
}
