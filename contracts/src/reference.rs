//! What a package says of its reference string, wherever it may be read: source, ABI, description, script.
//!
//! | origin | `REFERENCE_STRING` | besides |
//! |---|---|---|
//! | a known ceremony | `ceremony: NAME` | |
//! | unknown | `unknown: whoever made it may forge proofs` | a constant `UNKNOWN_REFERENCE_STRING`, a warning |
//! | development string | `insecure-dev: anyone can forge proofs` | a constant `INSECURE_ANYONE_CAN_FORGE_PROOFS`, a warning |

use serde_json::{json, Value};
use sworn_verifier::srs::Origin;

/// Of a reference string.
pub(crate) struct Reference {
    /// As receipts name it.
    kind: &'static str,
    /// Name of the ceremony.
    name: Option<&'static str>,
    /// What the contract's constant says.
    pub(crate) text: String,
    /// What whoever relies on it has to know.
    pub(crate) warning: Option<&'static str>,
    /// A constant whose name says it.
    flag: Option<&'static str>,
}

impl Reference {
    pub(crate) fn new(origin: Origin) -> Self {
        match origin {
            Origin::Ceremony(ceremony) => Self {
                kind: "ceremony",
                name: Some(ceremony.name),
                text: format!("ceremony: {}", ceremony.name),
                warning: None,
                flag: None,
            },
            Origin::InsecureDev => Self {
                kind: "insecure-dev",
                name: None,
                text: "insecure-dev: anyone can forge proofs".into(),
                warning: Some(
                    "INSECURE: the key is of the development reference string, whose secret everybody knows. ANYONE CAN FORGE PROOFS of anything \
                     for these contracts. They are for tests: nothing of value may depend on them.",
                ),
                flag: Some("INSECURE_ANYONE_CAN_FORGE_PROOFS"),
            },
            Origin::Unknown => Self {
                kind: "unknown",
                name: None,
                text: "unknown: whoever made it may forge proofs".into(),
                warning: Some(
                    "UNKNOWN REFERENCE STRING: it is of no ceremony that Sworn knows. Whoever knows its secret can forge proofs of anything for \
                     these contracts. Rely on them only if you know where the string of the identity SRS_IDENTITY comes from.",
                ),
                flag: Some("UNKNOWN_REFERENCE_STRING"),
            },
        }
    }

    /// The warning as a comment of the contract.
    pub(crate) fn notice(&self) -> String {
        self.warning.map_or(String::new(), |warning| format!("/// @notice {warning}\n"))
    }

    /// The constant whose name says it.
    pub(crate) fn constant(&self) -> String {
        let line = |flag| format!("    /// @notice See `REFERENCE_STRING`.\n    bool public constant {flag} = true;\n");
        self.flag.map_or(String::new(), line)
    }

    pub(crate) fn to_json(&self, identity: &[u8; 32]) -> Value {
        let mut out = json!({ "identity": format!("0x{}", hex::encode(identity)), "kind": self.kind });
        for (field, value) in [("name", self.name), ("warning", self.warning)] {
            if let Some(value) = value {
                out[field] = value.into();
            }
        }
        out
    }
}
