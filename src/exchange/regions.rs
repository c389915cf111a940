//! Regions of the account: where reads and writes go once the place they went to does not serve them.
//!
//! The account is asked for its regions only when that is needed, and what it says is not kept beyond this run. Where
//! it does not say, or may not be read, there is one region: the endpoint that was given.

mod family;

use time::{Duration, OffsetDateTime};

use super::attempt::Asked;
use super::judge::Tally;
use super::retry::{RECONNECT, Remedy};
use super::{Client, Clock, locked, patience};
use crate::cosmos::{Account, account};
use crate::error::{Error, Failure, Stage};
use crate::message::{Effect, Limits, Plane, Request, Response, Scope, Text};
use crate::name::Endpoint;
use family::{Family, Place, places, plain, regional};

/// How long a list of regions is taken for right, and a region for unable to serve.
const FRESH: Duration = Duration::minutes(5);

/// How long an account that did not answer is not asked again.
const A_MOMENT: Duration = Duration::seconds(15);

/// The account is small, and whoever waits for it waits for something else.
const QUICK: Limits = patience::limits(2_000, 5_000, 5_000);

/// A region that serves reads.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Region {
    name: String,
    origin: String,
}

/// What is known of an account's regions.
#[derive(Debug, Default)]
pub struct Regions {
    /// Those that are preferred for reads, the most preferred first, as [`plain`] writes them.
    wanted: Vec<String>,
    /// The origin that calls name.
    home: String,
    /// Those that serve reads, the preferred ones first; empty where it is not known.
    list: Vec<Region>,
    /// Origin of the one that takes writes.
    write: Option<String>,
    /// Until when that is taken for right.
    until: Option<OffsetDateTime>,
    /// Where reads go for now, and writes from now on, if not to `home`.
    reads: Option<(String, OffsetDateTime)>,
    writes: Option<String>,
    /// Whether every region takes writes. Those that are not the first one want to be told that the caller knows.
    multi_write: bool,
}

/// Says that the caller knows of conflicts between regions: without it a region that is not the first one refuses a
/// write with 403/3.
const TENTATIVE_WRITES: &str = "x-ms-cosmos-allow-tentative-writes";

/// Scheme, host and port of what is sent.
pub(super) fn origin(request: &Request) -> Option<&str> {
    let url = request.url.expose();
    let (_, behind) = url.split_once(':')?;
    let host = behind.strip_prefix("//")?;
    let path = host.find('/')?;
    url.get(..url.len() - host.len() + path)
}

/// Whether a region takes it for a write. A batch is one, whatever is in it.
fn is_write(request: &Request, effect: Effect) -> bool {
    let mut names = request.headers.iter().map(|(name, _)| *name);
    effect != Effect::Read || names.any(|name| name == "x-ms-cosmos-is-batch-request")
}

impl Regions {
    /// Takes what the account says. What is not there, or is nobody of ours, is left out.
    fn learn(&mut self, home: &Endpoint, response: &Response) {
        let account: serde_json::Value = response.json().unwrap_or_default();
        let multi_write = account.get("enableMultipleWriteLocations");
        self.multi_write = multi_write == Some(&serde_json::Value::Bool(true));
        let readable = places(&account, "readableLocations");
        let family = Family::of(home, &readable);
        let ours = |place: &Place| family.has(place).then(|| place.1.as_str().to_string());
        let writable = places(&account, "writableLocations");
        self.write = writable.first().and_then(ours);
        let mut regions = Vec::new();
        for place in &readable {
            if let Some(origin) = ours(place) {
                let name = place.0.clone();
                regions.push(Region { name, origin });
            }
        }
        self.list.clear();
        for wanted in &self.wanted {
            if let Some(at) = regions.iter().position(|region| region.name == *wanted) {
                self.list.push(regions.remove(at));
            }
        }
        self.list.append(&mut regions);
    }

