//! What one expansion of ours tells the next: `__deferred(seen("rstest", "case"), tested(all()))`.

use crate::args;
use crate::attribute::{self, Seen};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::punctuated::Punctuated;
use syn::{Attribute, LitStr, Meta, Token, parenthesized};

#[derive(Default)]
pub(crate) struct Marker {
    /// Attributes that we deferred past, each as often as it was there: one that nobody consumes is not
    /// waited for for ever.
    seen: Vec<String>,
    /// The `cfg` predicates under which another attribute registers the test.
    tested: Vec<TokenStream>,
}

impl Marker {
    pub(crate) fn read(tokens: TokenStream) -> syn::Result<Self> {
        Self::parse.parse2(tokens)
    }

    /// Keeps what these attributes say about registration.
    pub(crate) fn note_registering(&mut self, attributes: impl IntoIterator<Item = Seen>) {
        let registering = attributes.into_iter().filter(Seen::registers);
        for predicate in registering.map(|seen| seen.when) {
            let known = |known: &TokenStream| known.to_string() == predicate.to_string();
            if !self.tested.iter().any(known) {
                self.tested.push(predicate);
            }
        }
    }

    /// Keeps what the attributes behind us say; whether one of them has to go first.
    pub(crate) fn note(&mut self, attrs: &[Attribute]) -> bool {
        self.note_registering(attrs.iter().flat_map(Seen::of));
        let mut known = self.seen.clone();
        let mut new = Vec::new();
        for attr in attrs.iter().filter(|attr| !attribute::is_inert(attr)) {
            let path = attr.path().to_token_stream().to_string();
            match known.iter().position(|seen| *seen == path) {
                Some(at) => drop(known.swap_remove(at)),
                None => new.push(path),
            }
        }
        let any = !new.is_empty();
        self.seen.extend(new);
        any
    }

    /// Whether another attribute registers the test, under some condition.
    pub(crate) fn is_tested(&self) -> bool {
        !self.tested.is_empty()
    }

    /// `#[test]`, unless (or in so far as) another attribute registers the test.
    pub(crate) fn test_attribute(&self) -> TokenStream {
        let tested = &self.tested;
        let test = quote!(::core::prelude::v1::test);
        if tested.is_empty() { quote!(#[#test]) } else { quote!(#[cfg_attr(not(any(#(#tested),*)), #test)]) }
    }
}

impl Parse for Marker {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let seen = list::<LitStr>(input, "seen")?;
        input.parse::<Token![,]>()?;
        let tested = list::<Meta>(input, "tested")?;
        Ok(Self {
            seen: seen.iter().map(LitStr::value).collect(),
            tested: tested.iter().map(Meta::to_token_stream).collect(),
        })
    }
}

fn list<T: Parse>(input: ParseStream<'_>, name: &str) -> syn::Result<Punctuated<T, Token![,]>> {
    let word: Ident = input.parse()?;
    if word != name {
        return Err(input.error(format!("expected `{name}`")));
    }
    let entries;
    parenthesized!(entries in input);
    Punctuated::parse_terminated(&entries)
}

impl ToTokens for Marker {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let name = Ident::new(args::MARKER, Span::call_site());
        let Self { seen, tested } = self;
        tokens.extend(quote!(#name(seen(#(#seen),*), tested(#(#tested),*))));
    }
}
