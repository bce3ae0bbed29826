//! `ace completions` and `ace man`: the command as shells and readers of manuals know it.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use miette::Diagnostic;

use crate::Ending;
use crate::arguments::Arguments;

/// `ace completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell. Bash: `ace completions bash > ~/.local/share/bash-completion/completions/ace`.
    #[arg(value_enum)]
    shell: Shell,
}

/// `ace man`.
#[derive(Debug, Args)]
pub(crate) struct ManPages {
    /// Write a page for `ace` and one for each command into this folder, instead of all of them to standard output:
    /// `ace man --out ~/.local/share/man/man1`.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error, Diagnostic)]
#[error("cannot write {place}")]
#[diagnostic(help("name a folder that can be written to with --out, or redirect standard output"))]
pub(crate) struct ShellError {
    place: String,
    #[source]
    source: std::io::Error,
}

pub(crate) fn completions(arguments: &Completions) -> Result<Ending, ShellError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "ace", &mut script);
    print(&script)
}

pub(crate) fn man(arguments: &ManPages) -> Result<Ending, ShellError> {
    let mut root = Arguments::command().disable_help_subcommand(true);
    root.build();
    let mut pages = Vec::new();
    collect(&root, &mut pages);
    let Some(folder) = &arguments.out else {
        let mut all = Vec::new();
        for page in pages {
            page.render(&mut all).map_err(failed("standard output"))?;
        }
        return print(&all);
    };
    std::fs::create_dir_all(folder).map_err(failed_at(folder))?;
    for page in pages {
        let path = folder.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text).and_then(|()| std::fs::write(&path, text)).map_err(failed_at(&path))?;
    }
    Ok(Ending::Good)
}

/// The page of a command and those of its own commands, `ace-validate` after `ace`.
fn collect(command: &Command, pages: &mut Vec<Man>) {
    let source = concat!("ace ", env!("CARGO_PKG_VERSION"));
    pages.push(Man::new(command.clone()).source(source).manual("ACE-Flow"));
    command.get_subcommands().filter(|one| !one.is_hide_set()).for_each(|one| collect(one, pages));
}

/// A reader that has read enough is no failure.
fn print(text: &[u8]) -> Result<Ending, ShellError> {
    match std::io::stdout().lock().write_all(text) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(failed("standard output")(error)),
        _ => Ok(Ending::Good),
    }
}

fn failed(place: &str) -> impl Fn(std::io::Error) -> ShellError {
    move |source| ShellError { place: place.to_owned(), source }
}

fn failed_at(path: &Path) -> impl Fn(std::io::Error) -> ShellError {
    let place = path.display().to_string();
    move |source| ShellError { place: place.clone(), source }
}