    /// The request to where it is served.
    pub(super) fn applied(
        &self,
        mut request: Request,
        effect: Effect,
        target: Option<&str>,
        clock: &dyn Clock,
    ) -> Request {
        let target = match effect {
            Effect::Read => target.or_else(|| self.reading(clock)),
            _ => self.writes.as_deref(),
        };
        let ours = request.plane == Plane::Data && origin(&request) == Some(self.home.as_str());
        if ours && self.multi_write && is_write(&request, effect) {
            request = request.header(TENTATIVE_WRITES, "true");
        }
        if let (true, Some(target), Text::Plain(url)) = (ours, target, &mut request.url) {
            *url = format!("{target}{}", url.get(self.home.len()..).unwrap_or_default());
        }
        request
    }

    /// Where reads go: away from what did not serve them, else to the preferred region.
    fn reading(&self, clock: &dyn Clock) -> Option<&str> {
        let away = self
            .reads
            .as_ref()
            .filter(|(_, since)| clock.now() < *since + FRESH);
        let preferred = self
            .list
            .first()
            .filter(|region| self.wanted.contains(&region.name));
        let preferred = preferred.map(|region| region.origin.as_str());
        away.map(|(origin, _)| origin.as_str()).or(preferred)
    }

    /// Where a read goes next, and whether it was there before: to a region that was not tried, else to the one that
    /// was tried the longest ago. The account's own host may stand for the one that takes writes.
    fn next(&self, tried: &[String], by_home: bool) -> Option<(String, bool)> {
        let by_home = by_home && self.was_written(tried);
        let last = |region: &&Region| {
            let by_home = by_home && self.write.as_ref() == Some(&region.origin);
            let is_it = |at: &String| *at == region.origin || (by_home && *at == self.home);
            tried.iter().rposition(is_it)
        };
        let region = self.list.iter().min_by_key(last)?;
        let before = last(&region).and_then(|at| tried.get(at));
        Some((before.unwrap_or(&region.origin).clone(), before.is_some()))
    }

    /// Where to go at once. Where the account has left a region, any other will do; else one that was not tried.
    fn elsewhere(&self, remedy: Remedy, only_write: bool, tried: &[String]) -> Option<String> {
        let left = remedy == Remedy::NewRegions;
        let next = || {
            self.next(tried, !left)
                .filter(|(_, before)| left || !before)
        };
        match only_write {
            true => self.write.clone(),
            false => next().map(|(place, _)| place),
        }
    }

    /// Whether the region that takes writes was tried by the account's own host, which has no region in its name.
    fn was_written(&self, tried: &[String]) -> bool {
        let listed = self.list.iter().any(|region| region.origin == self.home);
        !listed && tried.contains(&self.home)
    }

    /// Where the account may be asked for its regions.
    fn places(&self, unreachable: bool) -> Vec<String> {
        let mut places = Vec::new();
        if !unreachable {
            places.push(self.home.clone());
        }
        for region in self.list.iter().filter(|region| region.origin != self.home) {
            places.push(region.origin.clone());
        }
        for wanted in &self.wanted {
            places.extend(regional(&self.home, wanted));
        }
        places
    }
}

