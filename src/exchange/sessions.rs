//! Session tokens of this run: what was written is seen by what reads after it.
//!
//! A transport around another one. It keeps what answers say, by container and range, and says it with the next read.

use std::sync::Mutex;

use super::{Transport, locked};
use crate::cosmos::ranges::{self, Range};
use crate::cosmos::session::Token;
use crate::error::{Broken, Plane};
use crate::message::{Request, Response};

const HEADER: &str = "x-ms-session-token";

/// Token and continuation share the gateway's limit: what is longer is left out, and the service reads as it likes.
const LONGEST: usize = 4096;

/// What is known of one container.
#[derive(Debug, Default)]
struct Known {
    /// `ACCOUNT/dbs/DATABASE/colls/CONTAINER`: the same in every region.
    url: String,
    /// Its own id, or empty until an answer says it: a new container begins a new session.
    rid: String,
    token: Token,
    /// An answer of this run told a token.
    heard: bool,
    /// It was deleted and created again: what earlier runs knew of it is about another container.
    recreated: bool,
}

impl Known {
    fn recreate(&mut self) {
        (self.token, self.recreated) = (Token::default(), true);
    }
}

/// Keeps the session of every container it sees.
///
/// ```
/// use rawcosmos::exchange::{network::Network, sessions::Sessions};
/// let network = Network::new(None);
/// let transport = Sessions::new(&network); // and this goes into the Client
/// ```
pub struct Sessions<'a> {
    inner: &'a dyn Transport,
    known: Mutex<Vec<Known>>,
    /// Origins that stand for another one: regions of its account.
    also: Mutex<Vec<(String, String)>>,
    /// The account that every request is for, where it was named.
    account: Option<String>,
}

impl<'a> Sessions<'a> {
    /// Around a transport, knowing nothing yet.
    pub fn new(inner: &'a dyn Transport) -> Sessions<'a> {
        Sessions {
            inner,
            known: Mutex::default(),
            also: Mutex::default(),
            account: None,
        }
    }

    /// Every request is for this account, whatever the host is called.
    #[must_use]
    pub fn of_account(mut self, name: Option<String>) -> Sessions<'a> {
        self.account = name.map(|name| name.to_ascii_lowercase());
        self
    }

    /// The name a container has in the file: that of its account, and the path.
    fn container(&self, url: &str) -> String {
        match (
            &self.account,
            url.find("/dbs/").and_then(|at| url.get(at..)),
        ) {
            (Some(account), Some(path)) => format!("{account}{path}"),
            _ => container_of(url),
        }
    }

    /// The same container in the region that it is known by.
    fn at_home(&self, url: &str) -> String {
        let also = locked(&self.also);
        let mut homes = also.iter().filter_map(|(also, home)| {
            let rest = url.strip_prefix(also.as_str())?;
            rest.starts_with('/').then(|| format!("{home}{rest}"))
        });
        homes.next().unwrap_or_else(|| url.to_string())
    }

    /// What is known of the container at this URL, from now on.
    fn about(&self, url: &str, each: &dyn Fn(&mut Known)) {
        let mut all = locked(&self.known);
        if !all.iter().any(|known| known.url == url) {
            all.push(Known {
                url: url.to_string(),
                ..Known::default()
            });
        }
        all.iter_mut()
            .filter(|known| known.url == url)
            .for_each(each);
    }

    /// Adds what an earlier run knew of the container at this URL. `false` where the text is no session token.
    pub fn learn(&self, url: &str, token: &str) -> bool {
        let token = Token::parse(token);
        if let Some(token) = &token {
            self.about(&container_of(url), &|known| known.token.merge(token));
        }
        token.is_some()
    }

    /// What is known: the URL of each container and its token.
    pub fn tokens(&self) -> Vec<(String, String)> {
        let known = locked(&self.known);
        let told = known.iter().filter(|known| !known.token.is_empty());
        told.map(|known| (known.url.clone(), known.token.to_string()))
            .collect()
    }

    /// Whether answers of this run told any token.
    pub fn has_news(&self) -> bool {
        locked(&self.known).iter().any(|known| known.heard)
    }

