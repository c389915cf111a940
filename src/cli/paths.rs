//! The files that a command line names, looked at before anything is opened or sent: no two of them may be one file
//! where one is written, and what is to be written can be written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::args::EVERYWHERE;
use super::commands::Command;
use super::commands::query::is_token;
use super::files::{folder, resolved, sweep, try_writing};
use super::os;
use super::settings::Settings;
use super::target::partial;
use crate::error::Error;

/// What a command does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    /// Replaces it, or reads it and replaces it.
    Write,
}

use Access::{Read, Write};

/// Options whose value is a path.
const PATHS: &[(&str, Access)] = &[
    ("file", Read),
    ("keys", Read),
    ("token-file", Read),
    ("key-file", Read),
    ("cacert", Read),
    ("errors", Write),
    ("state", Write),
    ("continuation", Write),
    ("session-file", Write),
];

/// Options whose value is a path behind an `@`, else the text itself.
const CONTENTS: &[&str] = &["body", "args", "idx", "unique-key-policy"];

/// A file and what names it.
struct Named {
    called: String,
    path: PathBuf,
    access: Access,
}

/// Which file a path leads to.
#[derive(PartialEq, Eq)]
enum Which {
    /// Device and inode.
    There(u64, u64),
    /// Not there yet: the folder it would be in, by device and inode, and its name.
    New(u64, u64, std::ffi::OsString),
    /// Where there are no inodes.
    Path(PathBuf),
}

/// Refuses one file under two names, and files that cannot be written. Removes what killed runs left beside them.
///
/// # Errors
/// [`Error::Usage`] with the names.
pub fn check(command: &Command, settings: &Settings, operands: &[String]) -> Result<(), Error> {
    let prints = match command.words {
        "export" => operands.first().is_some_and(|name| name == "-"),
        words => ["changes", "query"].contains(&words),
    };
    if prints && settings.text("state").is_some() && os::is_stdout_closed() {
        return Err(Error::usage(
            "standard output is closed: --state would say that rows were delivered",
        ));
    }
    let named = named(command, settings, operands);
    apart(&named)?;
    for named in named.iter().filter(|named| named.access == Write) {
        let Named { called, path, .. } = named;
        try_writing(path, called == "--errors")
            .map_err(|e| Error::usage(format!("{called}: cannot write {}: {e}", path.display())))?;
        sweep(path);
    }
    Ok(())
}

fn named(command: &Command, settings: &Settings, operands: &[String]) -> Vec<Named> {
    let mut all = Vec::new();
    let mut add = |called: &str, path: &str, access| {
        if path != "-" {
            let (called, path) = (called.to_string(), path.into());
            all.push(Named {
                called,
                path,
                access,
            });
        }
    };
    if let Some(path) = operands.first() {
        match command.words {
            "import" => add("the input", path, Read),
            "export" => add("the output", path, Write),
            _ => {}
        }
    }
    let takes = |name: &str| {
        command.options.contains(&name) || EVERYWHERE.iter().any(|option| option.name == name)
    };
    for (name, access) in PATHS.iter().filter(|(name, _)| takes(name)) {
        let path = settings.text(name);
        let is_path =
            |path: &String| *name != "continuation" || !(settings.on("one-page") || is_token(path));
        if let Some(path) = path.filter(is_path) {
            add(&format!("--{name}"), &path, *access);
        }
    }
    for name in CONTENTS.iter().filter(|name| takes(name)) {
        let value = settings.text(name).unwrap_or_default();
        if let Some(path) = value.strip_prefix('@') {
            add(&format!("--{name}"), path, Read);
        }
    }
    all
}

/// No file that is written may be named twice. Standard output is written, too, but for an export to a file.
fn apart(named: &[Named]) -> Result<(), Error> {
    let mut seen: Vec<(String, Access, Which)> = Vec::new();
    for (called, found) in ["standard input", "standard output", "standard error"]
        .into_iter()
        .zip(os::streams())
    {
        let access = if called == "standard input" {
            Read
        } else {
            Write
        };
        let file = found.filter(fs::Metadata::is_file);
        if let Some((device, inode)) = file.as_ref().and_then(os::identity) {
            seen.push((called.to_string(), access, Which::There(device, inode)));
        }
    }
    for Named {
        called,
        path,
        access,
    } in named
    {
        let mut paths = vec![path.clone()];
        if called == "the output" {
            paths.extend(resolved(path).map(|place| partial(&place)));
        }
        for path in paths {
            let Some(which) = which(&path) else { continue };
            let same = seen.iter().find(|(other, others, seen)| {
                *seen == which && (*access == Write || *others == Write) && other != called
            });
            if let Some((other, ..)) = same {
                return Err(Error::usage(format!(
                    "{other} and {called} are the same file: {}",
                    path.display()
                )));
            }
            seen.push((called.clone(), *access, which));
        }
    }
    Ok(())
}

/// Nothing of a device, a pipe or a folder, which may have several uses at a time.
fn which(path: &Path) -> Option<Which> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => None,
        Ok(found) => Some(match os::identity(&found) {
            Some((device, inode)) => Which::There(device, inode),
            None => Which::Path(fs::canonicalize(path).ok()?),
        }),
        Err(_) => new(path).ok(),
    }
}

fn new(path: &Path) -> io::Result<Which> {
    let place = resolved(path)?;
    let name = place.file_name().unwrap_or_default().to_owned();
    let folder = folder(&place);
    Ok(match os::identity(&fs::metadata(folder)?) {
        Some((device, inode)) => Which::New(device, inode, name),
        None => Which::Path(fs::canonicalize(folder)?.join(name)),
    })
}
