//! Types that `serde` knows, read from layers: what is wrong is told where it stands.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::node::{Entry, Node, Origin, Value};

/// What a type does not accept.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    /// What is wrong, and the remedy after a colon; empty if it is told already.
    pub(crate) told: String,
    /// Where; `None` until the value that holds it is left.
    pub(crate) at: Option<Origin>,
}

impl Wrong {
    fn at(mut self, place: &Origin) -> Self {
        self.at.get_or_insert_with(|| place.clone());
        self
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

impl std::error::Error for Wrong {}

impl Error for Wrong {
    fn custom<T: Display>(told: T) -> Self {
        Self { told: told.to_string(), at: None }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(expectation(found, &expected.to_string()))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::custom(expectation(found, &expected.to_string()))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format!("field `{field}` is missing: add it to this block"))
    }
}

/// What is wrong with a value that a type did not expect; `expected` is what the type calls itself.
fn expectation(found: Unexpected<'_>, expected: &str) -> String {
    const NUMBERS: [&str; 12] =
        ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];
    if NUMBERS.contains(&expected.trim_start_matches("a nonzero ")) {
        return "not a whole number that fits here: write its digits, without quotes, sign or unit"
            .to_owned();
    }
    let found = match found {
        Unexpected::Unit | Unexpected::Option => "empty".to_owned(),
        Unexpected::Map => "a block".to_owned(),
        Unexpected::Seq => "a list".to_owned(),
        Unexpected::Str(text) => format!("{text:?}"),
        Unexpected::Unsigned(number) => number.to_string(),
        Unexpected::Signed(number) => number.to_string(),
        Unexpected::Float(number) => number.to_string(),
        Unexpected::Bool(flag) => flag.to_string(),
        other => other.to_string(),
    };
    match expected {
        "a boolean" => "not true or false: write one of the two, without quotes".to_owned(),
        "a string" | "string" => format!("this is {found}: write a text, in quotes"),
        "a sequence" => format!("this is {found}: write a list"),
        "f64" | "f32" => format!("this is {found}: write a number, without quotes"),
        block if block == "a map" || block.starts_with("struct ") => {
            format!("this is {found}: write its settings below it, indented by two spaces, or leave it out")
        }
        _ => format!("this is {found}, expected {expected}"),
    }
}

/// A value and where its mistakes are told.
#[derive(Clone, Copy)]
pub(crate) struct Typed<'a> {
    node: &'a Node,
    at: &'a Origin,
}

impl<'a> Typed<'a> {
    /// The value of an entry: blocks, lists and what is empty are told of at their key.
    pub(crate) fn of(entry: &'a Entry) -> Self {
        let at = match entry.node.value {
            Value::Map(_) | Value::List(_) | Value::Null => &entry.at,
            _ => &entry.node.at,
        };
        Self { node: &entry.node, at }
    }

    fn item(node: &'a Node) -> Self {
        Self { node, at: &node.at }
    }

    /// Where its mistakes are told.
    pub(crate) const fn place(self) -> &'a Origin {
        self.at
    }

    fn unexpected(self) -> Unexpected<'a> {
        match &self.node.value {
            Value::Null | Value::Unfilled(_) => Unexpected::Unit,
            Value::Bool(flag) => Unexpected::Bool(*flag),
            Value::Integer(number) => match (u64::try_from(*number), i64::try_from(*number)) {
                (Ok(number), _) => Unexpected::Unsigned(number),
                (_, Ok(number)) => Unexpected::Signed(number),
                _ => Unexpected::Other("a number that is too great"),
            },
            Value::Float(number) => Unexpected::Float(*number),
            Value::Text(text) | Value::Loose(text) => Unexpected::Str(text),
            Value::List(_) => Unexpected::Seq,
            Value::Map(_) => Unexpected::Map,
        }
    }

    /// As the type wants it; what came from outside is a number or a flag where one is wanted.
    fn scalar<'de, V: Visitor<'de>, T: std::str::FromStr>(
        self,
        visitor: V,
        visit: impl FnOnce(V, T) -> Result<V::Value, Wrong>,
    ) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::Loose(text) => match text.parse() {
                Ok(value) => visit(visitor, value),
                Err(_) => visitor.visit_str(text),
            },
            _ => self.deserialize_any(visitor),
        }
        .map_err(|wrong| wrong.at(self.at))
    }
}

macro_rules! wanted {
    ($($method:ident $type:ty, $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
            self.scalar(visitor, |visitor, value: $type| visitor.$visit(value))
        }
    )*};
}

