//! What blocks may hold, from a JSON Schema: read once, so that no key of a file looks at the schema again.

use std::collections::{BTreeMap, HashMap};
use std::ptr;

use serde_json::Value as Json;

/// How deep references and alternatives are followed.
const DEPTH: u8 = 16;

/// Which shape, of [`Shapes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ShapeId(usize);

/// What a value may hold, whichever of its alternatives it is.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    /// The settings of the block by their names.
    pub(crate) fields: BTreeMap<String, ShapeId>,
    /// What is below names of the user's choice.
    pub(crate) named: Option<ShapeId>,
    /// What is in a list.
    pub(crate) items: Option<ShapeId>,
    /// The settings that have to be there, where there is only one block that it can be.
    pub(crate) required: Vec<String>,
}

/// The shapes of a schema.
#[derive(Debug)]
pub(crate) struct Shapes {
    all: Vec<Shape>,
    nothing: Shape,
}

impl Shapes {
    /// The shapes of a schema; the first is that of its root.
    pub(crate) fn of(root: &Json) -> Self {
        let mut reader = Reader { root, all: Vec::new(), known: HashMap::new() };
        reader.shape(&[root]);
        Self { all: reader.all, nothing: Shape::default() }
    }

    /// The whole file's.
    pub(crate) fn root(&self) -> &Shape {
        self.get(ShapeId(0))
    }

    pub(crate) fn get(&self, ShapeId(index): ShapeId) -> &Shape {
        self.all.get(index).unwrap_or(&self.nothing)
    }
}

struct Reader<'s> {
    root: &'s Json,
    all: Vec<Shape>,
    /// By the addresses of the schemas.
    known: HashMap<Vec<usize>, ShapeId>,
}

impl<'s> Reader<'s> {
    fn shape(&mut self, schemas: &[&'s Json]) -> ShapeId {
        let addresses: Vec<usize> = schemas.iter().map(|schema| ptr::from_ref(*schema).addr()).collect();
        if let Some(known) = self.known.get(&addresses) {
            return *known;
        }
        let id = ShapeId(self.all.len());
        // A type that holds itself finds this.
        self.known.insert(addresses, id);
        self.all.push(Shape::default());
        let shape = self.read(schemas);
        if let Some(place) = self.all.get_mut(id.0) {
            *place = shape;
        }
        id
    }

    fn read(&mut self, schemas: &[&'s Json]) -> Shape {
        let mut all = Vec::new();
        for schema in schemas {
            meanings(schema, self.root, DEPTH, &mut all);
        }
        let mut fields: BTreeMap<&'s String, Vec<&'s Json>> = BTreeMap::new();
        let (mut named, mut items) = (Vec::new(), Vec::new());
        for schema in &all {
            for (name, schema) in schema.get("properties").and_then(Json::as_object).into_iter().flatten() {
                fields.entry(name).or_default().push(schema);
            }
            let patterns = schema.get("patternProperties").and_then(Json::as_object);
            named.extend(patterns.into_iter().flat_map(|patterns| patterns.values()));
            named.extend(schema.get("additionalProperties").filter(|further| further.is_object()));
            items.extend(schema.get("items"));
        }
        let mut blocks = all.iter().filter(|schema| schema.get("properties").is_some());
        let required = match (blocks.next(), blocks.next()) {
            (Some(block), None) => block.get("required").and_then(Json::as_array),
            _ => None,
        };
        let required = required.into_iter().flatten().filter_map(Json::as_str).map(str::to_owned);
        Shape {
            required: required.collect(),
            fields: fields.into_iter().map(|(name, of)| (name.clone(), self.shape(&of))).collect(),
            named: (!named.is_empty()).then(|| self.shape(&named)),
            items: (!items.is_empty()).then(|| self.shape(&items)),
        }
    }
}

/// Everything that a schema may mean: references and alternatives resolved.
fn meanings<'s>(schema: &'s Json, root: &'s Json, depth: u8, found: &mut Vec<&'s Json>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    if let Some(name) = schema.get("$ref").and_then(Json::as_str)
        && let Some(target) = name.strip_prefix('#').and_then(|pointer| root.pointer(pointer))
    {
        meanings(target, root, depth, found);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for schema in schema.get(key).and_then(Json::as_array).into_iter().flatten() {
            meanings(schema, root, depth, found);
        }
    }
    found.push(schema);
}
