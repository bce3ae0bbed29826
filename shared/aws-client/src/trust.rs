//! The certificate authorities that are trusted for AWS endpoints.
//!
//! They are embedded, as loading the operating system's store costs more than all the rest of a function's start.
//! Embedding them means that we own their rotation: they come from the crate `webpki-root-certs` (Mozilla's list), so
//! a rotation is `cargo update -p webpki-root-certs` and a deployment. Nothing else in this project pins a
//! certificate of AWS.
//!
//! AWS's endpoints chain to Amazon Trust Services, whose roots are published at
//! <https://www.amazontrust.com/repository/>: Amazon Root CA 1 to 4 and Starfield Services Root Certificate
//! Authority - G2. They are enough for the partitions `aws` and `aws-us-gov`. Endpoints elsewhere (other partitions,
//! a configured `https://` endpoint) may chain to any public authority, so all of Mozilla's list is trusted there.

use aws_smithy_http_client::tls::TrustStore;
use aws_smithy_types::base64;
use webpki_root_certs::TLS_SERVER_ROOT_CERTS;

/// Common names of the roots of Amazon Trust Services.
pub const AMAZON_ROOTS: [&str; 5] = [
    "Amazon Root CA 1",
    "Amazon Root CA 2",
    "Amazon Root CA 3",
    "Amazon Root CA 4",
    "Starfield Services Root Certificate Authority - G2",
];

/// Which authorities are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// The roots of Amazon Trust Services only.
    Amazon,
    /// Every root on Mozilla's list.
    Public,
}

impl Trust {
    /// The smallest trust that reaches the endpoints of `region`; `custom_https` tells that an `https://` endpoint
    /// is configured.
    ///
    /// The prefixes outside of `aws` and `aws-us-gov` are those of the SDK's own partition list.
    pub fn of(region: &str, custom_https: bool) -> Self {
        const OTHER_PARTITIONS: [&str; 4] = ["cn-", "us-iso", "eu-iso", "eusc-"];
        if custom_https || OTHER_PARTITIONS.iter().any(|prefix| region.starts_with(prefix)) {
            Self::Public
        } else {
            Self::Amazon
        }
    }

    /// The certificates as the SDK's HTTP client takes them (PEM), without those of the operating system.
    pub(crate) fn store(self) -> TrustStore {
        let mut store = TrustStore::empty();
        for der in self.certificates() {
            store.add_pem_certificate(pem(der));
        }
        store
    }

    fn certificates(self) -> impl Iterator<Item = &'static [u8]> {
        TLS_SERVER_ROOT_CERTS
            .iter()
            .map(|certificate| &**certificate)
            .filter(move |der| self == Self::Public || is_amazon(der))
    }
}

/// A root is self-signed, so that its issuer is its own name, and the common name ends it.
fn is_amazon(der: &[u8]) -> bool {
    issuer(der).is_some_and(|issuer| AMAZON_ROOTS.iter().any(|name| issuer.ends_with(name.as_bytes())))
}

/// The issuer's attributes in a certificate of version 3, as DER (RFC 5280, section 4.1).
///
/// It is read where it stands: searching the bytes of every root took almost half of a function's start.
fn issuer(certificate: &[u8]) -> Option<&[u8]> {
    let (signed_and_signature, _) = element(certificate)?;
    let (signed, _) = element(signed_and_signature)?;
    let (_version, rest) = element(signed)?;
    let (_serial_number, rest) = element(rest)?;
    let (_signature_algorithm, rest) = element(rest)?;
    element(rest).map(|(issuer, _)| issuer)
}

/// The contents of the first element of `der`, and what follows that element.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    // A length up to 127 is one byte; for a longer one, that byte tells how many bytes the length has.
    let (&length, rest) = der.get(1..)?.split_first()?;
    let (length, rest) = if length < 0x80 {
        (usize::from(length), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
        (length.iter().fold(0, |sum, byte| (sum << 8) | usize::from(*byte)), rest)
    };
    rest.split_at_checked(length)
}

fn pem(der: &[u8]) -> String {
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64::encode(der))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_amazon_root_is_embedded_once_and_nothing_else() {
        let found: Vec<_> = Trust::Amazon.certificates().collect();
        assert_eq!(found.len(), AMAZON_ROOTS.len());
        for name in AMAZON_ROOTS {
            let holders =
                found.iter().filter(|der| der.windows(name.len()).any(|w| w == name.as_bytes())).count();
            assert_eq!(holders, 1, "{name}");
        }
    }

    #[test]
    fn every_root_names_its_issuer_and_a_part_of_one_does_not() {
        for der in Trust::Public.certificates() {
            assert!(issuer(der).is_some_and(|issuer| issuer.len() > 10));
            assert_eq!(issuer(&der[..40]), None);
        }
        assert_eq!(issuer(&[]), None);
        assert_eq!(element(&[0x30, 0x82, 0x01]), None);
        assert_eq!(element(&[0x30, 0x02, 1, 2, 3]), Some((&[1, 2][..], &[3][..])));
    }

    #[test]
    fn the_public_list_holds_the_amazon_roots() {
        let public: Vec<_> = Trust::Public.certificates().collect();
        assert!(public.len() > AMAZON_ROOTS.len());
        assert!(Trust::Amazon.certificates().all(|der| public.contains(&der)));
    }

    #[test]
    fn trust_follows_the_partition_and_the_endpoint() {
        for region in ["us-east-1", "eu-central-1", "us-gov-west-1", "ap-southeast-2"] {
            assert_eq!(Trust::of(region, false), Trust::Amazon, "{region}");
            assert_eq!(Trust::of(region, true), Trust::Public, "{region}");
        }
        for region in ["cn-north-1", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1"] {
            assert_eq!(Trust::of(region, false), Trust::Public, "{region}");
        }
    }
}
