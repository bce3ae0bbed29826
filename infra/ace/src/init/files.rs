//! The files that `ace init` writes.

/// How a file may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// As the user's mask has it.
    Plain,
    /// By its owner alone.
    Secret,
    /// It can be run.
    Script,
}

impl Mode {
    /// The permissions of a new file, before the user's mask.
    #[cfg(unix)]
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o666,
            Self::Secret => 0o600,
            Self::Script => 0o777,
        }
    }
}

/// A file, by its path in the tree.
pub(crate) struct New {
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
    pub(crate) mode: Mode,
}

macro_rules! new {
    ($path:literal, $mode:ident) => {
        New { path: $path, text: include_str!(concat!("../../init/", $path)), mode: Mode::$mode }
    };
}

/// So that a version control that knows no folders keeps it.
const fn folder(path: &'static str) -> New {
    New { path, text: "", mode: Mode::Plain }
}

/// The tree of the user's document.
pub(crate) const FILES: [New; 20] = [
    // What a run keeps there is of this machine.
    New { path: ".gitignore", text: "/state\n", mode: Mode::Plain },
    New {
        path: "environments/local/config.yml",
        text: include_str!("../../../../.ace-flow/environments/local/config.yml"),
        mode: Mode::Plain,
    },
    new!("environments/local/secrets.yml", Secret),
    folder("environments/local/overrides/.gitkeep"),
    new!("environments/development/config.yml", Plain),
    new!("environments/development/secrets.yml", Secret),
    folder("environments/development/overrides/.gitkeep"),
    new!("environments/staging/config.yml", Plain),
    new!("environments/staging/secrets.yml", Secret),
    folder("environments/staging/overrides/.gitkeep"),
    new!("environments/production/config.yml", Plain),
    new!("environments/production/secrets.yml", Secret),
    folder("environments/production/overrides/.gitkeep"),
    new!("templates/environment.template.yml", Plain),
    new!("templates/secrets.template.yml", Plain),
    new!("templates/alerts.example.yml", Plain),
    new!("templates/cost.example.yml", Plain),
    new!("scripts/deploy-dev.sh", Script),
    new!("scripts/deploy-staging.sh", Script),
    new!("scripts/deploy-prod.sh", Script),
];
