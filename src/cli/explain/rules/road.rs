//! What goes wrong on the way to a service and back: no connection, no answer.

use super::identity::{NO_ENTRA, NO_IMDS};
use super::{Kind, Rule, When, when};
use crate::error::{Plane, Stage};

const fn broken(plane: Option<Plane>, stage: Stage) -> When {
    when(Kind::Broken(stage), plane)
}

const UNKNOWN: Rule = Rule::new(
    when(Kind::Unknown, None),
    "it is not known whether this was done",
)
.why("it was sent, and its answer was lost or says nothing of the outcome")
.note("look first: sent again, it might be done twice")
.fix(&["?rawcosmos database show -n {database}[ -a {account}][ -g {group}]"]);

const UNFINISHED: Rule = Rule::new(
    when(Kind::Unfinished, None),
    "not finished within the time given",
)
.why("the service goes on with it; only we have stopped waiting")
.fix(&[
    "?rawcosmos container show -d {database} -n {container}[ -a {account}][ -g {group}]",
    "?rawcosmos database show -n {database}[ -a {account}][ -g {group}]",
]);

const UNREADABLE: Rule = Rule::new(
    broken(None, Stage::Answer).says(&["broke off", "protocol:", "too big"]),
    "an answer came, and cannot be read",
)
.why(
    "it is cut off, far too large or no proper HTTP: often something on the way made or changed it",
)
.note("it is safe to run it again; --trace shows the rest");

pub(super) const RULES: &[Rule] = &[
    UNREADABLE,
    UNREADABLE
        .on(when(Kind::Noticed, None).says(&["the body is not json", "the body is not utf-8"]))
        .why("it is no answer of the service: often a page of something on the way, or cut off")
        .note("--trace shows all of it"),
    NO_IMDS.on(broken(Some(Plane::Identity), Stage::Answer)),
    Rule::new(
        When {
            statuses: &[301, 302, 303, 307, 308],
            ..when(Kind::Said, None)
        },
        "the answer points elsewhere, and redirects are not followed",
    )
    .why("the service never redirects: this is a proxy's or network's login page, or another host")
    .note("a token is not taken to a host that was not asked for; --trace=headers shows where it points"),
    Rule::new(broken(None, Stage::Tls).says(&["certificate expired"]), "the other side could not prove who it is")
        .why("its certificate has expired, or this machine's clock is wrong"),
    Rule::new(broken(None, Stage::Tls).says(&["causedasendentity"]), "the other side could not prove who it is")
        .why("it shows the certificate of an authority (CA:TRUE) as its own, and no authority is a host")
        .note("a self-signed certificate is accepted with --cacert if it says CA:FALSE and names the host as subjectAltName"),
    Rule::new(broken(None, Stage::Tls).says(&["not valid for name"]), "the other side could not prove who it is")
        .why("its certificate is for another host: only the names in subjectAltName count"),
    Rule::new(broken(None, Stage::Tls).says(&["is not the url of a proxy"]), "the proxy's address is no URL")
        .why("it looks like http://proxy.example:3128"),
    Rule::new(
        broken(None, Stage::Tls).says(&["answers there does not speak tls"]),
        "what answers there does not speak TLS",
    )
    .why("it is not the account: a proxy or a network's login page has its place, or the endpoint's port is another's")
    .note("HTTPS_PROXY names a proxy that is needed; --endpoint is the account's address")
    .fix(&["export HTTPS_PROXY=http://PROXY:PORT"]),
    Rule::new(broken(None, Stage::Tls).says(&["root certificate"]), "the root certificates cannot be used")
        .why("--cacert or SSL_CERT_FILE names a file of certificates in PEM form, which begin with -----BEGIN CERTIFICATE-----"),
    Rule::new(broken(None, Stage::Tls), "the other side could not prove who it is")
        .why("its certificate is from no authority known here: often a proxy that inspects TLS, sometimes a wrong clock")
        .note("if that proxy is your company's, its root certificate makes it known")
        .fix(&["export SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"]),
    Rule::new(broken(None, Stage::Resolve).says(&["the proxy "]), "the proxy's host has no address")
        .why("HTTPS_PROXY or ALL_PROXY names the proxy; NO_PROXY names hosts that are reached without it")
        .fix(&["export NO_PROXY=.azure.com"]),
    Rule::new(broken(None, Stage::Connect).says(&["responded 407"]), "the proxy wants to know who asks")
        .why("it lets nobody through without a name and a password")
        .fix(&["export HTTPS_PROXY=http://USER:PASSWORD@PROXY:PORT", "export NO_PROXY=.azure.com"]),
    Rule::new(broken(None, Stage::Connect).says(&["proxy"]), "the proxy does not let the request through")
        .why("HTTPS_PROXY or ALL_PROXY names the proxy; NO_PROXY names hosts that are reached without it")
        .fix(&["export NO_PROXY=.azure.com"]),
    NO_ENTRA,
    NO_ENTRA.on(broken(Some(Plane::Entra), Stage::Resolve)),
    Rule::new(broken(Some(Plane::Data), Stage::Resolve), "the account's host has no address")
        .why("the account's name is misspelt, or its private link has no DNS entry here")
        .fix(&["rawcosmos account list", "az cosmosdb list -o table"]),
    Rule::new(broken(None, Stage::Resolve), "the host has no address")
        .why("no DNS here, or the wrong cloud's endpoint"),
    Rule::new(broken(None, Stage::Connect), "nobody answers at the host's address")
        .why("a firewall on the way, a proxy that is needed and not named, or a private endpoint in another network")
        .fix(&["rawcosmos doctor", "export HTTPS_PROXY=http://PROXY:PORT"]),
    Rule::new(broken(None, Stage::Answer), "no answer came")
        .note("it is safe to run it again"),
    UNKNOWN
        .on(when(Kind::Unknown, None).at("/docs"))
        .fix(&["rawcosmos item read -d {database} -c {container} -i ID -k KEY"]),
    UNKNOWN
        .on(when(Kind::Unknown, None).at("/colls"))
        .fix(&["rawcosmos container list -d {database}[ -a {account}][ -g {group}]"]),
    UNKNOWN
        .on(when(Kind::Unknown, None).at("/containers"))
        .fix(&["rawcosmos container list -d {database}[ -a {account}][ -g {group}]"]),
    UNKNOWN
        .on(when(Kind::Unknown, None).at("/throughputSettings/"))
        .fix(&["rawcosmos throughput show -d {database}[ -c {container}][ -a {account}][ -g {group}]"]),
    UNKNOWN
        .on(when(Kind::Unknown, None).at("PUT */databaseAccounts/"))
        .fix(&["rawcosmos account show -n {account}[ -g {group}]"]),
    UNKNOWN,
    UNFINISHED
        .on(when(Kind::Unfinished, None).says(&["the throughput of"]))
        .fix(&["rawcosmos throughput show -d {database}[ -c {container}][ -a {account}][ -g {group}]"]),
    UNFINISHED
        .on(when(Kind::Unfinished, None).says(&["account "]))
        .fix(&["rawcosmos account show -n {account}[ -g {group}]"]),
    UNFINISHED,
];
