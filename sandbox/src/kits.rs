//! The four kits: their table, the token rule, and their simulated outputs.

/// One kit of the launch spec.
pub(crate) struct Kit {
    /// The id in the API.
    pub(crate) id: &'static str,
    /// The maximum number of output tokens; also the default of `config.max_tokens`, which the spec does not define.
    pub(crate) max_tokens: u64,
    /// The price of one token, input or output, in billionths of a US dollar: $0.0004 per 1,000 is 400.
    pub(crate) nano_usd_per_token: u64,
    write: fn(prompt: &str, context: &str) -> String,
}

/// Every kit, in the order of the spec.
pub(crate) static KITS: [Kit; 4] = [
    Kit { id: "text-gen", max_tokens: 4_096, nano_usd_per_token: 400, write: text_gen },
    Kit { id: "code-assist", max_tokens: 8_192, nano_usd_per_token: 600, write: code_assist },
    Kit { id: "summarizer", max_tokens: 16_384, nano_usd_per_token: 500, write: summarizer },
    Kit { id: "classifier", max_tokens: 2_048, nano_usd_per_token: 300, write: classifier },
];

impl Kit {
    /// Finds a kit by its id.
    pub(crate) fn named(id: &str) -> Option<&'static Self> {
        KITS.iter().find(|kit| kit.id == id)
    }

    /// Writes the output, cut to `max_tokens`. The same arguments always give the same text.
    pub(crate) fn write(&self, prompt: &str, context: &str, max_tokens: u64) -> String {
        let mut text = (self.write)(prompt, context);
        let chars = usize::try_from(max_tokens.saturating_mul(CHARS_PER_TOKEN)).unwrap_or(usize::MAX);
        if let Some((end, _)) = text.char_indices().nth(chars) {
            text.truncate(end);
        }
        text
    }
}

/// The token rule, which the spec does not define: four Unicode characters are one token, rounded up.
pub(crate) fn tokens(text: &str) -> u64 {
    u64::try_from(text.chars().count()).unwrap_or(u64::MAX).div_ceil(CHARS_PER_TOKEN)
}

const CHARS_PER_TOKEN: u64 = 4;

/// The text that a kit reads: the context if there is one, else the prompt.
fn subject<'a>(prompt: &'a str, context: &'a str) -> &'a str {
    if context.trim().is_empty() { prompt } else { context }
}

/// The first characters of a text on one line, with an ellipsis if it was cut.
fn quote(text: &str, chars: usize) -> String {
    quote_words(text.split_whitespace(), chars)
}

fn quote_words<'a>(words: impl Iterator<Item = &'a str>, chars: usize) -> String {
    let mut line = String::new();
    let mut left = chars;
    for word in words {
        let space = usize::from(!line.is_empty());
        for c in " ".chars().take(space).chain(word.chars()) {
            if left == 0 {
                line.push('…');
                return line;
            }
            line.push(c);
            left = left.saturating_sub(1);
        }
    }
    line
}

fn text_gen(prompt: &str, context: &str) -> String {
    let about = match context.chars().count() {
        0 => String::new(),
        chars => format!(" with {chars} characters of context"),
    };
    format!(
        "[sandbox] You asked{about}: \"{}\"\nThis text is simulated: the service would generate it with text-gen.",
        quote(prompt, 600)
    )
}

/// Three bullet points: the first, the middle and the last sentence of the text; if it has fewer than three sentences, a third
/// of the words each.
fn summarizer(prompt: &str, context: &str) -> String {
    let text = subject(prompt, context);
    let found = sentences(text).count();
    let points = if found >= 3 {
        [0, found.div_euclid(2), found.saturating_sub(1)].map(|n| quote(sentences(text).nth(n).unwrap_or(""), 200))
    } else {
        let words = || text.split_whitespace();
        let third = words().count().div_ceil(3);
        [0, third, third.saturating_mul(2)].map(|from| quote_words(words().skip(from).take(third), 200))
    };
    let [a, b, c] = points.map(|point| match point.as_str() {
        "" => "(the text has no further point)".to_owned(),
        _ => point,
    });
    format!("- [sandbox] {a}\n- {b}\n- {c}")
}

fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(['.', '!', '?', '\n', '。'])
        .map(str::trim)
        .filter(|sentence| sentence.chars().any(char::is_alphanumeric))
}

/// A sentiment label by two short lists of words. Score: (words for the label + 1) / (words of both lists + 2).
fn classifier(prompt: &str, context: &str) -> String {
    let (mut good, mut bad) = (0_u64, 0_u64);
    for word in subject(prompt, context).split(|c: char| !c.is_alphanumeric()) {
        let among = |words: &[&str]| u64::from(words.iter().any(|known| known.eq_ignore_ascii_case(word)));
        good = good.saturating_add(among(&GOOD));
        bad = bad.saturating_add(among(&BAD));
    }
    let label = match good.cmp(&bad) {
        std::cmp::Ordering::Greater => "positive",
        std::cmp::Ordering::Less => "negative",
        std::cmp::Ordering::Equal => "neutral",
    };
    let hundredths = good.max(bad).saturating_add(1).saturating_mul(100);
    let score = hundredths.checked_div(good.saturating_add(bad).saturating_add(2)).unwrap_or(0);
    format!("[sandbox] {label} (score 0.{score:02})")
}

