//! What can be wrong with an identity: with the tokens, with who answers, and what stands in the way.

use super::odd::Odd;
use crate::sandbox::http::Response;

/// Something that is wrong; a fault of the name beside it in `TROUBLES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Tokens have expired when they are given out.
    TokenExpired,
    /// Tokens become valid an hour later.
    TokenFuture,
    /// Tokens are of another tenant.
    TokenOtherTenant,
    /// Another identity answers than the one asked for.
    IdentityOther,
    /// The proxy of Docker Desktop answers instead.
    DockerDesktop,
    /// The metadata service of another cloud answers instead.
    OtherCloud,
    /// A proxy answers instead, with a page of this status.
    ProxyPage(u16),
    /// What answers while the metadata service starts.
    Restarting,
    /// The `Metadata` header does not arrive.
    HeaderLost,
    /// The connection is accepted, and nothing comes.
    Silent,
    /// The agent of Arc knows no user-assigned identities and passes over their ids.
    OldAgent,
    /// Arc's challenge names this instead of a key.
    Rogue(Lure),
    /// The pod's token has expired.
    AssertionExpired,
    /// An answer has another form, as seen in the wild.
    Odd(Odd),
}

/// What a rogue in the place of Arc's agent would like to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lure {
    /// A file in another folder.
    Outside,
    /// The same, by a path that begins in the folder of the keys.
    Dots,
    /// The same, by a link in the folder of the keys.
    Link,
    /// A file of more than 4096 bytes.
    Big,
    /// A file that is no `.key`.
    Ending,
}

pub(super) const TROUBLES: &[(&str, Trouble)] = &[
    ("token-expired", Trouble::TokenExpired),
    ("token-future", Trouble::TokenFuture),
    ("token-other-tenant", Trouble::TokenOtherTenant),
    ("identity-other", Trouble::IdentityOther),
    ("docker-desktop", Trouble::DockerDesktop),
    ("other-cloud", Trouble::OtherCloud),
    ("proxy-page", Trouble::ProxyPage(502)),
    ("proxy-page=200", Trouble::ProxyPage(200)),
    ("imds-restarting", Trouble::Restarting),
    ("imds-silent", Trouble::Silent),
    ("metadata-header-lost", Trouble::HeaderLost),
    ("arc-old-agent", Trouble::OldAgent),
    ("arc-rogue", Trouble::Rogue(Lure::Outside)),
    ("arc-rogue=dots", Trouble::Rogue(Lure::Dots)),
    ("arc-rogue=link", Trouble::Rogue(Lure::Link)),
    ("arc-big-key", Trouble::Rogue(Lure::Big)),
    ("arc-wrong-ending", Trouble::Rogue(Lure::Ending)),
    ("assertion-expired", Trouble::AssertionExpired),
    ("answer=docs", Trouble::Odd(Odd::Docs)),
    ("answer=swagger", Trouble::Odd(Odd::Swagger)),
    ("answer=empty-expiry", Trouble::Odd(Odd::EmptyExpiry)),
    ("answer=refresh-in", Trouble::Odd(Odd::RefreshIn)),
    ("answer=iso-date", Trouble::Odd(Odd::IsoDate)),
    ("answer=windows-date", Trouble::Odd(Odd::WindowsDate)),
    ("answer=text-codes", Trouble::Odd(Odd::TextCodes)),
];

/// What is wrong under that name.
pub(super) fn named(name: &str) -> Option<Trouble> {
    let found = TROUBLES.iter().find(|(known, _)| *known == name);
    found.map(|(_, trouble)| *trouble)
}

const UNREACHABLE: &str = "connecting to 169.254.169.254:80: connecting to 169.254.169.254:80: dial tcp 169.254.169.254:80: connectex: A socket operation was attempted to an unreachable network.";
const EC2: &str = "<html><head><title>401 - Unauthorized</title></head></html>";

impl Trouble {
    /// What answers in the place of the endpoint, whatever is asked.
    pub(super) fn impostor(self) -> Option<Response> {
        Some(match self {
            Self::DockerDesktop => Response::empty(403)
                .with("Content-Type", "text/plain; charset=utf-8")
                .carrying(UNREACHABLE),
            Self::OtherCloud => Response::empty(401)
                .with("Server", "EC2ws")
                .with("Content-Type", "text/html")
                .carrying(EC2),
            Self::ProxyPage(status) => Response::empty(status)
                .with("Server", "squid")
                .with("Content-Type", "text/html; charset=utf-8")
                .carrying(page(status)),
            Self::Restarting => Response::empty(500)
                .with("Content-Type", "text/plain")
                .with("Server", "Microsoft-IIS/10.0"),
            _ => return None,
        })
    }
}

fn page(status: u16) -> String {
    let (title, text) = match status {
        200 => ("Sign in", "Sign in to reach the internet."),
        _ => (
            "The requested URL could not be retrieved",
            "The proxy could not connect to 169.254.169.254.",
        ),
    };
    format!(
        "<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{text}</p></body></html>\n"
    )
}
