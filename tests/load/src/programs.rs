//! Real servers from Debian packages. They run without privileges on a free loopback port, in a directory of their own, and are
//! killed when they are dropped or when the thread that started them ends.

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

/// Where Debian installs servers; not all of it is in a user's PATH.
const PLACES: [&str; 4] = ["/usr/sbin", "/usr/bin", "/sbin", "/usr/local/sbin"];
/// The user without privileges, for tests that run as root.
const UNPRIVILEGED_USER: u32 = 65_534;
const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Finds a program. If it is not installed, prints that the test is skipped.
///
/// # Errors
///
/// The program is not installed, and `REQUIRE_ALL=1` is set.
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

/// A directory that one server may write to, also without privileges.
#[derive(Debug)]
pub struct Home(TempDir);

impl Home {
    /// Creates the directory.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn new() -> io::Result<Self> {
        Ok(Self(tempfile::Builder::new().prefix("builderaikits-load-").tempdir()?))
    }

    /// The path of the directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// The text of one file; empty if it does not exist. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read(self.path().join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The text of all files that the server wrote.
    ///
    /// # Errors
    ///
    /// The system's error.
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

    /// Gives the directory to the user without privileges, if the tests run as root.
    fn drop_ownership(&self) -> io::Result<bool> {
        let root = fs::metadata("/proc/self")?.uid() == 0;
        if root {
            fs::set_permissions(self.path(), fs::Permissions::from_mode(0o755))?;
            chown(self.path(), Some(UNPRIVILEGED_USER), Some(UNPRIVILEGED_USER))?;
            for entry in fs::read_dir(self.path())? {
                chown(entry?.path(), Some(UNPRIVILEGED_USER), Some(UNPRIVILEGED_USER))?;
            }
        }
        Ok(root)
    }
}

/// A running server.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// The address that it listens on.
    pub address: SocketAddr,
}

impl Program {
    /// Starts a server on a free port, and waits until it accepts connections. `arguments` returns its arguments for an
    /// address, and writes its files. Its output goes to `output` in `home`.
    ///
    /// # Errors
    ///
    /// The system's error; `TimedOut` if it does not listen within 20 s, with its output.
    pub fn start(
        program: &Path,
        home: &Home,
        arguments: impl Fn(SocketAddr) -> io::Result<Vec<String>>,
    ) -> io::Result<Self> {
        let mut tries = 0_u32;
        loop {
            // The port is free now. If another program takes it first, the next try uses another one.
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
        while start.elapsed() < START_TIMEOUT {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("exited with {status}")));
            }
            if TcpStream::connect(self.address).is_ok() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

/// Sends SIGTERM first: squid has files in shared memory that only it removes.
impl Drop for Program {
    fn drop(&mut self) {
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status();
        let start = Instant::now();
        while asked.is_ok() && matches!(self.child.try_wait(), Ok(None)) && start.elapsed() < STOP_TIMEOUT {
            thread::sleep(Duration::from_millis(10));
        }
        // Both fail only if the process has exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts through `setpriv`, which becomes the program: without privileges, and killed when the thread that started it ends.
fn command(program: &Path, home: &Home) -> io::Result<Command> {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--no-new-privs"]);
    if home.drop_ownership()? {
        command.args([
            &format!("--reuid={UNPRIVILEGED_USER}"),
            &format!("--regid={UNPRIVILEGED_USER}"),
            "--clear-groups",
        ]);
    }
    command.arg("--").arg(program).current_dir(home.path()).stdin(Stdio::null()).env_clear();
    Ok(command)
}

/// The output of a command, such as `openssl passwd`.
///
/// # Errors
///
/// The system's error.
pub fn output(program: &Path, arguments: &[&str]) -> io::Result<String> {
    let mut child = Command::new(program).args(arguments).stdout(Stdio::piped()).spawn()?;
    let mut text = String::new();
    if let Some(mut stdout) = child.stdout.take() {
        stdout.read_to_string(&mut text)?;
    }
    child.wait()?;
    Ok(text.trim().to_owned())
}