const GOOD: [&str; 12] = [
    "amazing",
    "best",
    "excellent",
    "fast",
    "good",
    "great",
    "happy",
    "love",
    "nice",
    "perfect",
    "thanks",
    "wonderful",
];
const BAD: [&str; 12] =
    ["angry", "awful", "bad", "broken", "bug", "error", "fail", "hate", "poor", "slow", "terrible", "worst"];

/// A code review by a few fixed rules: the first five findings with their lines.
fn code_assist(prompt: &str, context: &str) -> String {
    let code = subject(prompt, context);
    let found: Vec<String> = (1_u64..)
        .zip(code.lines())
        .filter_map(|(number, line)| Some((number, remark(line)?)))
        .take(5)
        .map(|(number, remark)| format!("\n- line {number}: {remark}"))
        .collect();
    let verdict = if found.is_empty() { "\n- nothing found by the sandbox's few rules" } else { "" };
    let lines = match code.lines().count() {
        1 => "1 line".to_owned(),
        lines => format!("{lines} lines"),
    };
    format!("[sandbox] Review of {lines} (simulated):{}{verdict}", found.concat())
}

fn remark(line: &str) -> Option<&'static str> {
    REMARKS
        .iter()
        .find_map(|&(sign, remark)| line.contains(sign).then_some(remark))
        .or_else(|| (line.chars().nth(120).is_some()).then_some("longer than 120 characters; split it"))
}

const REMARKS: [(&str, &str); 8] = [
    ("TODO", "an open TODO; finish it or file an issue"),
    ("FIXME", "an open FIXME; fix it or file an issue"),
    (".unwrap()", "can panic here; return the error instead"),
    ("eval(", "runs text as code; parse it instead"),
    ("except:", "catches everything; name the exception"),
    ("console.log", "a leftover debug print"),
    ("print(", "prints from code; consider a logger"),
    ("== null", "a loose comparison with null"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_characters_are_one_token() {
        for (text, count) in [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("héé😀", 1), ("日本語です", 2)] {
            assert_eq!(tokens(text), count, "{text:?}");
        }
    }

    #[test]
    fn output_never_exceeds_max_tokens_and_stays_whole() {
        let texts = [
            "",
            "Hi",
            "😀😀😀😀😀😀😀😀😀 日本語。です！ é",
            "One. Two. Three. Four. Five.",
            &"long word ".repeat(500),
        ];
        for kit in &KITS {
            for prompt in texts {
                for context in texts {
                    let whole = kit.write(prompt, context, kit.max_tokens);
                    assert!(tokens(&whole) <= kit.max_tokens);
                    for max in [1, 2, 3, 5, 8, 13, 50, kit.max_tokens] {
                        let cut = kit.write(prompt, context, max);
                        assert!(tokens(&cut) <= max && !cut.is_empty(), "{} {max} {cut:?}", kit.id);
                        assert_eq!(tokens(&cut), tokens(&whole).min(max));
                        assert!(whole.starts_with(&cut));
                    }
                }
            }
        }
    }

    #[test]
    fn each_kit_writes_its_output() {
        let code = "let a = b.unwrap();\n// TODO later\nok";
        let table = [
            (
                "summarizer",
                "Summarize.",
                "A one. B two. C three. D four. E five!",
                "- [sandbox] A one.\n- C three.\n- E five!",
            ),
            ("summarizer", "one two three four five", "", "- [sandbox] one two\n- three four\n- five"),
            ("summarizer", "a b c d", "", "- [sandbox] a b\n- c d\n- (the text has no further point)"),
            (
                "summarizer",
                "",
                "",
                "- [sandbox] (the text has no further point)\n- (the text has no further point)\n- (the text has no further point)",
            ),
            ("classifier", "I LOVE it, great!", "", "[sandbox] positive (score 0.75)"),
            ("classifier", "Classify.", "slow and broken but nice", "[sandbox] negative (score 0.60)"),
            ("classifier", "the table", "", "[sandbox] neutral (score 0.50)"),
            (
                "code-assist",
                "Review this.",
                code,
                "[sandbox] Review of 3 lines (simulated):\n- line 1: can panic here; return the error instead\n- line 2: an open TODO; finish it or file an issue",
            ),
            (
                "code-assist",
                "x = 1",
                "",
                "[sandbox] Review of 1 line (simulated):\n- nothing found by the sandbox's few rules",
            ),
            (
                "text-gen",
                "Hello,\n world!",
                "",
                "[sandbox] You asked: \"Hello, world!\"\nThis text is simulated: the service would generate it with text-gen.",
            ),
        ];
        for (kit, prompt, context, text) in table {
            assert_eq!(Kit::named(kit).unwrap().write(prompt, context, 2_000), text, "{kit} {prompt}");
        }
        assert!(Kit::named("Text-Gen").is_none());
    }

    #[test]
    fn quotes_are_cut_at_a_character() {
        for (text, chars, line) in [("", 3, ""), ("abc", 3, "abc"), ("a  b\nc", 3, "a b…"), ("日本語です", 2, "日本…")]
        {
            assert_eq!(quote(text, chars), line);
        }
    }
}
