//! The function under the attribute: its head is parsed, its body is passed through as it is, so that new
//! syntax in a body does not need a new syn.

use crate::errors::at;
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{AttrStyle, Attribute, Signature, Visibility};

#[derive(Clone)]
pub(crate) struct TestFn {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    /// With its braces, without its inner attributes.
    pub(crate) body: Group,
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
        let mut attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        let (inner, body) = without_inner_attributes(&braces(input.parse()?)?)?;
        attrs.extend(inner);
        Ok(Self { attrs, vis, sig, body })
    }
}

/// The body itself: one that came through a `macro_rules!` fragment has an invisible group around.
fn braces(body: TokenTree) -> syn::Result<Group> {
    match body {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => Ok(group),
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            braces(syn::parse2(group.stream())?)
        }
        other => Err(at(other, "expected a body")),
    }
}

/// `#![allow(..)]` in a body is about the function: as outer ones they do not stand in the way of what is made of the
/// body.
fn without_inner_attributes(body: &Group) -> syn::Result<(Vec<Attribute>, Group)> {
    let split = |input: ParseStream<'_>| {
        let mut attrs = input.call(Attribute::parse_inner)?;
        attrs.iter_mut().for_each(|attr| attr.style = AttrStyle::Outer);
        Ok((attrs, input.parse::<TokenStream>()?))
    };
    let (attrs, rest) = split.parse2(body.stream())?;
    Ok((attrs, braced(rest, body.span())))
}

/// These tokens in braces that stand there.
pub(crate) fn braced(tokens: TokenStream, span: Span) -> Group {
    let mut group = Group::new(Delimiter::Brace, tokens);
    group.set_span(span);
    group
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
