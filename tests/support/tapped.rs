//! A sandbox whose wires are tapped: what went over them tells what was secret.

use std::collections::BTreeSet;

use rawcosmos::sandbox::host::Host;

use super::lines::{CONVERSATIONS, VIEWS};
use super::wire::Wire;
use super::{Place, Ran, Run};

/// A sandbox behind wire taps: what went over the wires tells what was secret.
pub struct Tapped {
    pub place: Place,
    pub wires: [Wire; 3],
}

impl Tapped {
    pub fn new(faults: &[&str]) -> Tapped {
        Tapped::on(Host::default(), faults)
    }

    pub fn on(host: Host, faults: &[&str]) -> Tapped {
        let place = Place::furnished_on(host, faults);
        // The services name themselves by their taps, so that operations are followed through them.
        let wires = place.sandbox.with_world(|world| {
            let wires = [&world.imds, &world.arm, &world.cosmos].map(|origin| Wire::to(origin));
            world.imds.clone_from(&wires[0].origin);
            world.arm.clone_from(&wires[1].origin);
            world.cosmos.clone_from(&wires[2].origin);
            wires
        });
        Tapped { place, wires }
    }

    pub fn prepare(&self, line: &str) -> Run {
        self.place.prepare(line)
    }

    /// Everything on the wires that nobody else may see: tokens, signatures, the parameters of signed URLs, keys, an app's
    /// header, a pod's token.
    pub fn secrets(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::from([self.place.key()]);
        let texts = self
            .wires
            .iter()
            .flat_map(|wire| [wire.asked(), wire.answered()]);
        for text in texts.collect::<Vec<_>>() {
            for line in text.lines() {
                found.extend(signatures(line));
                let members = [
                    "access_token",
                    "primaryMasterKey",
                    "secondaryMasterKey",
                    "primaryReadonlyMasterKey",
                    "secondaryReadonlyMasterKey",
                ];
                for member in members {
                    let value = between(line, &format!("\"{member}\":\""), "\"");
                    found.extend(value.into_iter().flat_map(parts));
                }
                let assertion = between(line, "client_assertion=", "&");
                found.extend(assertion.into_iter().flat_map(parts));
            }
        }
        found.retain(|secret| secret.len() >= 16);
        found
    }
}

/// What proves something in a header: of a token or a key, and of a URL that was given out.
fn signatures(line: &str) -> Vec<String> {
    let Some((name, value)) = line.split_once(": ") else {
        return Vec::new();
    };
    match name.to_ascii_lowercase().as_str() {
        "authorization" => {
            let value = value.replace("%3D", "=").replace("%3d", "=");
            let sent = value.rsplit(['=', ' ']).find(|part| !part.is_empty());
            let proof = value.split_once("sig=").map(|(_, proof)| proof.to_string());
            proof
                .into_iter()
                .chain(sent.map(str::to_string))
                .flat_map(parts)
                .collect()
        }
        "x-identity-header" | "secret" => vec![value.to_string()],
        "azure-asyncoperation" | "location" => {
            let pairs = value
                .split_once('?')
                .map_or("", |(_, query)| query)
                .split('&');
            let signed =
                pairs.filter(|pair| ["t=", "c=", "s=", "h="].iter().any(|n| pair.starts_with(n)));
            signed.map(|pair| pair[2..].to_string()).collect()
        }
        _ => Vec::new(),
    }
}

/// A secret as it stands, percent-decoded, and each long part of it: a half of a token is one too.
fn parts(secret: String) -> Vec<String> {
    let plain = secret
        .replace("%2B", "+")
        .replace("%2F", "/")
        .replace("%3D", "=");
    let mut all = vec![secret.clone(), plain.clone()];
    all.extend(secret.split('.').map(str::to_string));
    all.extend(plain.trim_end_matches('=').split('.').map(str::to_string));
    all
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    Some(rest.split(end).next()?.to_string())
}

/// Runs all conversations in all views, and returns everything that was said.
pub fn all_views(tapped: &Tapped, credential: &[&str], extra: &str) -> Vec<Ran> {
    let mut ran = Vec::new();
    for view in VIEWS {
        for line in CONVERSATIONS {
            let run = tapped.prepare(&format!("{line} {view} {extra}"));
            let run = match credential {
                [name, path] => run.env(name, path),
                _ => run,
            };
            ran.push(run.go());
        }
    }
    ran
}

/// A secret as it may stand in an output: as it is, as text of a page, and in a URL.
pub fn forms(secret: &str) -> BTreeSet<String> {
    let written = |signs: &[(&str, &str)]| {
        let change = |text: String, (sign, name): &(&str, &str)| text.replace(sign, name);
        signs.iter().fold(secret.to_string(), change)
    };
    BTreeSet::from([
        secret.to_string(),
        written(&[
            ("&", "&amp;"),
            ("<", "&lt;"),
            (">", "&gt;"),
            ("\"", "&quot;"),
            ("'", "&#39;"),
        ]),
        written(&[
            ("%", "%25"),
            ("+", "%2B"),
            ("/", "%2F"),
            ("=", "%3D"),
            ("&", "%26"),
        ]),
    ])
}

#[track_caller]
pub fn keeps_secrets(tapped: &Tapped, ran: &[Ran]) -> usize {
    let secrets = tapped.secrets();
    let forms: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    for ran in ran {
        for secret in &forms {
            let leaked = ran.out.contains(secret) || ran.err.contains(secret);
            assert!(!leaked, "{secret} in {ran:#?}");
        }
    }
    secrets.len()
}