    /// Adds what answers of this run told to what is kept for later runs: of each container its URL and token. Of two
    /// tokens for a range the newer one is kept.
    pub fn merge_into(&self, kept: &mut Vec<(String, String)>) {
        let all = locked(&self.known);
        // Earlier versions wrote the URL of the container.
        for (container, _) in kept.iter_mut() {
            *container = container_of(container);
        }
        for known in all.iter().filter(|known| known.heard) {
            let mut token = known.token.clone();
            let there = kept.iter_mut().find(|(url, _)| *url == known.url);
            let old = there.as_ref().and_then(|(_, old)| Token::parse(old));
            if let Some(old) = old.filter(|_| !known.recreated) {
                token.merge(&old);
            }
            match there {
                Some((_, there)) => *there = token.to_string(),
                None => kept.push((known.url.clone(), token.to_string())),
            }
        }
    }

    /// The request with all that is known for it; what it says itself is remembered.
    fn with_token(&self, request: &Request, url: &str) -> Request {
        let own = header(request, HEADER);
        let mut request = request.clone();
        if own.is_some_and(|own| !self.learn(url, own)) {
            return request;
        }
        let known = locked(&self.known);
        let known = known.iter().find(|known| known.url == url);
        let range = header(&request, "x-ms-documentdb-partitionkeyrangeid");
        let text = known.map(|known| match range {
            Some(range) => known.token.of(range).to_string(),
            None => known.token.to_string(),
        });
        request.headers.retain(|(name, _)| *name != HEADER);
        request.header_if(
            HEADER,
            text.filter(|text| (1..=LONGEST).contains(&text.len())),
        )
    }

    /// An answer tells how far the range is, even where it says that there is nothing or that there is something.
    fn heard(&self, url: &str, response: &Response) {
        if is_anew(response) {
            return self.about(url, &Known::recreate);
        }
        let tells = match response.status {
            200..=299 | 304 | 409 | 412 => true,
            404 => response.header("x-ms-substatus") != Some("1002"),
            _ => false,
        };
        let token = response.header(HEADER).filter(|_| tells);
        let rid = response.header("x-ms-content-path");
        if let Some(token) = token.and_then(Token::parse) {
            self.about(url, &|known| {
                if rid.is_some_and(|rid| !known.rid.is_empty() && known.rid != rid) {
                    known.recreate();
                }
                known.rid = rid.unwrap_or(&known.rid).to_string();
                known.token.merge(&token);
                known.heard = true;
            });
        }
    }

    /// Ranges that came from others have seen what those have.
    fn heard_of_ranges(&self, url: &str, response: &Response) {
        let page = ranges::page(response).unwrap_or_default();
        for range in page.items.iter().flat_map(|range| Range::read(range)) {
            self.about(url, &|known| known.token.inherit(&range.id, &range.parents));
        }
    }
}

impl Transport for Sessions<'_> {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        let place = place(request).map(|(url, part)| (self.container(&self.at_home(url)), part));
        let outcome = match &place {
            Some((url, "docs")) if is_read(request) => {
                self.inner.send(&self.with_token(request, url))
            }
            _ => self.inner.send(request),
        };
        match (&outcome, &place) {
            (Ok(response), Some((url, "docs"))) => self.heard(url, response),
            (Ok(response), Some((url, "pkranges"))) => self.heard_of_ranges(url, response),
            _ => {}
        }
        outcome
    }

    fn served(&self, home: &str, also: &str) {
        let pair = (also.to_string(), home.to_string());
        locked(&self.also).push(pair);
        self.inner.served(home, also);
    }

    fn note(&self, text: &str) {
        self.inner.note(text);
    }

    fn distrust(&self) {
        self.inner.distrust();
    }
}

