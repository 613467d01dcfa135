//! Real servers, from Debian packages: run without privileges on a free loopback port, out of a directory of their own,
//! and gone when they are dropped, or when the thread that started them is.

use std::fs;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::print;

/// Where Debian has servers that no shell of a user finds.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/usr/local/sbin"];
/// The system's user without rights; for tests that are run as root.
const NOBODY: u32 = 65_534;
const LONGEST_START: Duration = Duration::from_secs(20);

/// The program, if it is installed. If not, prints that the test is skipped.
///
/// # Errors
///
/// It is not installed, and `REQUIRE_ALL=1` stands in the environment.
pub fn find(name: &str, package: &str) -> io::Result<Option<PathBuf>> {
    let found = PLACES.iter().map(|place| Path::new(place).join(name)).find(|path| path.exists());
    if found.is_none() {
        let why = format!("{name} is not installed (Debian: {package})");
        if std::env::var_os("REQUIRE_ALL").is_some_and(|all| all == "1") {
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        print(&format!("skipped: {why}"));
    }
    Ok(found)
}

/// A directory for one server, which it may write to, also if it runs as nobody.
#[derive(Debug)]
pub struct Home(TempDir);

impl Home {
    /// Makes one.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new() -> io::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("builderaikits-load-").tempdir()?))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The text of one file, empty where there is none. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read(self.path().join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// All that the server wrote: logs, caches, whatever.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn read_all(&self) -> io::Result<String> {
        let mut all = String::new();
        for entry in fs::read_dir(self.path())? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                all.push_str(&self.read(&entry.file_name().to_string_lossy()));
            }
        }
        Ok(all)
    }

    /// Gives it to nobody, if the tests are run as root.
    fn give_away(&self) -> io::Result<bool> {
        let root = fs::metadata("/proc/self")?.uid() == 0;
        if root {
            fs::set_permissions(self.path(), fs::Permissions::from_mode(0o755))?;
            chown(self.path(), Some(NOBODY), Some(NOBODY))?;
            for entry in fs::read_dir(self.path())? {
                chown(entry?.path(), Some(NOBODY), Some(NOBODY))?;
            }
        }
        Ok(root)
    }
}

/// A running server.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Program {
    /// Starts a server on a free port, and waits until it takes connections. `arguments` makes its arguments, and
    /// writes its files, for an address. Its output goes to `output` in `home`.
    ///
    /// # Errors
    ///
    /// What the system says; `TimedOut` if it does not listen within 20 s, with what it printed.
    pub fn start(
        program: &Path,
        home: &Home,
        arguments: impl Fn(SocketAddr) -> io::Result<Vec<String>>,
    ) -> io::Result<Self> {
        let mut tries = 0_u32;
        loop {
            // Free now; if another program takes it before this one does, once more with another.
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            let arguments = arguments(address)?;
            let output = fs::File::create(home.path().join("output"))?;
            let mut server = Self {
                child: command(program, home)?.args(arguments).stdout(output.try_clone()?).stderr(output).spawn()?,
                address,
            };
            match server.listening() {
                Ok(()) => return Ok(server),
                Err(_) if tries < 3 => tries = tries.saturating_add(1),
                Err(error) => {
                    return Err(io::Error::new(
                        error.kind(),
                        format!("{}: {error}: {}", program.display(), home.read("output")),
                    ));
                }
            }
        }
    }

    fn listening(&mut self) -> io::Result<()> {
        let start = Instant::now();
        while start.elapsed() < LONGEST_START {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("ended with {status}")));
            }
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// By way of `setpriv`, which becomes the program: without rights, and killed when the thread that started it ends.
fn command(program: &Path, home: &Home) -> io::Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--no-new-privs"]);
    if home.give_away()? {
        command.args([&format!("--reuid={NOBODY}"), &format!("--regid={NOBODY}"), "--clear-groups"]);
    }
    command.arg("--").arg(program).current_dir(home.path()).stdin(Stdio::null()).env_clear();
    Ok(command)
}

/// What a command prints, such as `openssl passwd`.
///
/// # Errors
///
/// What the system says.
pub fn output(program: &Path, arguments: &[&str]) -> io::Result<String> {
    let mut child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn()?;
    let mut text = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut text)?;
    }
    child.wait()?;
    Ok(text.trim().to_owned())
}
