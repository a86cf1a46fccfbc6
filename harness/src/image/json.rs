//! The documents of images: JSON, in the types of the crate `oci-spec`, or in ours where it has none.
//!
//! What is wrong with a field is said with the way to it: `layers[2].digest`.

use serde::de::DeserializeOwned;

use super::error::Reason;
use super::fault::Fault;

/// The document in these bytes.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Reason> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let document = serde_path_to_error::deserialize(&mut json).map_err(wrong)?;
    json.end().map_err(|error| Fault::NoJson(error.to_string()))?;
    Ok(document)
}

/// The same of a document that must be an object: serde takes a list, too, as a struct's fields in their order, which
/// no other reader of images does.
pub(crate) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Reason> {
    if bytes.trim_ascii_start().starts_with(b"{") { parse(bytes) } else { Err(Fault::NoObject.into()) }
}

fn wrong(error: serde_path_to_error::Error<serde_json::Error>) -> Reason {
    let is_whole = error.path().iter().next().is_none();
    let way = if is_whole { String::new() } else { error.path().to_string() };
    let error = error.into_inner();
    if error.is_data() { field(&way, &error.to_string()) } else { Fault::NoJson(error.to_string()).into() }
}

/// This field is not what it should be.
pub(crate) fn field(field: &str, why: &str) -> Reason {
    Fault::Field { field: field.to_owned(), why: why.to_owned() }.into()
}

/// A text that becomes a path, a variable or an argument: for the kernel it would end at a NUL.
pub(crate) fn without_nul(name: &str, text: &str) -> Result<(), Reason> {
    if text.contains('\0') { Err(field(name, "a NUL character")) } else { Ok(()) }
}

/// The same of all texts of a list.
pub(crate) fn all_without_nul(name: &str, texts: &[String]) -> Result<(), Reason> {
    let mut numbered = texts.iter().enumerate();
    numbered.try_for_each(|(place, text)| without_nul(&format!("{name}[{place}]"), text))
}
