//! Unique texts that stand for secrets, and the search for them in whatever was produced.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

/// The texts that were planted, and where.
#[derive(Clone, Default)]
pub struct Markers(Vec<(String, String)>);

/// What was produced: what it is, and its bytes.
pub type Produced = (String, Vec<u8>);

static PLANTED: AtomicU64 = AtomicU64::new(0);

impl Markers {
    /// A text that nobody else has, to plant at this place.
    pub fn plant(&mut self, place: &str) -> String {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let number = PLANTED.fetch_add(1, Ordering::SeqCst);
        let unique = Sha256::digest(format!("{now} {number} {}", std::process::id()));
        let marker = format!("Cnry{}", &hex(&unique)[..20]);
        self.0.push((place.to_owned(), marker.clone()));
        marker
    }

    /// Every marker in everything, as it was planted or as somebody may have written it.
    pub fn found(&self, produced: &[Produced]) -> Vec<String> {
        let mut found = Vec::new();
        for (source, bytes) in produced {
            let text = String::from_utf8_lossy(bytes);
            let lower = text.to_ascii_lowercase();
            for (place, marker) in &self.0 {
                for (form, written) in forms(marker) {
                    if text.contains(&written) || lower.contains(&written) {
                        found.push(format!("{place}, {form}, is in {source}"));
                    }
                }
            }
        }
        found
    }

    /// Nothing is there.
    pub fn assert_absent(&self, produced: &[Produced]) {
        assert!(
            !self.0.is_empty() && produced.iter().any(|(_, bytes)| !bytes.is_empty()),
            "nothing was looked at"
        );
        let found = self.found(produced);
        assert!(found.is_empty(), "secrets leaked:\n{}", found.join("\n"));
    }
}

/// The ways to write a text: plain, in Base64 and in hex, and a hash without a key, by which a weak one can be guessed.
fn forms(marker: &str) -> Vec<(&'static str, String)> {
    let mut forms = vec![
        ("as it is", marker.to_owned()),
        ("in small letters", marker.to_ascii_lowercase()),
        ("in hex", hex(marker.as_bytes())),
        ("as SHA-256", hex(&Sha256::digest(marker))),
    ];
    // Where it begins within three bytes changes how it looks, and the ends depend on what is beside it.
    forms.extend((0..3).map(|offset| {
        let encoded = base64(&[&vec![0; offset][..], marker.as_bytes()].concat());
        let (first, last) = ((offset * 4).div_ceil(3), (offset + marker.len()) * 4 / 3);
        ("in Base64", encoded[first..last].to_owned())
    }));
    forms
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    bits.chunks(6)
        .map(|chunk| {
            let value = chunk.iter().fold(0, |value, bit| value << 1 | bit) << (6 - chunk.len());
            char::from(ALPHABET[usize::from(value)])
        })
        .collect()
}
