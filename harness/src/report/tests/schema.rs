//! As much of JSON Schema 2020-12 as `report.schema.json` uses. Any other keyword is an error, so that
//! nothing in the schema goes unchecked.

use serde_json::{Map, Value};

/// Every complaint about `value`, each with the place it is about.
pub(crate) fn complaints(root: &Value, value: &Value) -> Vec<String> {
    let mut checker = Checker { root, found: Vec::new() };
    checker.check(root, value, "");
    checker.found
}

struct Checker<'a> {
    root: &'a Value,
    found: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, value: &Value, at: &str) {
        for (keyword, rule) in schema.as_object().expect("a schema is an object") {
            match keyword.as_str() {
                "$ref" => self.check(&self.resolve(rule), value, at),
                "type" => self.that(has_type(value, rule), at, "type", rule),
                "const" => self.that(value == rule, at, "const", rule),
                "enum" => self.that(rule.as_array().is_some_and(|all| all.contains(value)), at, "enum", rule),
                "minimum" => self.that(value.as_f64() >= rule.as_f64(), at, "minimum", rule),
                "required" => self.required(rule, value, at),
                "properties" => self.properties(rule, value, at),
                "additionalProperties" => self.additional(schema, rule, value, at),
                "items" => self.items(rule, value, at),
                "oneOf" => self.one_of(rule, value, at),
                "$schema" | "$id" | "$defs" | "title" | "description" => {}
                unknown => self.found.push(format!("schema: keyword {unknown} is not checked")),
            }
        }
    }

    fn that(&mut self, holds: bool, at: &str, keyword: &str, rule: &Value) {
        if !holds {
            self.found.push(format!("{at}: not {keyword} {rule}"));
        }
    }

    fn resolve(&self, reference: &Value) -> Value {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let target = pointer.and_then(|pointer| self.root.pointer(pointer));
        target.unwrap_or_else(|| panic!("{reference} leads nowhere")).clone()
    }

    fn required(&mut self, rule: &Value, value: &Value, at: &str) {
        for key in rule.as_array().expect("an array").iter().filter_map(Value::as_str) {
            self.that(value.get(key).is_some(), at, "with", &Value::from(key));
        }
    }

    fn properties(&mut self, rule: &Value, value: &Value, at: &str) {
        for (key, schema) in rule.as_object().expect("an object") {
            if let Some(inner) = value.get(key) {
                self.check(schema, inner, &format!("{at}/{key}"));
            }
        }
    }

    fn additional(&mut self, schema: &Value, rule: &Value, value: &Value, at: &str) {
        let (none, empty) = (Map::new(), Map::new());
        let known = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let entries = value.as_object().unwrap_or(&empty);
        for (key, inner) in entries.iter().filter(|(key, _)| !known.contains_key(*key)) {
            match rule {
                Value::Bool(allowed) => self.that(*allowed, at, "without", &Value::from(key.as_str())),
                schema => self.check(schema, inner, &format!("{at}/{key}")),
            }
        }
    }

    fn items(&mut self, rule: &Value, value: &Value, at: &str) {
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(rule, item, &format!("{at}/{index}"));
        }
    }

    fn one_of(&mut self, rule: &Value, value: &Value, at: &str) {
        let branches = rule.as_array().expect("an array");
        let fits = |branch: &&Value| {
            let mut inner = Checker { root: self.root, found: Vec::new() };
            inner.check(branch, value, at);
            inner.found.is_empty()
        };
        let count = branches.iter().filter(fits).count();
        self.that(count == 1, at, "oneOf, but", &Value::from(count));
    }
}

fn has_type(value: &Value, rule: &Value) -> bool {
    match rule.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => false,
    }
}