/// `ACCOUNT/dbs/DATABASE/colls/CONTAINER` of a URL: the account of `contoso-westeurope.documents.azure.com` is `contoso`.
/// A host that names no account stands for itself.
fn container_of(url: &str) -> String {
    let Some((_, rest)) = url.split_once("://") else {
        return url.to_string();
    };
    let (host, path) = match rest.find('/').and_then(|at| rest.split_at_checked(at)) {
        Some(parts) => parts,
        None => (rest, ""),
    };
    let label = match host.split_once('.') {
        Some((label, domain)) if domain.contains("documents.") || domain.contains("cosmos.") => {
            label
        }
        _ => return rest.to_string(),
    };
    let account = match label.rsplit_once('-') {
        Some((account, region)) if REGIONS.split_whitespace().any(|known| known == region) => {
            account
        }
        _ => label,
    };
    format!("{account}{path}")
}

/// How regions stand in the host of an account's regional endpoint.
///
/// <https://learn.microsoft.com/azure/reliability/regions-list>
const REGIONS: &str = "
    australiacentral australiacentral2 australiaeast australiasoutheast austriaeast belgiumcentral brazilsouth
    brazilsoutheast canadacentral canadaeast centralindia centralus centraluseuap chilecentral chinaeast chinaeast2
    chinaeast3 chinanorth chinanorth2 chinanorth3 denmarkeast eastasia eastus eastus2 eastus2euap francecentral
    francesouth germanynorth germanywestcentral indonesiacentral israelcentral italynorth japaneast japanwest
    jioindiacentral jioindiawest koreacentral koreasouth malaysiawest mexicocentral newzealandnorth northcentralus
    northeurope norwayeast norwaywest polandcentral qatarcentral southafricanorth southafricawest southcentralus
    southeastasia southindia spaincentral swedencentral swedensouth switzerlandnorth switzerlandwest uaecentral uaenorth
    uksouth ukwest usdodcentral usdodeast usgovarizona usgovtexas usgovvirginia westcentralus westeurope westindia
    westus westus2 westus3";

/// The container is another one than the one that was meant.
fn is_anew(response: &Response) -> bool {
    let substatus = response.header("x-ms-substatus").unwrap_or_default();
    matches!((response.status, substatus), (400, "1024") | (410, "1000"))
}

/// The URL of the container a request is about, and which of its parts.
fn place(request: &Request) -> Option<(&str, &str)> {
    if request.plane != Plane::Data {
        return None;
    }
    let url = request.url.expose();
    let (before, after) = url.split_once("/colls/")?;
    let (name, after) = after.split_once('/')?;
    let end = before.len() + "/colls/".len() + name.len();
    Some((url.get(..end)?, after.split('/').next()?))
}

/// A read, a query or a batch. A write needs a token only where several regions are written, and says its own then.
fn is_read(request: &Request) -> bool {
    let has = |name: &str| header(request, name).is_some();
    request.method == "GET" || has("x-ms-documentdb-isquery") || has("x-ms-cosmos-is-batch-request")
}

fn header<'r>(request: &'r Request, name: &str) -> Option<&'r str> {
    let mut headers = request.headers.iter();
    let found = headers.find(|(known, _)| *known == name);
    found.map(|(_, value)| value.expose())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_has_one_name_in_all_regions() {
        for (url, name) in [
            (
                "https://contoso.documents.azure.com:443/dbs/d/colls/c",
                "contoso/dbs/d/colls/c",
            ),
            (
                "https://contoso.documents.azure.com/dbs/d/colls/c",
                "contoso/dbs/d/colls/c",
            ),
            (
                "https://contoso-westeurope.documents.azure.com:443/dbs/d/colls/c",
                "contoso/dbs/d/colls/c",
            ),
            (
                "https://contoso-eastus.documents.azure.us/dbs/d/colls/c",
                "contoso/dbs/d/colls/c",
            ),
            (
                "https://contoso-orders.documents.azure.com/dbs/d/colls/c",
                "contoso-orders/dbs/d/colls/c",
            ),
            (
                "http://127.0.0.1:8081/dbs/d/colls/c",
                "127.0.0.1:8081/dbs/d/colls/c",
            ),
            ("contoso/dbs/d/colls/c", "contoso/dbs/d/colls/c"),
        ] {
            assert_eq!(container_of(url), name);
        }
    }
}
