//! The documents of images: JSON whose fields are taken by name, and whose errors name the field.
//!
//! Some fifteen fields are read; the types of a crate for all of them would take longer to compile than the rest
//! of this library.

use serde_json::Value;

use super::error::Reason;
use super::fault::Fault;

/// A value, and the way to it: `layers[2].digest`.
#[derive(Debug, Clone)]
pub(crate) struct Json<'a> {
    value: &'a Value,
    field: String,
}

/// The document in these bytes.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Reason> {
    serde_json::from_slice(bytes).map_err(|error| Fault::NoJson(error.to_string()).into())
}

impl<'a> Json<'a> {
    /// The document as a whole.
    pub(crate) fn of(value: &'a Value) -> Self {
        Self { value, field: String::new() }
    }

    /// A field; one that is `null` is absent.
    pub(crate) fn get(&self, name: &str) -> Option<Self> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(Self { value, field: self.below(name) })
    }

    /// A field that must be there.
    pub(crate) fn need(&self, name: &str) -> Result<Self, Reason> {
        if !self.value.is_object() {
            return Err(self.not("is not an object"));
        }
        let missing = || Fault::Field { field: self.below(name), wanted: "is missing" }.into();
        self.get(name).ok_or_else(missing)
    }

    fn below(&self, name: &str) -> String {
        let dot = if self.field.is_empty() { "" } else { "." };
        format!("{}{dot}{name}", self.field)
    }

    /// A string, without a NUL: none of what is read may hold one.
    pub(crate) fn text(&self) -> Result<&'a str, Reason> {
        match self.value.as_str() {
            Some(text) if text.contains('\0') => Err(self.not("has a NUL character")),
            Some(text) => Ok(text),
            None => Err(self.not("is not a string")),
        }
    }

    pub(crate) fn number(&self) -> Result<u64, Reason> {
        self.value.as_u64().ok_or_else(|| self.not("is not a whole number"))
    }

    pub(crate) fn list(&self) -> Result<Vec<Self>, Reason> {
        let values = self.value.as_array().ok_or_else(|| self.not("is not a list"))?;
        let field = |place: usize| format!("{}[{place}]", self.field);
        Ok(values.iter().enumerate().map(|(place, value)| Self { value, field: field(place) }).collect())
    }

    /// A list of strings; absent is empty.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, Reason> {
        let Some(list) = self.get(name) else { return Ok(Vec::new()) };
        list.list()?.iter().map(|text| text.text().map(str::to_owned)).collect()
    }

    /// A string; absent is none.
    pub(crate) fn word(&self, name: &str) -> Result<Option<String>, Reason> {
        self.get(name).map(|text| text.text().map(str::to_owned)).transpose()
    }

    /// This value is not what it should be.
    pub(crate) fn not(&self, wanted: &'static str) -> Reason {
        Fault::Field { field: self.field.clone(), wanted }.into()
    }
}
