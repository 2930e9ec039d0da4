//! Floor 10: the studio, a local server with the machine's own device behind the page of
//! `web/page`. It shows all runs while they train, starts trainings, and translates as one draws.
//!
//! | file | idea |
//! |---|---|
//! | `mod.rs` | the server: where it listens, and how it ends |
//! | `guard.rs` | who may ask |
//! | `routes.rs` | what may be asked |
//! | `refusal.rs` | what is answered if that is not met |
//! | `page.rs` | the page, inside the program |
//! | `runs/` | the runs: list, files, tags, and what is new in them |
//! | `datasets.rs` | the data sets that may be trained on |
//! | `uploads.rs` | data sets that a page sends |
//! | `trainings.rs` | trainings that the studio starts |
//! | `draw/` | models on the device, and the socket that draws with them |
//!
//! Nothing that waits for the device runs on a thread of the server: trainings have one of their
//! own, and so has drawing.

mod datasets;
mod draw;
mod guard;
mod page;
mod refusal;
mod routes;
mod runs;
mod trainings;
mod uploads;

use crate::gpu::DeviceOptions;
use crate::train::run::Commands;
use datasets::DataSets;
use draw::Drawer;
use guard::Guard;
use routes::Shared;
use runs::RunsFolder;
use runs::watch::Watchers;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::watch;
use trainings::Trainings;

/// What a studio shows, and where.
#[derive(Debug, Clone)]
pub struct StudioOptions {
    /// The folder of all runs. It may not be there yet.
    pub runs: PathBuf,
    /// Folders of pairs that trainings may be started on.
    pub data: Vec<PathBuf>,
    /// The port; 0 for any that is free.
    pub port: u16,
    /// An address that other machines reach. Without it only this one does.
    pub listen: Option<String>,
    /// The device of trainings and drawing.
    pub device: DeviceOptions,
    /// The commands that the pages of runs show.
    pub commands: Commands,
}

/// Why a studio does not start, or ends. Texts name options in backticks.
#[derive(Debug, Error)]
pub enum StudioError {
    /// Something listens there already.
    #[error(
        "port {port} is taken, maybe by another studio; name another one with `port`, or 0 for any \
         that is free"
    )]
    InUse {
        /// The port.
        port: u16,
    },
    /// An address at which this machine cannot listen.
    #[error("cannot listen at {address}: {reason}; name an address of this machine")]
    Listen {
        /// The address.
        address: String,
        /// What the system says.
        reason: io::Error,
    },
    /// A data set that is no folder.
    #[error("{}: there is no such folder; name a folder of pairs", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
    },
    /// The system has no threads, sockets or random numbers for it.
    #[error("the server cannot start: {reason}; end other programs")]
    System {
        /// What the system says.
        reason: io::Error,
    },
}

/// A studio that listens.
#[derive(Debug)]
pub struct Studio {
    listener: TcpListener,
    address: SocketAddr,
    /// The address as it was named, for other machines.
    listen: Option<String>,
    shared: Arc<Shared>,
    end: watch::Receiver<bool>,
    ender: watch::Sender<bool>,
}

/// Ends a studio, from any thread.
#[derive(Debug, Clone)]
pub struct StudioEnd(watch::Sender<bool>);

impl StudioEnd {
    /// The trainings that it started are stopped and saved, and then it ends.
    pub fn end(&self) {
        self.0.send_replace(true);
    }
}

impl Studio {
    /// Listens. Requests wait until [`Studio::serve`].
    ///
    /// # Errors
    /// [`StudioError`].
    pub fn bind(options: StudioOptions) -> Result<Self, StudioError> {
        let system = |reason| StudioError::System { reason };
        let mut data = Vec::new();
        for path in options.data {
            match path.canonicalize() {
                Ok(full) if full.is_dir() => data.push(full),
                _ => return Err(StudioError::Data { path }),
            }
        }
        let name = options.listen.as_deref().unwrap_or("127.0.0.1");
        let listener = listen(name, options.port)?;
        let address = listener.local_addr().map_err(system)?;
        let guard = match &options.listen {
            None => Guard::of_loopback(),
            Some(name) => Guard::of_token(random_token().map_err(system)?, name),
        };
        let folder = RunsFolder::at(options.runs);
        let watchers = Watchers::default();
        let said = watchers.said.clone();
        let (ender, end) = watch::channel(false);
        let shared = Shared {
            guard,
            trainings: Trainings::new(
                folder.clone(),
                options.device.clone(),
                options.commands,
                said,
            ),
            drawer: Drawer::start(options.device, folder.clone()).map_err(system)?,
            runs: folder,
            watchers,
            datasets: DataSets::of(data),
            end: end.clone(),
        };
        Ok(Self {
            listener,
            address,
            listen: options.listen,
            shared: Arc::new(shared),
            end,
            ender,
        })
    }

    /// Where the page is, with the token if one is needed.
    pub fn url(&self) -> String {
        let port = self.address.port();
        match (&self.listen, self.shared.guard.token()) {
            (Some(name), Some(token)) => {
                let host = match name.contains(':') {
                    true => format!("[{name}]"),
                    false => name.clone(),
                };
                format!("http://{host}:{port}/?token={token}")
            }
            _ => format!("http://127.0.0.1:{port}/"),
        }
    }

    /// What ends it.
    pub fn ender(&self) -> StudioEnd {
        StudioEnd(self.ender.clone())
    }

    /// Answers requests until it is ended. Returns what became of a training that it stopped then.
    ///
    /// # Errors
    /// [`StudioError::System`].
    pub fn serve(self) -> Result<Option<String>, StudioError> {
        let system = |reason| StudioError::System { reason };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(system)?;
        self.listener.set_nonblocking(true).map_err(system)?;
        let (shared, mut end) = (self.shared.clone(), self.end.clone());
        let told = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(self.listener)?;
            let server =
                tokio::spawn(async move { axum::serve(listener, routes::router(shared)).await });
            // An error would say that nothing can end it any more, and `ender` is here.
            let _ = end.wait_for(|ended| *ended).await;
            // The page still looks on while a training is saved.
            let trainings = self.shared.trainings.clone();
            let told = tokio::task::spawn_blocking(move || trainings.end()).await;
            server.abort();
            Ok(told.ok().flatten())
        });
        // Clients that still read are left.
        runtime.shutdown_background();
        told.map_err(system)
    }
}

fn listen(name: &str, port: u16) -> Result<TcpListener, StudioError> {
    let failed = |reason| StudioError::Listen {
        address: name.to_owned(),
        reason,
    };
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = (bare, port).to_socket_addrs().map_err(failed)?.collect();
    TcpListener::bind(&addresses[..]).map_err(|reason| match reason.kind() {
        io::ErrorKind::AddrInUse => StudioError::InUse { port },
        _ => failed(reason),
    })
}

/// 128 bits that nobody guesses, as hexadecimal digits.
fn random_token() -> io::Result<String> {
    let mut bytes = [0; 16];
    fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(unix)]
fn fill(bytes: &mut [u8]) -> io::Result<()> {
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, bytes)
}

/// Where the system has no such file: the keys that the standard library draws for its hash maps.
#[cfg(not(unix))]
fn fill(bytes: &mut [u8]) -> io::Result<()> {
    use std::hash::{BuildHasher, RandomState};
    for part in bytes.chunks_mut(8) {
        let drawn = RandomState::new().hash_one(0).to_le_bytes();
        part.copy_from_slice(&drawn[..part.len()]);
    }
    Ok(())
}
