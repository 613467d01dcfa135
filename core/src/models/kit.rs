//! [`Kit`]: which kit a request runs on.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

/// A kit of the service. Kits compare and hash by their id. [`info`](Self::info) has purpose, maximum tokens and price.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum Kit {
    /// `text-gen`.
    TextGen,
    /// `code-assist`.
    CodeAssist,
    /// `summarizer`.
    Summarizer,
    /// `classifier`.
    Classifier,
    /// A kit that this version does not know. `Kit::from("its-id")` creates one.
    Other(String),
}

impl Kit {
    /// The kit's id in the API.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::TextGen => "text-gen",
            Self::CodeAssist => "code-assist",
            Self::Summarizer => "summarizer",
            Self::Classifier => "classifier",
            Self::Other(id) => id,
        }
    }
}

impl From<&str> for Kit {
    fn from(id: &str) -> Self {
        let known = [Self::TextGen, Self::CodeAssist, Self::Summarizer, Self::Classifier];
        known.into_iter().find(|kit| kit.as_str() == id).unwrap_or_else(|| Self::Other(id.to_owned()))
    }
}

impl From<String> for Kit {
    fn from(id: String) -> Self {
        match Self::from(id.as_str()) {
            Self::Other(_) => Self::Other(id),
            known => known,
        }
    }
}

impl From<Kit> for String {
    fn from(kit: Kit) -> Self {
        kit.as_str().to_owned()
    }
}

impl PartialEq for Kit {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Kit {}

impl Hash for Kit {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Kit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kit_compares_by_id() {
        for id in ["text-gen", "code-assist", "summarizer", "classifier", "new-kit"] {
            assert_eq!(Kit::from(id), Kit::from(id.to_owned()));
            assert_eq!(Kit::from(id), Kit::Other(id.into()));
            assert_eq!(Kit::from(id).to_string(), id);
            assert_eq!(matches!(Kit::from(id), Kit::Other(_)), id == "new-kit");
        }
    }
}
