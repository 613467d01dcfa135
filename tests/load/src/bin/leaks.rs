//! Runs a command, passes on its output, and fails if a canary is in it: `leaks COMMAND [ARGUMENT…]`. Tests use canaries as
//! keys and prompts. `leaks --check` proves that a canary is found anywhere in the output.
//!
//! A canary is `bak_`, then `canary`, then at least four letters or digits; or `canary-prompt`. The words alone, as in test
//! names, are not canaries.

use std::io::{self, Read, Write};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use builderaikits_load::{KEY, PROMPT};

fn main() -> io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Some((program, rest)) = arguments.split_first() else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "usage: leaks COMMAND [ARGUMENT…]"));
    };
    if program == "--print" {
        // What `--check` runs: a program that leaks.
        io::stderr().write_all(rest.join(" ").as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    if program == "--check" {
        return check();
    }
    let (leaks, code) = watch(Command::new(program).args(rest), &mut io::stdout(), &mut io::stderr())?;
    if leaks > 0 {
        writeln!(io::stderr(), "leaks: {leaks} keys or prompts in what `{}` printed", arguments.join(" "))?;
        return Ok(ExitCode::FAILURE);
    }
    Ok(code)
}

/// Checks that a planted key and a planted prompt are found, and nothing else.
fn check() -> io::Result<ExitCode> {
    let this_program = std::env::current_exe()?;
    for (text, planted) in [(format!("log: Bearer {KEY}."), 1), (format!("{{\"{PROMPT}\""), 1), ("no canary".into(), 0)]
    {
        let found = watch(Command::new(&this_program).args(["--print", &text]), &mut io::sink(), &mut io::sink())?.0;
        writeln!(io::stdout(), "leaks: planted {planted}, found {found}")?;
        if found != planted {
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs a command and passes on its output. Returns the number of canaries in it, and the command's exit code.
fn watch(
    command: &mut Command,
    out: &mut (dyn Write + Send),
    err: &mut (dyn Write + Send),
) -> io::Result<(usize, ExitCode)> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let leaks = AtomicUsize::new(0);
    let pass = |from: Option<&mut dyn Read>, to: &mut dyn Write| -> io::Result<()> {
        let Some(from) = from else { return Ok(()) };
        let (mut piece, mut last) = (vec![0; 1 << 16], Vec::new());
        loop {
            let length = from.read(&mut piece)?;
            let new = piece.get(..length).unwrap_or_default();
            to.write_all(new)?;
            last.extend_from_slice(new);
            // A canary can span two reads, so the text after the last line break is searched with the next read.
            let whole = if length == 0 { last.len() } else { last.iter().rposition(|b| *b == b'\n').unwrap_or(0) };
            let text: Vec<u8> = last.drain(..whole).collect();
            leaks.fetch_add(canaries(&String::from_utf8_lossy(&text)), Ordering::Relaxed);
            if length == 0 {
                return to.flush();
            }
        }
    };
    thread::scope(|scope| {
        let errors = scope.spawn(|| pass(stderr.map(Box::new).as_mut().map(|s| &mut **s as &mut dyn Read), err));
        pass(stdout.map(Box::new).as_mut().map(|s| &mut **s as &mut dyn Read), out)?;
        errors.join().map_err(|_| io::Error::other("the reader of stderr panicked"))?
    })?;
    let code = child.wait()?.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok((leaks.load(Ordering::Relaxed), ExitCode::from(code)))
}

/// The number of keys and prompts of tests in a text.
fn canaries(text: &str) -> usize {
    let prompts = text.matches("canary-prompt").count();
    let keys = text.split("bak_").skip(1).filter(|rest| {
        let word: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')).collect();
        word.split("canary").nth(1).is_some_and(|tail| tail.bytes().filter(u8::is_ascii_alphanumeric).count() >= 4)
    });
    prompts.saturating_add(keys.count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_table() {
        let table = [
            ("", 0),
            ("test a_canary_is_found ... ok", 0),
            ("bak_canary", 0),
            ("bak_[redacted] canary", 0),
            (KEY, 1),
            (PROMPT, 1),
            ("Bearer bak_vector_canary_5f2c81, bak_canary_Qz7mT4xW9pLs2VnK\n", 2),
            ("\"canary-prompt-load\"", 1),
        ];
        for (text, found) in table {
            assert_eq!(canaries(text), found, "{text}");
        }
    }
}
