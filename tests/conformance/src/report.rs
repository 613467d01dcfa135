//! The result of a run, and how it is printed.

use std::io::{self, Write};

use crate::judge::Verdict;

/// The result of a run.
#[derive(Debug)]
pub struct Report {
    /// The title and verdict of each case, in the order of the table.
    pub verdicts: Vec<(String, Verdict)>,
    /// Protocol errors of the driver that belong to no case. Each counts as one failure.
    pub driver_errors: Vec<String>,
}

impl Report {
    /// The number of cases with the expected result.
    #[must_use]
    pub fn passed(&self) -> usize {
        self.count(|verdict| *verdict == Verdict::Passed)
    }

    /// The number of failed cases and protocol errors.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.count(|verdict| matches!(verdict, Verdict::Failed(_))) + self.driver_errors.len()
    }

    /// Whether nothing failed and something passed.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failed() == 0 && self.passed() > 0
    }

    /// Writes one line per case, with the differences indented below it, and `N passed, N failed` at the end.
    /// Unsupported cases are in neither number.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn write_to(&self, output: &mut impl Write) -> io::Result<()> {
        for (title, verdict) in &self.verdicts {
            match verdict {
                Verdict::Passed => writeln!(output, "ok   {title}")?,
                Verdict::Unsupported(name) => writeln!(output, "unsupported  {title} ({name})")?,
                Verdict::Failed(differences) => {
                    writeln!(output, "FAIL {title}")?;
                    for difference in differences {
                        writeln!(output, "     {}", indent(difference))?;
                    }
                }
            }
        }
        for error in &self.driver_errors {
            writeln!(output, "FAIL the driver {}", indent(error))?;
        }
        let unsupported = self.count(|verdict| matches!(verdict, Verdict::Unsupported(_)));
        if unsupported > 0 {
            writeln!(output, "{unsupported} unsupported by the language of this driver")?;
        }
        writeln!(output, "{} passed, {} failed", self.passed(), self.failed())
    }

    fn count(&self, is_counted: impl Fn(&Verdict) -> bool) -> usize {
        self.verdicts.iter().filter(|(_, verdict)| is_counted(verdict)).count()
    }
}

fn indent(text: &str) -> String {
    text.replace('\n', "\n     ")
}