impl IntoDeserializer<'_, Wrong> for Typed<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Typed<'_> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        let read = match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Integer(number) => whole(*number, visitor),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Text(text) => visitor.visit_str(text),
            Value::Loose(text) => match (text.parse(), text.parse(), text.parse()) {
                (Ok(number), _, _) => whole(number, visitor),
                (_, Ok(number), _) => visitor.visit_f64(number),
                (_, _, Ok(flag)) => visitor.visit_bool(flag),
                _ => visitor.visit_str(text),
            },
            Value::Unfilled(_) => Err(Wrong::custom("")),
            Value::List(items) => visitor.visit_seq(Items(items.iter())),
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), value: None }),
        };
        read.map_err(|wrong| wrong.at(self.at))
    }

    wanted! {
        deserialize_bool bool, visit_bool;
        deserialize_i8 i64, visit_i64;
        deserialize_i16 i64, visit_i64;
        deserialize_i32 i64, visit_i64;
        deserialize_i64 i64, visit_i64;
        deserialize_i128 i128, visit_i128;
        deserialize_u8 u64, visit_u64;
        deserialize_u16 u64, visit_u64;
        deserialize_u32 u64, visit_u64;
        deserialize_u64 u64, visit_u64;
        deserialize_u128 u128, visit_u128;
        deserialize_f32 f64, visit_f64;
        deserialize_f64 f64, visit_f64;
        deserialize_str String, visit_string;
        deserialize_string String, visit_string;
        deserialize_char String, visit_string;
        deserialize_identifier String, visit_string;
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        visitor.visit_newtype_struct(self)
    }

    /// A list is no block, though `serde` would take its items for the fields in their order.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        match &self.node.value {
            Value::List(_) => Err(Wrong::invalid_type(Unexpected::Seq, &visitor).at(self.at)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let read = match &self.node.value {
            Value::Text(text) | Value::Loose(text) => {
                let name: StrDeserializer<'_, Wrong> = text.as_str().into_deserializer();
                visitor.visit_enum(name)
            }
            Value::Map(entries) => match entries.as_slice() {
                [entry] => visitor.visit_enum(Variant(entry)),
                _ => Err(Wrong::custom("this is a block of several settings: write one of them")),
            },
            Value::Unfilled(_) => Err(Wrong::custom("")),
            _ => Err(Wrong::invalid_type(self.unexpected(), &visitor)),
        };
        read.map_err(|wrong| wrong.at(self.at))
    }

    forward_to_deserialize_any! {
        bytes byte_buf unit unit_struct seq tuple tuple_struct map ignored_any
    }
}

fn whole<'de, V: Visitor<'de>>(number: i128, visitor: V) -> Result<V::Value, Wrong> {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(number), _) => visitor.visit_u64(number),
        (_, Ok(number)) => visitor.visit_i64(number),
        _ => visitor.visit_i128(number),
    }
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(Typed::item(node)).map(Some).map_err(|wrong| wrong.at(&node.at))
    }
}

struct Entries<'a> {
    entries: std::slice::Iter<'a, Entry>,
    value: Option<&'a Entry>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        self.value = self.entries.next();
        let Some(entry) = self.value else { return Ok(None) };
        let key: StrDeserializer<'_, Wrong> = entry.key.as_str().into_deserializer();
        seed.deserialize(key).map(Some).map_err(|wrong| wrong.at(&entry.at))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let Some(entry) = self.value.take() else { return Err(Wrong::custom("a value was asked for twice")) };
        let typed = Typed::of(entry);
        seed.deserialize(typed).map_err(|wrong| wrong.at(typed.at))
    }
}

/// A variant that is written as a block with one entry.
struct Variant<'a>(&'a Entry);

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Wrong;
    type Variant = Typed<'a>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Typed<'a>), Wrong> {
        let name: StrDeserializer<'_, Wrong> = self.0.key.as_str().into_deserializer();
        let name = seed.deserialize(name).map_err(|wrong| wrong.at(&self.0.at))?;
        Ok((name, Typed::of(self.0)))
    }
}

impl<'de> VariantAccess<'de> for Typed<'_> {
    type Error = Wrong;

    fn unit_variant(self) -> Result<(), Wrong> {
        Err(Wrong::custom("this has no settings: write its name alone").at(self.at))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Wrong> {
        seed.deserialize(self).map_err(|wrong| wrong.at(self.at))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Wrong> {
        self.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        self.deserialize_struct("", fields, visitor)
    }
}
