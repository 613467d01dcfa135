//! [`Window`] and [`TokensAt`]: the rules of a rate limit, which the spec does not define.

use std::str::FromStr;

/// How a limit counts over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// A key's window begins with its first admitted call. After it the whole quota is available again.
    #[default]
    Fixed,
    /// A log of the admitted calls: what was counted in the last window length is at most the quota.
    Sliding,
    /// A token bucket: it starts full, holds at most the quota, and refills continuously at one quota per window length.
    Bucket,
}

/// When the tokens of a call count. Its request always counts at admission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokensAt {
    /// With the request. A call is admitted if all its tokens are available.
    #[default]
    Admission,
    /// When the response is sent. A call is admitted if at least one token is available.
    Completion,
}

impl Window {
    /// The name in lower case, as [`FromStr`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Sliding => "sliding",
            Self::Bucket => "bucket",
        }
    }
}

impl FromStr for Window {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Fixed, Self::Sliding, Self::Bucket]
            .into_iter()
            .find(|window| window.name() == name)
            .ok_or_else(|| "a window is fixed, sliding or bucket".to_owned())
    }
}

impl TokensAt {
    /// The name in lower case, as [`FromStr`] reads it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission",
            Self::Completion => "completion",
        }
    }
}

impl FromStr for TokensAt {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Admission, Self::Completion]
            .into_iter()
            .find(|tokens_at| tokens_at.name() == name)
            .ok_or_else(|| "tokens count at admission or completion".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed() {
        for window in [Window::Fixed, Window::Sliding, Window::Bucket] {
            assert_eq!(window.name().parse(), Ok(window));
        }
        for tokens_at in [TokensAt::Admission, TokensAt::Completion] {
            assert_eq!(tokens_at.name().parse(), Ok(tokens_at));
        }
        assert!("Fixed".parse::<Window>().is_err());
        assert!("".parse::<TokensAt>().is_err());
    }
}
