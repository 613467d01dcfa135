//! A program that needs a process of its own: `load-client soak`, `load-client files URL`, and `load-client WAY URL COMPLETED`,
//! which drops the client with calls in flight.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use builderaikits::{Client, ClientOptions};
use builderaikits_load::children::{self, Server};
use builderaikits_load::{call, calls, errors, options, print, process, seconds};
use tokio::runtime::{Builder, Runtime};

/// Prints `end` at the end of `main`. Anything that keeps the process alive after that is a bug.
fn main() -> io::Result<()> {
    let arguments: Vec<_> = std::env::args().collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [_, "soak"] => soak()?,
        [_, "files", url] => files(url)?,
        [_, way, url, completed] => drop_in_flight(way, url, completed.parse().map_err(io::Error::other)?)?,
        _ => {
            return Err(io::Error::new(
                ErrorKind::InvalidInput,
                "usage: load-client soak | files URL | WAY URL COMPLETED",
            ));
        }
    }
    print("end");
    Ok(())
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

fn client(options: Result<ClientOptions, builderaikits::Error>) -> io::Result<Client> {
    options.and_then(Client::new).map_err(io::Error::other)
}

/// Makes 2,000 calls at once with a limit of 256 open files. Prints their results and the maximum of open files.
fn files(url: &str) -> io::Result<()> {
    rlimit::Resource::NOFILE.set(256, 256)?;
    let runtime = runtime()?;
    let client = client(options(url))?;
    let max = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&max);
    let counter = std::thread::spawn(move || {
        // Until this thread is the only owner of the count.
        while Arc::strong_count(&counting) > 1 {
            // If no file is left to count with, all of them are open.
            counting.fetch_max(process::open_files().unwrap_or(256), Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(1));
        }
        counting.load(Ordering::Relaxed)
    });
    for round in 1..=3 {
        let results = runtime.block_on(calls(&client, 2_000))?;
        let failed = errors(&results).count();
        let retried = results.iter().flatten().filter(|run| run.response_metadata.attempts > 1).count();
        print(&format!(
            "round {round}: {} runs, {failed} errors, {retried} retried",
            results.len().saturating_sub(failed)
        ));
        if let Some(error) = errors(&results).next() {
            print(&format!("first error: {error}"));
        }
    }
    drop(max);
    let max = counter.join().map_err(|_| io::Error::other("the counter panicked"))?;
    print(&format!("at most {max} files open of 256"));
    Ok(())
}

const IN_FLIGHT: u64 = 50;

/// Drops the client with calls in flight, and their runtime, in each way that a program can, once `completed` of them have
/// completed.
fn drop_in_flight(way: &str, url: &str, completed: usize) -> io::Result<()> {
    let runtime = runtime()?;
    let client = client(options(url))?;
    let all = children::count(url)?.saturating_add(IN_FLIGHT);
    let waiting: Vec<_> = (0..IN_FLIGHT)
        .map(|_| {
            let client = client.clone();
            runtime.spawn(async move { call(&client).await })
        })
        .collect();
    let started = Instant::now();
    let have_completed = || waiting.iter().filter(|call| call.is_finished()).count();
    while children::count(url)? < all || have_completed() < completed {
        if started.elapsed() > Duration::from_secs(30) {
            return Err(io::Error::new(ErrorKind::TimedOut, "the calls did not start in time"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    print(&format!("{} of {} calls completed", have_completed(), waiting.len()));
    match way {
        "client-then-runtime" => {
            drop(client);
            drop(runtime);
        }
        "runtime-then-client" => {
            drop(runtime);
            drop(client);
        }
        "calls-then-client" => {
            waiting.iter().for_each(tokio::task::JoinHandle::abort);
            drop(client);
            drop(runtime);
        }
        "background" => {
            drop(client);
            runtime.shutdown_background();
        }
        "inside" => runtime.block_on(async move { drop(client) }),
        "leak" => {
            std::mem::forget(client);
            std::mem::forget(runtime);
        }
        _ => return Err(io::Error::new(ErrorKind::InvalidInput, "unknown WAY")),
    }
    Ok(())
}

const SOAK_CALLS: u64 = 300_000;
const SOAK_FIRST: u64 = 50_000;
const SOAK_CALLERS: u64 = 64;
const SOAK_GROWTH_KIB: u64 = 2 << 10;

/// Makes 300,000 calls, 64 at a time, and compares memory and open files at the end with those after the first 50,000.
fn soak() -> io::Result<()> {
    let server = Server::start(std::env::current_exe()?.with_file_name("load-server"))?;
    let runtime = runtime()?;
    let client = client(options(&server.url(200, 0)))?;
    let start = Instant::now();
    let measure = |calls: u64| -> io::Result<(u64, usize)> {
        runtime.block_on(work(&client, calls))?;
        let (memory, files) = (process::resident_kib()?, process::open_files()?);
        print(&format!("VmRSS {memory} KiB, {files} files open, {}", seconds(start.elapsed())));
        Ok((memory, files))
    };
    let (first, first_files) = measure(SOAK_FIRST)?;
    let (last, last_files) = measure(SOAK_CALLS.saturating_sub(SOAK_FIRST))?;
    let growth = last.saturating_sub(first);
    print(&format!(
        "{SOAK_CALLS} calls: VmRSS grew by {growth} KiB since call {SOAK_FIRST} (at most {SOAK_GROWTH_KIB})"
    ));
    // Fewer files are no leak: idle connections are closed.
    if growth > SOAK_GROWTH_KIB || last_files > first_files {
        return Err(io::Error::other("the process grew"));
    }
    Ok(())
}

/// Makes `total` calls with 64 callers.
async fn work(client: &Client, total: u64) -> io::Result<()> {
    let left = Arc::new(AtomicU64::new(total));
    let mut callers = Vec::new();
    for _ in 0..SOAK_CALLERS {
        let (client, left) = (client.clone(), Arc::clone(&left));
        callers.push(tokio::spawn(async move {
            while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                call(&client).await?;
            }
            Ok(())
        }));
    }
    for caller in callers {
        caller.await.map_err(io::Error::other)?.map_err(|e: builderaikits::Error| io::Error::other(e))?;
    }
    Ok(())
}
