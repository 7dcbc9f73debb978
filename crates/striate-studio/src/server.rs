//! Starting and stopping: a loopback port, the routes, the end.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware;
use striate_road::progress::{Progress, ProgressError};
use striate_road::workspace::Workspace;
use striate_train::RunStore;
use tokio::sync::watch;

use crate::checker::{Checker, Program};
use crate::guard::{Guard, protect};
use crate::pages::runs::Evaluations;
use crate::standing::Snapshot;
use crate::trainer::Trainer;
use crate::{live, pages};

/// How many ports after the default are tried when it is taken.
const PORTS_TRIED: u16 = 20;

/// Where the studio finds things and how it presents itself.
#[derive(Clone, Debug)]
pub struct StudioConfig {
    /// Port to listen on. `None`: 4747 or the next free one; `Some(0)`: any.
    pub port: Option<u16>,
    /// Folder of training runs.
    pub runs: PathBuf,
    /// The progress database.
    pub progress: PathBuf,
    /// Folder of the last report of every exercise.
    pub checks: PathBuf,
    /// The learner's own files.
    pub workspace: PathBuf,
    /// The command that checks.
    pub program: Program,
}

/// Why the studio cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StudioError {
    /// The port that was asked for is in use or forbidden.
    #[error(
        "cannot listen on 127.0.0.1:{port}: {source}; choose another with --port, or leave it out to take a free one"
    )]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// None of the default ports is free.
    #[error("ports {first} to {last} on 127.0.0.1 are all taken; choose one with --port (0 takes any free one)")]
    NoFreePort {
        /// First tried.
        first: u16,
        /// Last tried.
        last: u16,
    },
    /// A folder the studio needs cannot be made.
    #[error("cannot make the folder {}: {source}; set STRIATE_HOME to a folder Striate may write to", path.display())]
    Home {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The progress database cannot be used.
    #[error(transparent)]
    Progress(#[from] ProgressError),
    /// The system gave no random numbers for the token.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The server could not be set up or failed while running.
    #[error("the server stopped: {0}")]
    Server(io::Error),
}

/// Ends [`Studio::serve`] from another thread, such as a Ctrl-C handler.
#[derive(Clone, Debug)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Asks the studio to end.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

/// What every handler can reach.
pub struct App {
    pub(crate) guard: Guard,
    pub(crate) runs: RunStore,
    pub(crate) trainer: Trainer,
    pub(crate) evaluations: Evaluations,
    pub(crate) checker: Checker,
    pub(crate) workspace: Workspace,
    pub(crate) checks: PathBuf,
    progress: Mutex<Progress>,
}

impl App {
    /// The progress database. A handler that panicked while it held it has left no half-written state: writes are
    /// transactions.
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the learner stands.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, ProgressError> {
        Snapshot::read(&self.progress())
    }
}

/// A studio that holds its port but does not answer yet.
pub struct Studio {
    listener: TcpListener,
    address: SocketAddr,
    app: Arc<App>,
    stop: Stop,
}

impl Studio {
    /// The port tried first.
    pub const DEFAULT_PORT: u16 = 4747;

    /// Makes the folders, takes the port and a fresh token.
    ///
    /// # Errors
    /// When a folder cannot be made or no port can be had.
    pub fn bind(config: StudioConfig) -> Result<Self, StudioError> {
        for path in [config.runs.as_path(), config.progress.parent().unwrap_or(&config.progress)] {
            std::fs::create_dir_all(path).map_err(|source| StudioError::Home { path: path.to_owned(), source })?;
        }
        let listener = listen(config.port)?;
        let address = listener.local_addr().map_err(StudioError::Server)?;
        let progress = Mutex::new(Progress::open(&config.progress)?);
        let guard = Guard::new(address.port())?;
        let app = Arc::new(App {
            guard,
            runs: RunStore::new(&config.runs),
            trainer: Trainer::default(),
            evaluations: Evaluations::default(),
            checker: Checker::new(config.program),
            workspace: Workspace::new(config.workspace),
            checks: config.checks,
            progress,
        });
        Ok(Studio { listener, address, app, stop: Stop(Arc::new(watch::Sender::new(false))) })
    }

    /// The address to open in a browser.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Opens the address in the learner's browser. False when there is no display or no browser.
    pub fn open_browser(&self) -> bool {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        // On Linux and the BSDs a browser needs a display server; elsewhere there is always a desktop to ask.
        let has_display = cfg!(any(target_os = "macos", windows)) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
        has_display && open::that_detached(self.url()).is_ok()
    }

    /// The handle that ends [`Studio::serve`].
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Answers until [`Stop::stop`] is called.
    ///
    /// # Errors
    /// When the server cannot run.
    pub fn serve(self) -> Result<(), StudioError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(StudioError::Server)?;
        let app = self.app.clone();
        let result = runtime.block_on(async {
            self.listener.set_nonblocking(true).map_err(StudioError::Server)?;
            let listener = tokio::net::TcpListener::from_std(self.listener).map_err(StudioError::Server)?;
            let mut stopped = self.stop.0.subscribe();
            tokio::select! {
                served = axum::serve(listener, router(&app)) => served.map_err(StudioError::Server),
                _ = stopped.wait_for(|stop| *stop) => Ok(()),
            }
        });
        // Open pages hold their sockets; they are dropped here rather than waited for.
        runtime.shutdown_background();
        app.trainer.finish();
        result
    }
}

fn router(app: &Arc<App>) -> Router {
    Router::new()
        .merge(pages::routes())
        .merge(live::routes())
        .fallback(pages::not_found)
        .layer(middleware::from_fn_with_state(app.guard.clone(), protect))
        .with_state(app.clone())
}

fn listen(port: Option<u16>) -> Result<TcpListener, StudioError> {
    if let Some(port) = port {
        return TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|source| StudioError::Port { port, source });
    }
    let (first, last) = (Studio::DEFAULT_PORT, Studio::DEFAULT_PORT + PORTS_TRIED - 1);
    for port in first..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            bound => return bound.map_err(|source| StudioError::Port { port, source }),
        }
    }
    Err(StudioError::NoFreePort { first, last })
}
