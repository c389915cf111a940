//! The two files that identity sources need: Arc's key and a pod's token.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use crate::error::{Error, Failure};
use crate::identity::arc::{self, Agent, Found};
use crate::identity::workload::Pod;
use crate::name::Secret;

/// A pod's token. Read each time: Kubernetes writes it anew.
pub fn assertion(pod: &Pod) -> Result<Secret, Error> {
    const LONGEST: u64 = 64 * 1024;
    let text = text(&pod.file, LONGEST).and_then(|text| match text.trim() {
        "" => Err(io::Error::other("it is empty")),
        text => Ok(text.to_string()),
    });
    match text {
        Ok(text) => Ok(Secret::token(text)),
        Err(e) => Err(Error::identity(
            format!("cannot read the pod's token {}: {e}", pod.file.display()),
            None,
        )),
    }
}

/// The text of the key file that a challenge names, and the file, if it may be read.
pub fn key(agent: &Agent, challenge: &Failure) -> Result<(Secret, std::path::PathBuf), Error> {
    let named = challenge.challenge.as_deref().and_then(arc::key_file);
    let Some(file) = named else {
        return Err(refused(challenge, "the answer names no key file".into()));
    };
    let found = find(file, agent);
    let read = found.and_then(|found| {
        found.may_be_read().map_err(io::Error::other)?;
        let text = text(&found.path, arc::LONGEST_KEY)?;
        Ok((Secret::new("key", text.trim_end()), found.path))
    });
    read.map_err(|e| refused(challenge, format!("{}: {e}", file.display())))
}

/// Where a file really is, and what it is.
fn find(file: &Path, agent: &Agent) -> io::Result<Found> {
    let path = fs::canonicalize(file)?;
    let about = fs::metadata(&path)?;
    Ok(Found {
        keys: fs::canonicalize(&agent.keys)?,
        path,
        is_file: about.is_file(),
        length: about.len(),
    })
}

/// A short file of text. What grows while it is read is refused all the same.
fn text(file: &Path, longest: u64) -> io::Result<String> {
    let mut text = String::new();
    let read = fs::File::open(file)?
        .take(longest + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(read).unwrap_or(u64::MAX) > longest {
        return Err(io::Error::other("it is too long"));
    }
    Ok(text)
}

/// The challenge stays what was answered; why it could not be met takes the place of its words.
fn refused(challenge: &Failure, why: String) -> Error {
    let sentence = format!("the key that the Arc agent asks for cannot be shown: {why}");
    let failure = Failure {
        message: why,
        ..challenge.clone()
    };
    Error::identity(sentence, Some(failure))
}
