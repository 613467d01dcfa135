//! [`Plan`]: how much a key may use in one window.

use std::str::FromStr;

/// A plan of the launch spec: how much a key may use in one window, which is a minute by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Plan {
    /// 30 requests and 15,000 tokens.
    Maker,
    /// 120 requests and 100,000 tokens.
    Builder,
    /// No limits. The spec says "custom".
    Enterprise,
}

/// What a plan allows in one window. Both numbers are above zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    pub(crate) requests: u64,
    pub(crate) tokens: u64,
}

impl Plan {
    /// The name in lower case, as [`FromStr`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Maker => "maker",
            Self::Builder => "builder",
            Self::Enterprise => "enterprise",
        }
    }

    /// `None` if the plan has no limits.
    pub(crate) fn quota(self) -> Option<Quota> {
        match self {
            Self::Maker => Some(Quota { requests: 30, tokens: 15_000 }),
            Self::Builder => Some(Quota { requests: 120, tokens: 100_000 }),
            Self::Enterprise => None,
        }
    }
}

impl FromStr for Plan {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Maker, Self::Builder, Self::Enterprise]
            .into_iter()
            .find(|plan| plan.name() == name)
            .ok_or_else(|| "a plan is maker, builder or enterprise".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_names_are_parsed() {
        for plan in [Plan::Maker, Plan::Builder, Plan::Enterprise] {
            assert_eq!(plan.name().parse(), Ok(plan));
        }
        assert!("Maker".parse::<Plan>().is_err());
    }
}