impl<'a> Client<'a> {
    /// The same client, which reads in the first of these regions that the account has.
    #[must_use]
    pub fn with_regions(self, wanted: &[&str]) -> Client<'a> {
        locked(&self.regions).wanted = wanted.iter().map(|name| plain(name)).collect();
        self
    }

    /// Learns the regions before the first read, where one is preferred.
    pub(super) fn prefer(&self, request: &Request, scope: &Scope, effect: Effect) {
        let preferred = !locked(&self.regions).wanted.is_empty();
        if preferred && effect == Effect::Read && has_regions(scope) {
            self.know_regions(request, false);
        }
    }

    /// Goes to another region. `false` where there is none, or it is not for this request.
    pub(super) fn go_elsewhere(
        &self,
        remedy: Remedy,
        asked: &Asked,
        tally: &mut Tally,
        why: &Error,
    ) -> bool {
        let read = asked.effect == Effect::Read;
        if !has_regions(asked.scope) || (remedy != Remedy::NewRegions && !read) {
            return false;
        }
        let unreachable = matches!(why, Error::Transport(broken)
            if !broken.was_sent() && broken.stage != Stage::Configuration);
        let no_writes = |failure: &Failure| failure.substatus == Some(3);
        let only_write = match remedy {
            Remedy::NewRegions => {
                locked(&self.regions).until = None;
                self.know_regions(asked.request, false);
                if is_write(asked.request, asked.effect) && self.may_write_here(tally, why) {
                    return true;
                }
                !read || why.failure().is_some_and(no_writes)
            }
            Remedy::OtherRegion => {
                self.know_regions(asked.request, unreachable);
                false
            }
            _ if locked(&self.regions).was_written(&tally.tried) => return false,
            _ => true,
        };
        let chosen = locked(&self.regions).elsewhere(remedy, only_write, &tally.tried);
        self.choose(read, chosen, tally)
    }

    /// Whether a refused write is sent again where it was, because the account takes writes in every region and this
    /// one was not told that the caller knows. Once: after that the refusal has another reason.
    fn may_write_here(&self, tally: &Tally, why: &Error) -> bool {
        let refused = why
            .failure()
            .is_some_and(|failure| failure.substatus == Some(3));
        let first = !tally.remedies.contains(&Remedy::NewRegions);
        let again = refused && first && locked(&self.regions).multi_write;
        if again {
            self.note("the account takes writes in every region: sending it again where it was");
        }
        again
    }

    /// Goes back to the region that was tried the longest ago, once all were tried and it was waited.
    pub(super) fn take_turns(&self, asked: &Asked, tally: &mut Tally, why: &Error) {
        // Who cannot be reached would end it the next time, and here somebody answers.
        let is_last = tally.breaks >= self.budget.tries(RECONNECT.len() as u32);
        let stays = is_last && why.failure().is_some();
        if asked.effect == Effect::Read && has_regions(asked.scope) && !stays {
            let next = locked(&self.regions).next(&tally.tried, true);
            self.choose(true, next.map(|(place, _)| place), tally);
        }
    }

    /// Takes another place from now on.
    fn choose(&self, read: bool, chosen: Option<String>, tally: &mut Tally) -> bool {
        // To write where a write was refused a moment ago is to wait for the change of regions to be over.
        let Some(chosen) = chosen.filter(|chosen| tally.tried.last() != Some(chosen)) else {
            return false;
        };
        self.note(&format!(
            "the account is served elsewhere, too: going on at {chosen}"
        ));
        let mut regions = locked(&self.regions);
        if read {
            tally.target = Some(chosen.clone());
            regions.reads = Some((chosen, self.clock.now()));
        } else {
            regions.writes = Some(chosen);
        }
        true
    }

    /// Asks the account for its regions, unless they are known.
    fn know_regions(&self, request: &Request, unreachable: bool) {
        let now = self.clock.now();
        let Some(home) = origin(request) else {
            return;
        };
        let places = {
            let mut regions = locked(&self.regions);
            if regions.home != home {
                let wanted = std::mem::take(&mut regions.wanted);
                let home = home.to_string();
                *regions = Regions {
                    wanted,
                    home,
                    ..Regions::default()
                };
            }
            if regions.until.is_some_and(|until| now < until) {
                return;
            }
            regions.until = Some(now + A_MOMENT);
            regions.places(unreachable)
        };
        let answer = places.iter().find_map(|place| self.ask_account(place));
        let (Some(response), Ok(home)) = (answer, Endpoint::new(home)) else {
            return self.note("the account does not say its regions: staying at its endpoint");
        };
        let mut regions = locked(&self.regions);
        regions.learn(&home, &response);
        regions.until = Some(now + FRESH);
        let others = regions
            .list
            .iter()
            .filter(|region| region.origin != regions.home);
        others.for_each(|region| self.transport.served(&regions.home, &region.origin));
    }

    /// One attempt: who cannot be asked is left alone.
    fn ask_account(&self, place: &str) -> Option<Response> {
        let call = account::read(&Account::new(Endpoint::new(place).ok()?));
        let request = Request {
            limits: Some(QUICK),
            ..call.request
        };
        let ready = self.signed(request, &call.scope).ok()?;
        let answer = self.send(&ready).ok()?;
        (answer.status == 200).then_some(answer)
    }
}

/// Whether it is a request of the data plane, and not the question for the account itself.
fn has_regions(scope: &Scope) -> bool {
    matches!(scope, Scope::Data { kind, .. } if !kind.is_empty())
}
