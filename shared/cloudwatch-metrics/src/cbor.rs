//! Answers of CloudWatch as they are on the wire (RFC 8949), for tests.

/// The head of an item: major type, and a number in as few bytes as hold it.
fn head(major: u8, number: usize) -> Vec<u8> {
    let major = major << 5;
    match u8::try_from(number) {
        Ok(number @ 0..24) => vec![major + number],
        Ok(number) => vec![major + 24, number],
        Err(_) => [vec![major + 25], u16::try_from(number).unwrap().to_be_bytes().to_vec()].concat(),
    }
}

/// A text.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [head(3, text.len()), text.as_bytes().to_vec()].concat()
}

/// A map of texts to values that are encoded already.
pub(crate) fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let items = pairs.iter().flat_map(|(name, value)| [text(name), value.clone()].concat());
    head(5, pairs.len()).into_iter().chain(items).collect()
}

/// An array of values that are encoded already.
pub(crate) fn array(items: impl ExactSizeIterator<Item = Vec<u8>>) -> Vec<u8> {
    head(4, items.len()).into_iter().chain(items.flatten()).collect()
}

/// A number.
pub(crate) fn double(value: f64) -> Vec<u8> {
    [vec![0xfb], value.to_be_bytes().to_vec()].concat()
}

/// An instant (tag 1), in seconds since 1970.
pub(crate) fn time(second: i64) -> Vec<u8> {
    #[expect(clippy::cast_precision_loss, reason = "seconds of this century are far below 2^53")]
    let second = second as f64;
    [vec![0xc1], double(second)].concat()
}
