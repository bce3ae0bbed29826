//! `conditions.md` says what the code does. `UPDATE_DOCS=1 cargo test -p alerting documents` writes its tables anew.

use std::fmt::Write as _;
use std::path::Path;

use super::*;

fn document() -> String {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("conditions.md"))
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .unwrap()
}

fn fields(vocabulary: &Vocabulary) -> String {
    let mut table = "| field | is | compared by | |\n|---|---|---|---|\n".to_owned();
    for field in vocabulary.fields() {
        let (name, kind) = (&field.name, field.kind);
        writeln!(table, "| `{name}` | {} | `{}` | {} |", kind.article(), kind.operators(), field.about)
            .unwrap();
    }
    table
}

fn values() -> String {
    let mut table = "| what a field is | is written as |\n|---|---|\n".to_owned();
    for kind in Kind::ALL {
        writeln!(table, "| {} | {} |", kind.article(), kind.value()).unwrap();
    }
    table
}

fn errors() -> String {
    let mut block = "```text\n".to_owned();
    for text in [
        "environment:production AND respone_time > 2s",
        "status:unhealty",
        "response_time > 2",
        "response_time > 5%",
        "environment > production",
        "environment:production && status:unhealthy",
        "alarm:Shop Errors",
        "alarm:arn:aws:cloudwatch",
        "environment:staging, production",
        "(cpu > 90% OR memory > 90%",
        "affected_environments >= 2",
        "response_time > 2s OR affected_environments >= 2",
        "status:unhealthy FOR 8d",
    ] {
        let error = refused(text);
        writeln!(block, "{}\n{error}\n", error.pointed()).unwrap();
    }
    block.truncate(block.trim_end().len());
    block + "\n```\n"
}

/// The document with the tables that the code has.
fn rewritten(document: &str) -> String {
    let parts = [
        ("signals", fields(&Vocabulary::signals(&[]))),
        ("labels", fields(&Vocabulary::labels())),
        ("values", values()),
        ("errors", errors()),
    ];
    parts.into_iter().fold(document.to_owned(), |document, (name, part)| {
        let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
        let (before, rest) = document.split_once(&begin).expect(name);
        let (_, after) = rest.split_once(&end).expect(name);
        format!("{before}{begin}\n{part}\n{end}{after}")
    })
}

#[test]
fn the_tables_of_the_document_are_those_of_the_code() {
    let (document, meant) = (document(), rewritten(&document()));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("conditions.md"), &meant).unwrap();
        return;
    }
    assert_eq!(
        document, meant,
        "conditions.md is not what the code says; UPDATE_DOCS=1 cargo test -p alerting documents writes it anew"
    );
}

/// The lines of the blocks that are marked so.
fn examples<'d>(document: &'d str, mark: &str) -> Vec<&'d str> {
    let begin = format!("```{mark}\n");
    document.split(&begin).skip(1).flat_map(|block| block.split("```").next().unwrap().lines()).collect()
}

#[test]
fn the_examples_of_the_document_are_conditions() {
    let document = document();
    for (mark, vocabulary, least) in
        [("rule", Vocabulary::signals(&[]), 12), ("label", Vocabulary::labels(), 3)]
    {
        let examples = examples(&document, mark);
        assert!(examples.len() >= least, "{examples:?}");
        for text in examples {
            let condition = Condition::parse(text, &vocabulary)
                .unwrap_or_else(|error| panic!("{}\n{error}", error.pointed()));
            assert_eq!(Condition::parse(&condition.to_string(), &vocabulary), Ok(condition), "{text}");
        }
    }
}

#[test]
fn the_example_of_each_field_is_a_condition() {
    for vocabulary in [signals(), Vocabulary::labels()] {
        for field in vocabulary.fields() {
            let text = match field.name.as_str() {
                "affected_environments" => format!("status:unhealthy AND {}", field.example()),
                _ => field.example(),
            };
            assert!(Condition::parse(&text, &vocabulary).is_ok(), "{text}");
        }
    }
}
