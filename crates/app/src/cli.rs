//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use pts_domain::access::{Network, Scope, Workspace};
use pts_domain::quarantine::State;
use pts_domain::retention::Policy;
use pts_domain::time::{Moment, Span};
use uuid::Uuid;

/// The Platform Telemetry Service: keeps what happened on a platform and tells what runs where.
#[derive(Debug, Parser)]
#[command(name = "pts-server", version, arg_required_else_help = false)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Settings that every command takes. They win over the environment (`PTS__…`), which wins over
/// the configuration file.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Common {
    /// Configuration file; without it ./pts.toml, then /etc/pts/pts.toml, if there is one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
    /// Where data is kept [default: /var/lib/pts for root, ~/.local/share/pts for others]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// PostgreSQL 15 or later; without it a private one is run in the data directory
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// What to log: error, warn, info, debug, trace, or a filter such as info,pts_services=debug
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service (this is what happens without a command)
    Serve,
    /// Bring the database to the shape that this version needs, and end
    Migrate,
    /// Drop what was worked out from the log and work it out again; run it while no server runs
    Rebuild {
        /// Change nothing; tell where the two differ, and end with 1 if they do
        #[arg(long)]
        check: bool,
    },
    /// Look through the whole log for holes and changes; ends with 1 if there are any
    Verify,
    /// Show and remove what has had its time: whole months of events that no projection needs
    #[command(subcommand)]
    Retention(RetentionCommand),
    /// Look after what was sent and is no event
    Quarantine {
        /// Of this workspace
        #[arg(long, global = true, value_name = "NAME", default_value_t)]
        workspace: Workspace,
        #[command(subcommand)]
        command: QuarantineCommand,
    },
    /// Look after the record of who did what
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Make, list and revoke access tokens
    #[command(subcommand)]
    Token(TokenCommand),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Call an address as a webhook is called, and say what came of it; ends with 1 if it was not called
    Outbound {
        /// `http://` or `https://`
        #[arg(value_name = "URL")]
        url: String,
    },
    /// Ask the server on this machine whether it lives; ends with 1 if not
    Healthcheck,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Show what would go, what would stay, and the months to come; changes nothing
    Preview {
        /// Instead of what is configured: `forever`, or how long events that no projection needs
        /// stay, such as 400d
        #[arg(long, value_name = "SPAN")]
        foreign_events: Option<Policy>,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Remove what the preview shows; ends with 2 and changes nothing if that is not confirmed
    Run {
        /// The text that the preview gave: it is good for exactly what was shown
        #[arg(long, value_name = "TEXT")]
        confirm: Option<String>,
        /// Instead of what is configured: `forever`, or how long events that no projection needs
        /// stay, such as 400d
        #[arg(long, value_name = "SPAN")]
        foreign_events: Option<Policy>,
        /// How to print what was done
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// List what was removed, newest first
    History {
        /// Count it by source instead, the most first
        #[arg(long)]
        sources: bool,
        /// How many lines at the most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List items, newest first
    List {
        #[command(flatten)]
        which: Which,
        /// Only those in this state: waiting, replayed or discarded
        #[arg(long, value_parser = state)]
        state: Option<State>,
        /// How many at the most
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Show one item as it came, as JSON
    Show {
        /// The `quarantine_id` that its sender was told
        id: Uuid,
    },
    /// Send items through the same check again, the oldest first: these, or all that wait and fit
    Replay {
        /// These; ends with 1 if one of them is no event
        ids: Vec<Uuid>,
        #[command(flatten)]
        which: Which,
    },
    /// Give up items: these, or all that wait and fit
    Discard {
        /// These; ends with 1 if one of them does not wait
        ids: Vec<Uuid>,
        #[command(flatten)]
        which: Which,
        /// Why, for whoever asks later
        #[arg(long)]
        reason: String,
    },
}

/// Which items are meant. Everything that is given must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Which {
    /// Those that say they are of this source
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// Those that came with this token, by its id
    #[arg(long, value_name = "ID")]
    pub(crate) token: Option<Uuid>,
    /// Those that say they are of these types, such as deployment.*
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Those received at this moment or later: a time, or a span such as 1h
    #[arg(long, value_parser = moment, value_name = "MOMENT")]
    pub(crate) since: Option<Moment>,
    /// Those received before this moment
    #[arg(long, value_parser = moment, value_name = "MOMENT")]
    pub(crate) until: Option<Moment>,
}

impl Which {
    /// Whether nothing was given.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Look through all of it, and name the first entry that somebody meddled with; ends with 1 if
    /// there is one
    Verify {
        /// Checkpoints that are kept outside the database; repeat it for more [default: the file that
        /// this machine tells them to]
        #[arg(long, value_name = "FILE")]
        checkpoints: Vec<PathBuf>,
        /// A key to trust, as 64 hex digits or a file in PEM; repeat it for more [default: the key of
        /// this machine]
        #[arg(long = "public-key", value_name = "KEY")]
        public_keys: Vec<String>,
    },
    /// Print the public key that this machine signs with
    Key,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it, once
    Create {
        /// What to call it: who will use it
        #[arg(long)]
        name: String,
        /// What it allows, such as events:write; repeat or separate by commas
        #[arg(
            long = "scope",
            required_unless_present = "roles",
            value_delimiter = ','
        )]
        scopes: Vec<Scope>,
        /// The only workspace that it reaches: 1 to 63 lower-case letters, digits and hyphens; any if
        /// not given
        #[arg(long, value_name = "NAME")]
        workspace: Option<Workspace>,
        /// A role that it allows as well: viewer, emitter, operator, admin, or one that is configured
        #[arg(long = "role", value_name = "ROLE", value_delimiter = ',')]
        roles: Vec<String>,
        /// Where it may be used from, such as 10.1.0.0/16; from everywhere if not given
        #[arg(long = "network", value_name = "NETWORK", value_delimiter = ',')]
        networks: Vec<Network>,
        /// How long it lasts, such as 90d; for ever if not given
        #[arg(long, value_parser = span)]
        lasts: Option<Span>,
    },
    /// List tokens and sessions, newest first
    List {
        /// How to print them
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Revoke a token, and the sessions that were signed in with it
    Revoke {
        /// The id that `token list` shows
        id: Uuid,
    },
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    #[default]
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration in force, without secrets
    Print,
    /// Check the configuration, and end
    Check,
}

fn moment(text: &str) -> Result<Moment, String> {
    Moment::try_from(text.to_owned())
}

fn state(text: &str) -> Result<State, String> {
    State::named(text).ok_or_else(|| {
        let names = State::ALL.map(State::as_str);
        format!("`{text}` is no state; there are {}", names.join(", "))
    })
}

fn span(text: &str) -> Result<Span, String> {
    Span::try_from(text.to_owned())
}
