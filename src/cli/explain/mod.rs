//! Errors for people: what happened, why, to whom, what is missing, and a command that helps.

pub mod ask;
mod call_settings;
mod case;
pub mod exits;
mod facts;
mod machine;
mod names;
mod needed;
mod place;
mod retries;
mod rows;
mod rules;
mod template;
pub mod topics;

use std::fmt;

use serde_json::{Value, json};

use crate::cli::output::json::object;
use crate::error::{Error, Failure, Plane};
use crate::identity::instance::Instance;
use crate::show::printable;
use case::case;
use facts::Facts;
use rules::{Case, Rule};

pub use call_settings::CallSettings;
pub use exits::exit_code;

/// What the caller knows of the call, to fill in where an answer does not say it.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The account's name.
    pub account: Option<String>,
    /// The account's resource group.
    pub group: Option<String>,
    /// The account's subscription.
    pub subscription: Option<String>,
    /// The database that was named.
    pub database: Option<String>,
    /// The container that was named.
    pub container: Option<String>,
    /// The machine, as far as its metadata was asked for.
    pub machine: Instance,
    /// The object id of whoever asks.
    pub principal: Option<String>,
    /// The call's action; empty where there is none.
    pub action: &'static str,
    /// The query that was asked.
    pub query: Option<String>,
    /// This machine's time, as HTTP writes it.
    pub now: Option<String>,
    /// The settings of the command.
    pub settings: CallSettings,
    /// The addresses and ranges that the account's firewall admits, where they were asked for.
    pub ip_rules: Option<Vec<String>>,
    /// The hosts that are reached without the proxy.
    pub no_proxy: Option<String>,
}

/// An error in the parts people ask for. Its [`fmt::Display`] is several lines without a newline at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explained {
    /// What happened.
    pub what: String,
    /// HTTP status, where a service said no.
    pub status: Option<u16>,
    /// `x-ms-substatus`, where there is one.
    pub substatus: Option<u32>,
    /// The service's code.
    pub code: Option<String>,
    /// The service's own words, or the connection's.
    pub message: Option<String>,
    /// Why it happens.
    pub why: Option<String>,
    /// Who was refused.
    pub who: Option<String>,
    /// What that one lacks.
    pub need: Option<String>,
    /// What is easily missed.
    pub note: Option<String>,
    /// The service's own words, where `what` is not already that.
    pub said: Option<String>,
    /// The line of the query that is wrong, and below it a mark under the place.
    pub place: Option<[String; 2]>,
    /// Commands to paste, the first one first.
    pub fix: Vec<String>,
    /// What support asks for.
    pub activity: Option<String>,
    /// What the process exits with.
    pub exit: u8,
}

/// Explains an error. What it prints of an answer is the answer's: secrets in it are the caller's to mask.
pub fn explain(error: &Error, context: &Context) -> Explained {
    let failure = error.failure();
    let mut explained = Explained {
        what: one_line(&error.to_string()),
        exit: exit_code(error),
        activity: error.activity().map(str::to_string),
        ..failure.map(heard).unwrap_or_default()
    };
    if let Error::Status(failure) = error {
        explained.what = said(failure);
    }
    explained.place = place::of(failure, context);
    let Some(case) = case(error) else {
        return explained;
    };
    let mut facts = Facts::new(&case.request, context);
    if let Error::Transport(broken) = error {
        facts.put("proxy", facts::between(&broken.what, "the proxy ", ": "));
    }
    facts.read(failure, context);
    if let Some(rule) = rules::rule(&case) {
        explained.said = Some(failure.map_or(explained.what.clone(), said));
        explained.fill(&rule, &facts, context, case.plane);
    } else if let (Error::Identity(_), Some(failure)) = (error, failure) {
        explained.said = Some(said(failure));
    }
    explained
}

/// Explains what was noticed here and nobody has said; facts stand in the words as in a service's.
pub fn noticed(words: &str, context: &Context) -> Explained {
    let mut facts = Facts::new("", context);
    facts.read_message(words);
    facts.read(None, context);
    let mut explained = Explained::default();
    if let Some(rule) = rules::rule(&Case::noticed(words)) {
        explained.fill(&rule, &facts, context, None);
    }
    explained
}

/// What a service's refusal tells by itself.
fn heard(failure: &Failure) -> Explained {
    Explained {
        status: Some(failure.status).filter(|status| *status >= 300),
        substatus: failure.substatus.filter(|substatus| *substatus != 0),
        code: Some(failure.code.clone()).filter(|code| !code.is_empty()),
        message: Some(failure.message.clone()),
        ..Explained::default()
    }
}

/// Code and message on one line.
fn said(failure: &Failure) -> String {
    let (code, message) = (&failure.code, one_line(&failure.message));
    if code.is_empty() || message.starts_with(code.as_str()) {
        return message;
    }
    format!("{code}: {message}")
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// JSON with every control character escaped as JSON does: a terminal obeys more of them than JSON forbids.
fn escaped(json: &str) -> String {
    json.chars()
        .map(|c| match c {
            c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        })
        .collect()
}

impl Explained {
    /// Takes over what a row says.
    fn fill(&mut self, rule: &Rule, facts: &Facts, context: &Context, refused: Option<Plane>) {
        let what = rule.line("what");
        self.what = facts.sentence(what).unwrap_or(what.to_string());
        self.why = facts.sentence(rule.line("why"));
        self.who = facts.sentence(rule.line("who"));
        self.need = facts.sentence(rule.line("need"));
        self.note = facts.sentence(rule.line("note"));
        let fixes = rule.fix().into_iter().filter_map(|fix| {
            let line = facts.command(fix)?;
            Some(context.settings.apply(&line, fix, refused))
        });
        self.fix = fixes.collect();
    }

    /// One line of JSON for programs.
    pub fn to_json(&self) -> String {
        let error = object(&self.members());
        escaped(&format!("{{\"error\":{error}}}"))
    }

    /// Its parts, in the order they are read in; `null` is one that is not known.
    pub fn members(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("what", json!(self.what)),
            ("status", json!(self.status)),
            ("substatus", json!(self.substatus)),
            ("code", json!(self.code)),
            ("message", json!(self.message)),
            ("why", json!(self.why)),
            ("who", json!(self.who)),
            ("need", json!(self.need)),
            ("note", json!(self.note)),
            ("said", json!(self.said)),
            ("fix", json!(self.fix)),
            ("activity", json!(self.activity)),
            ("exitCode", json!(Some(self.exit).filter(|exit| *exit > 0))),
        ]
    }

    /// What happened, with the numbers of the answer.
    pub fn headline(&self) -> String {
        format!("{}{}", printable(&self.what), self.numbers())
    }

    /// The lines below the headline, each with its label.
    pub fn lines(&self) -> String {
        let texts = [
            ("why", &self.why),
            ("who", &self.who),
            ("need", &self.need),
            ("note", &self.note),
            ("said", &self.said),
        ];
        let mut lines: Vec<String> = Vec::new();
        for (label, text) in texts {
            let line = text.as_ref().map(|text| printable(&one_line(text)));
            lines.extend(line.map(|text| format!("  {label:<5} {text}")));
        }
        let place = self.place.iter().flatten();
        lines.extend(place.map(|line| format!("        {}", printable(line))));
        for (index, command) in self.fix.iter().enumerate() {
            let label = if index == 0 { "fix" } else { "or" };
            lines.push(format!("  {label:<5} {}", printable(command)));
        }
        lines.extend(
            self.activity
                .iter()
                .map(|id| format!("  activity {}", printable(id))),
        );
        lines.join("\n")
    }

    fn numbers(&self) -> String {
        match (self.status, self.substatus) {
            (Some(status), Some(substatus)) => format!(" (HTTP {status}, substatus {substatus})"),
            (Some(status), None) => format!(" (HTTP {status})"),
            (None, _) => String::new(),
        }
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.headline())?;
        match self.lines() {
            lines if lines.is_empty() => Ok(()),
            lines => write!(f, "\n{lines}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;
    use crate::error::{Broken, Stage};
    use crate::identity::refusal;

    fn context() -> Context {
        let some = |text: &str| Some(text.to_string());
        Context {
            account: some("acct1"),
            group: some("rg1"),
            database: some("db1"),
            container: some("c1"),
            principal: some("2222"),
            ..Context::default()
        }
    }

    fn said_no(plane: Plane, request: &str, status: u16, substatus: u32, body: &str) -> Explained {
        let headers = [("x-ms-substatus".to_string(), substatus.to_string())];
        let failure = Failure::read(plane, request.into(), status, &headers, body.as_bytes());
        let error = match plane {
            Plane::Identity => {
                let sentence = refusal::of(&failure).sentence().to_string();
                Error::identity(sentence, Some(failure))
            }
            _ => Error::Status(Box::new(failure)),
        };
        explain(&error, &context())
    }

    /// An error answer of the fixtures, explained without any help but its own words and `context`.
    fn fixture(name: &str, context: &Context) -> Explained {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/", "fixtures/arm/errors");
        let text = std::fs::read_to_string(format!("{folder}/{name}.json")).expect(name);
        let case: Value = serde_json::from_str(&text).unwrap();
        let plane = if name.starts_with("dp_") {
            Plane::Data
        } else {
            Plane::Arm
        };
        let headers = case["headers"].as_object().unwrap().iter();
        let headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_string()))
            .collect();
        let status = u16::try_from(case["status"].as_u64().unwrap()).unwrap();
        let body = case["body"].to_string();
        let failure = Failure::read(plane, String::new(), status, &headers, body.as_bytes());
        explain(&Error::Status(Box::new(failure)), context)
    }

    const GRANT: &str = "rawcosmos grant --role data-contributor --scope /dbs/db1 -a acct1 -g rg1";
    const GRANT_ANY: &str = "rawcosmos grant --role data-reader --principal 11111111-1111-1111-1111-111111111111 --scope /dbs/db1 -a acct1 -g rg1";
    const GRANT_ALL: &str = "rawcosmos grant --role data-reader --principal 11111111-1111-1111-1111-111111111111 --scope / -a acct1 -g rg1";
    const DATABASE: &str = "rawcosmos database create -n db1 -a acct1 -g rg1";

    /// File, `what`, the first fix and the exit code.
    #[rustfmt::skip]
    const RECORDED: &[(&str, &str, &str, u8)] = &[
        ("arm_authorizationfailed_403", "not allowed to list account keys", "rawcosmos grant --role account-contributor --principal 11111111-1111-1111-1111-111111111111 --scope /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-1/providers/Microsoft.DocumentDb/databaseAccounts/acct1", 5),
        ("arm_poll_operationresults_403", "not allowed to follow the operation", "rawcosmos grant --role account-reader --principal 11111111-1111-1111-1111-111111111111 --scope /subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/rg1/providers/Microsoft.DocumentDB/databaseAccounts/acct1", 5),
        ("arm_expiredauthenticationtoken_401", "the token has expired", "rawcosmos token --plane arm", 4),
        ("arm_invalidauthenticationtokenaudience_401", "the token is for another audience", "rawcosmos token --plane arm", 4),
        ("arm_missingsubscriptionregistration_409", "the subscription does not use Cosmos DB yet", "az provider register --namespace Microsoft.DocumentDB --wait", 6),
        ("arm_noregisteredproviderfound_400", "ARM does not know this version of the interface here", "", 1),
        ("arm_requestdisallowedbypolicy_403", "a policy of the subscription forbids this", "az policy assignment list --disable-scope-strict-match -g rg1 -o table", 5),
        ("arm_resourcegroupnotfound_404", "there is no such resource group", "rawcosmos account list", 3),
        ("arm_resourcenotfound_404", "there is no such account", "rawcosmos account list", 3),
        ("arm_throttled_429", "ARM is asked too often", "", 7),
        ("dp_401_5008_audience", "the token is for another audience", "rawcosmos token --plane data", 4),
        ("dp_401_localauth_disabled", "account keys are switched off here", GRANT, 4),
        ("dp_403_0_metadata_write_disabled", "the account lets nobody change databases and containers on the data plane", DATABASE, 5),
        ("dp_403_5300_offers", "throughput cannot be read or changed on the data plane with a token", "rawcosmos throughput show -d db1 -c c1 -a acct1 -g rg1", 5),
        ("dp_403_5300_post_colls", "containers cannot be created on the data plane with a token", "rawcosmos container create -d db1 -n c1 -p /PATH -a acct1 -g rg1", 5),
        ("dp_403_5300_post_dbs", "databases cannot be created on the data plane with a token", DATABASE, 5),
        ("dp_403_5301_readmetadata", "not allowed to read the account's metadata", GRANT_ALL, 5),
        ("dp_403_5302_sqldatabases_write", "databases cannot be created on the data plane with a token", DATABASE, 5),
        ("dp_403_readmetadata_any_scope", "not allowed to read the account's metadata", GRANT_ANY, 5),
        ("lro_failed_capacity", "the region has no room for another account", "rawcosmos account delete -n acct1 -g rg1", 1),
        ("rp_account_failed_state_400", "an earlier attempt to make this account failed", "rawcosmos account delete -n acct1 -g rg1", 1),
        ("rp_badrequest_dns_taken_400", "the name is taken", "rawcosmos account exists -n NAME", 1),
        ("rp_badrequest_principalnotfound_400", "the tenant does not know this principal yet", "rawcosmos whoami", 1),
        ("rp_badrequest_principaltype_400", "this is the id of an application, not of its identity", "rawcosmos whoami", 1),
        ("rp_badrequest_roleassignment_immutable_400", "a grant cannot be turned into another one", "rawcosmos role list --plane data -a acct1 -g rg1", 1),
        ("rp_badrequest_serverless_offer_400", "a serverless account has no throughput to set", "", 1),
        ("rp_notfound_roleassignment_404", "there is no such grant", "rawcosmos role list --plane data -a acct1 -g rg1", 3),
        ("rp_preconditionfailed_lock_412", "another change of the account is running", "", 6),
    ];

    #[test]
    fn every_recorded_refusal_has_its_row_here() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/", "fixtures/arm/errors");
        let files = std::fs::read_dir(folder).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut files: Vec<String> = files.collect();
        files.sort();
        let mut rows: Vec<String> = RECORDED
            .iter()
            .map(|row| format!("{}.json", row.0))
            .collect();
        rows.sort();
        assert_eq!(files, rows);
    }

    #[test]
    fn every_recorded_refusal_is_explained() {
        for (name, what, fix, exit) in RECORDED {
            let found = fixture(name, &context());
            assert_eq!(found.what, *what, "{name}");
            assert!(found.said.is_some(), "{name}: no row speaks");
            assert!(
                found.why.is_some() || found.note.is_some() || *exit == 5,
                "{name}"
            );
            assert_eq!(found.fix.first().map_or("", String::as_str), *fix, "{name}");
            assert_eq!(found.exit, *exit, "{name}");
            let message = one_line(found.message.as_deref().unwrap());
            assert!(
                found.to_string().contains(&message),
                "{name} lost the service's words"
            );
        }
    }

    /// Method and URL, status, code and message; what is made of it, the first fix, the exit code.
    type Row<'a> = ([&'a str; 2], u16, [&'a str; 2], [&'a str; 2], u8);

    #[test]
    fn arm_is_told_apart() {
        let account = "https://management.azure.com/subscriptions/s/resourceGroups/rg1/providers/Microsoft.DocumentDB/databaseAccounts/acct1";
        let role = format!("{account}/providers/Microsoft.Authorization/roleAssignments/g");
        let shared = format!("{account}/sqlDatabases/db1/throughputSettings/default");
        let own = format!("{account}/sqlDatabases/db1/containers/c1/throughputSettings/default");
        let list = "https://management.azure.com/subscriptions/s/providers/Microsoft.DocumentDB/databaseAccounts";
        let grant = "rawcosmos role list --plane arm -a acct1 -g rg1";
        #[rustfmt::skip]
        let rows: &[Row] = &[
            (["GET", account], 403, ["ScopeLocked", "cannot perform write operation because following scope(s) are locked"], ["a lock forbids this", "az lock list -g rg1 -o table"], 5),
            (["GET", account], 409, ["ScopeLocked", "locked"], ["a lock forbids this", "az lock list -g rg1 -o table"], 6),
            (["GET", account], 401, ["InvalidAuthenticationTokenTenant", "wrong issuer"], ["the token is from another tenant", "rawcosmos whoami"], 4),
            (["GET", account], 404, ["SubscriptionNotFound", "no"], ["there is no such subscription", "rawcosmos whoami"], 3),
            (["PUT", &shared], 404, ["ParentResourceNotFound", "no"], ["there is no such account", "rawcosmos account list"], 3),
            (["GET", &shared], 404, ["NotFound", "no"], ["it has no throughput of its own, or is not there", "rawcosmos container list -d db1 -a acct1 -g rg1"], 3),
            (["GET", &own], 404, ["NotFound", "no"], ["it has no throughput of its own, or is not there", "rawcosmos throughput show -d db1 -a acct1 -g rg1"], 3),
            (["PUT", &own], 400, ["BadRequest", "Throughput update is not supported for resources created without dedicated throughput."], ["it was made without throughput of its own", ""], 1),
            (["PUT", account], 400, ["BadRequest", "Free tier has already been applied to another Azure Cosmos DB account in this subscription."], ["the subscription has used up its free tier", ""], 1),
            (["PUT", account], 503, ["ServiceUnavailable", "we are currently experiencing high demand"], ["the region has no room for another account", "rawcosmos account delete -n acct1 -g rg1"], 1),
            (["PUT", &role], 409, ["RoleAssignmentExists", "The role assignment already exists."], ["the role is given already", grant], 6),
            (["PUT", &role], 409, ["RoleAssignmentUpdateNotPermitted", "no"], ["a grant cannot be turned into another one", grant], 6),
            (["PUT", &role], 400, ["PrincipalNotFound", "Principal x does not exist in the directory y."], ["the tenant does not know this principal yet", "rawcosmos whoami"], 1),
            (["GET", &role], 404, ["RoleAssignmentNotFound", "no"], ["there is no such grant", grant], 3),
            (["PUT", account], 403, ["DenyAssignmentAuthorizationFailed", "The client 'c' with object id 'o' has permission to perform action 'Microsoft.DocumentDB/databaseAccounts/write' on scope '/subscriptions/s'; however, the access is denied because of the deny assignment with name 'D' and Id 'i' at scope '/subscriptions/s'."], ["a deny assignment forbids this", "az rest --method get --url-parameters api-version=2022-04-01 --url /subscriptions/s/resourceGroups/rg1/providers/Microsoft.DocumentDB/databaseAccounts/acct1/providers/Microsoft.Authorization/denyAssignments"], 5),
            (["PUT", account], 403, ["LinkedAuthorizationFailed", "The client 'c' with object id 'o' has permission to perform action 'Microsoft.DocumentDB/databaseAccounts/write' on scope '/subscriptions/s'; however, it does not have permission to perform action(s) 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n' (respectively) or the linked scope(s) are invalid."], ["not allowed to use another resource that the request names", "az role assignment create --assignee-object-id o --assignee-principal-type ServicePrincipal --role 'Managed Identity Operator' --scope /subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/n"], 5),
            (["PUT", account], 409, ["ReadOnlyDisabledSubscription", "no"], ["the subscription is disabled, and so read only", "az account show --subscription s --query state -o tsv"], 6),
            (["PUT", &role], 400, ["RoleAssignmentLimitExceeded", "no"], ["the subscription has no room for another role assignment", "az role assignment list --all --query 'length(@)'"], 1),
            (["PUT", account], 403, ["", "(no message)"], ["ARM, or something on the way to it, refused this without a word", "rawcosmos doctor -a acct1 -g rg1"], 5),
            (["PUT", account], 403, ["AuthorizationFailed", "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Storage/storageAccounts/write' over scope '/subscriptions/s'"], ["not allowed to do this", "az role assignment create --assignee-object-id o --assignee-principal-type ServicePrincipal --role ROLE --scope /subscriptions/s"], 5),
            (["PUT", &role], 403, ["AuthorizationFailed", "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' over scope '/subscriptions/s'"], ["not allowed to give Azure roles", "az role assignment create --assignee-object-id o --assignee-principal-type ServicePrincipal --role 'User Access Administrator' --scope /subscriptions/s"], 5),
            (["GET", list], 403, ["AuthorizationFailed", "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.DocumentDB/databaseAccounts/read' over scope '/subscriptions/s'"], ["not allowed to read accounts", "rawcosmos account list -g rg1"], 5),
            (["GET", account], 429, ["SubscriptionRequestsThrottled", "slow"], ["ARM is asked too often", ""], 7),
            (["GET", account], 429, ["TooManyRequests", "Request rate is large. More Request Units may be needed"], ["the account's management is asked too often", ""], 7),
            (["GET", account], 200, ["PreconditionFailed", "There is another user operation in progress which requires an exclusive lock on [acct1]."], ["another change of the account is running", ""], 1),
        ];
        for ([method, url], status, [code, message], [what, fix], exit) in rows {
            let body = json!({"error": {"code": code, "message": message}}).to_string();
            let found = said_no(
                Plane::Arm,
                &format!("{method} {url}?api-version=x"),
                *status,
                0,
                &body,
            );
            let first = found.fix.first().map_or("", String::as_str);
            assert_eq!(
                (found.what.as_str(), first, found.exit),
                (*what, *fix, *exit),
                "{code}"
            );
            assert!(
                found.to_string().contains(message),
                "{code} lost the service's words"
            );
        }
    }

    #[test]
    fn a_refusal_has_the_shape_people_learn() {
        let found = fixture("dp_403_5301_readmetadata", &Context::default());
        let text = found.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines.first().unwrap(),
            &"error: not allowed to read the account's metadata (HTTP 403, substatus 5301)"
        );
        for line in [
            "  why   the data plane knows you, but no Cosmos DB data role covers this action",
            "  who   11111111-1111-1111-1111-111111111111",
            "  need  Microsoft.DocumentDB/databaseAccounts/readMetadata on /",
            "  fix   rawcosmos grant --role data-reader --principal 11111111-1111-1111-1111-111111111111 --scope /",
            "  or    az cosmosdb sql role assignment create -a ACCOUNT -g GROUP --principal-id 11111111-1111-1111-1111-111111111111 --role-definition-id 00000000-0000-0000-0000-000000000001 --scope /",
            "  activity c93b2c4e-faf8-4a23-848e-1f03c0e0d8a7",
        ] {
            assert!(lines.contains(&line), "{line:?} is not in\n{text}");
        }
        let value: Value = serde_json::from_str(&found.to_json()).unwrap();
        assert_eq!(value["error"]["substatus"], 5301);
        assert_eq!(value["error"]["exitCode"], 5);
        assert!(!found.to_json().contains('\n'));
    }

    #[test]
    fn the_data_plane_is_told_apart() {
        let item = "GET https://acct1.documents.azure.com/dbs/db1/colls/c1/docs/1";
        let refused = |status, substatus, text: &str| {
            let body = json!({"code": "X", "message": text}).to_string();
            said_no(Plane::Data, item, status, substatus, &body)
        };
        #[rustfmt::skip]
        let rows = [
            (403, 5303, "principal [p] ... perform action [Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/items/read] on resource [dbs/db1/colls/c1]", "not allowed to read items", 5),
            (403, 5302, "perform action [Microsoft.DocumentDB/databaseAccounts/sqlDatabases/containers/delete] on", "this cannot be done on the data plane with a token", 5),
            (403, 0, "Request originated from client IP 203.0.113.7 through public internet.", "the account's firewall blocks this machine", 5),
            (403, 5307, "x", "a network security perimeter blocks this machine", 5),
            (403, 0, "Request originated from client VNET through service endpoint. This is blocked by your Cosmos DB account firewall settings.", "the account does not admit this virtual network", 5),
            (403, 3, "x", "this region does not take the request", 5),
            (403, 1028, "x", "the throughput that may be given out is used up", 5),
            (403, 5400, "x", "the data plane could not check the role", 5),
            (401, 0, "The authorization token mandates Date headers.", "the request's date did not arrive", 4),
            (401, 5000, "x", "the request's authorization did not arrive", 4),
            (401, 5002, "x", "the account takes no tokens", 4),
            (401, 5004, "x", "this is no token the data plane can read", 4),
            (401, 5005, "x", "the token is not valid yet", 4),
            (401, 5009, "x", "the token is for another audience", 4),
            (401, 5011, "x", "the token does not say whose it is", 4),
            (401, 5013, "x", "the token was revoked", 4),
            (401, 0, "x", "the data plane accepts neither the token nor the key", 4),
            (404, 1013, "x", "the container is still being made", 3),
            (408, 0, "x", "the service did not get it done in time", 1),
            (409, 3301, "x", "an item with the same unique key exists already", 6),
            (409, 1006, "x", "the account is being changed", 6),
            (410, 1000, "x", "the partition was moving, again and again", 1),
            (410, 1002, "x", "the partition was moving, again and again", 1),
            (400, 1024, "x", "the container was deleted and made again meanwhile", 1),
            (400, 0, "SC1001: Syntax error, incorrect syntax near 'FORM'.", "the service does not understand the query", 1),
            (400, 0, "Invalid Continuation Token", "the continuation does not fit", 1),
            (400, 0, "The input content is invalid because the required properties - 'id; ' - are missing", "the item has no id", 1),
            (413, 3401, "x", "the batch is too large", 1),
            (429, 3210, "x", "databases and containers are asked for or changed too often", 7),
            (429, 3213, "x", "a limit of the account that waiting does not change", 7),
            (429, 3214, "x", "one partition key is asked for too often", 7),
            (429, 3201, "x", "the service is busy, whatever the throughput", 7),
            (449, 5350, "x", "the service could not look up groups or roles just now", 7),
            (503, 0, "x", "the service is not available, again and again", 1),
            (403, 0, "The authorization token is not valid at the current time.", "this machine's clock is wrong", 5),
            (401, 5202, "no", "account keys are switched off here", 4),
            (401, 5006, "no", "the token has expired", 4),
            (404, 0, "Owner resource does not exist", "there is no such database or container", 3),
            (404, 0, "Resource Not Found", "there is no such item", 3),
            (404, 1002, "x", "who was asked has not seen the write of this session yet", 3),
            (302, 0, "x", "the answer points elsewhere, and redirects are not followed", 1),
            (409, 0, "exists", "an item with this id exists already", 6),
            (412, 0, "precondition", "somebody changed it meanwhile", 6),
            (400, 1001, "pk", "the partition key does not fit the item or the container", 1),
            (400, 1004, "x", "the service cannot run this query across partitions", 1),
            (400, 0, "Cross partition query only supports 'VALUE <AggregateFunc>' for aggregates.", "the service cannot run this query across partitions", 1),
            (413, 0, "big", "too large", 1),
            (429, 3200, "rate", "too many requests for the throughput there is", 7),
            (449, 0, "again", "the write met other writes to the same item, again and again", 7),
            (500, 0, "Boom", "the service failed, again and again", 1),
            (418, 0, "Boom", "X: Boom", 1),
        ];
        for (status, substatus, text, what, exit) in rows {
            let found = refused(status, substatus, text);
            assert_eq!((found.what.as_str(), found.exit), (what, exit), "{text}");
        }
        let blocked = refused(
            403,
            0,
            "Request originated from client IP 203.0.113.7 through",
        );
        assert!(blocked.why.unwrap().ends_with(": 203.0.113.7"));
        let page =
            "<!DOCTYPE HTML><HTML><BODY><h2>Bad Request - Request Too Long</h2></BODY></HTML>";
        let long = said_no(Plane::Data, item, 400, 0, page);
        assert_eq!(long.what, "the request's headers are too long");
        let signed = refused(
            401,
            0,
            "The input authorization token can't serve the request. Server used the following payload to sign: 'get\ndbs\n\nx\n\n'\r\n",
        );
        assert!(
            signed
                .note
                .unwrap()
                .contains(r"signed 'get\ndbs\n\nx\n\n':")
        );
    }

    #[test]
    fn throttling_is_told_apart_by_what_was_asked_for() {
        let units = "too many requests for the throughput there is";
        let metadata = "databases and containers are asked for or changed too often";
        for (request, what) in [
            (
                "POST https://acct1.documents.azure.com/dbs/db1/colls/c1/docs",
                units,
            ),
            (
                "POST https://acct1.documents.azure.com/dbs/db1/colls",
                metadata,
            ),
            (
                "GET https://acct1.documents.azure.com/dbs/db1/colls/c1",
                metadata,
            ),
            ("GET https://acct1.documents.azure.com/dbs", metadata),
            ("", units),
        ] {
            let found = said_no(Plane::Data, request, 429, 3200, "{}");
            assert_eq!((found.what.as_str(), found.exit), (what, 7), "{request}");
        }
    }

    #[test]
    fn a_wrong_clock_is_told_with_both_times() {
        let headers = [(
            "date".to_string(),
            "Fri, 02 Jan 2026 03:04:05 GMT".to_string(),
        )];
        let body = r#"{"message":"The authorization token is not valid at the current time."}"#;
        let failure = Failure::read(Plane::Data, String::new(), 403, &headers, body.as_bytes());
        let context = Context {
            now: Some("Fri, 02 Jan 2026 02:04:05 GMT".into()),
            ..context()
        };
        let found = explain(&Error::Status(Box::new(failure)), &context);
        let why = found.why.unwrap();
        assert!(
            why.ends_with(
                "which said Fri, 02 Jan 2026 03:04:05 GMT; here it is Fri, 02 Jan 2026 02:04:05 GMT"
            ),
            "{why}"
        );
    }

    #[test]
    fn a_container_in_no_database_says_that_the_database_is_missing() {
        let arm = "PUT https://management.azure.com/subscriptions/s/resourceGroups/rg1/providers/Microsoft.DocumentDB/databaseAccounts/acct1/sqlDatabases/db1/containers/c1?api-version=x";
        let data = "POST https://acct1.documents.azure.com/dbs/db1/colls";
        let body = r#"{"code":"NotFound","message":"Owner resource does not exist"}"#;
        for (plane, request) in [(Plane::Arm, arm), (Plane::Data, data)] {
            let found = said_no(plane, request, 404, 0, body);
            assert_eq!(found.what, "there is no such database");
            assert_eq!(found.fix[0], DATABASE);
        }
    }

    #[test]
    fn what_a_service_says_cannot_become_a_command() {
        let body = json!({"message": "principal [$(reboot)] ... RBAC permissions to perform action [a] \u{1b}[2J"});
        let found = said_no(Plane::Data, "GET https://x/", 403, 5301, &body.to_string());
        let command = found.fix.get(1).unwrap();
        assert!(command.contains("--principal-id '$(reboot)'"), "{command}");
        assert!(!found.to_string().contains('\u{1b}'));
    }

    #[test]
    fn an_error_as_json_is_json_whatever_was_said() {
        let body = json!({"message": "a \u{9b}31m b \u{7f} c \u{1b}[2J"}).to_string();
        let found = said_no(Plane::Data, "GET https://x/", 400, 0, &body);
        let text = crate::show::Mask::default().text(&found.to_json());
        assert!(!text.contains(char::is_control), "{text}");
        let value: Value = serde_json::from_str(&text).expect(&text);
        assert_eq!(
            value["error"]["message"],
            "a \u{9b}31m b \u{7f} c \u{1b}[2J"
        );
    }

    #[test]
    fn the_metadata_services_own_words_are_kept() {
        let body = r#"{"error":"unauthorized_client","error_description":"AADSTS700016: no"}"#;
        let found = said_no(Plane::Identity, "GET http://x/metadata/", 401, 0, body);
        assert!(found.to_string().contains("AADSTS700016: no"), "{found}");
    }

    #[test]
    fn the_road_is_explained_too() {
        let imds =
            "GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01";
        let refused = |status, body: &str| said_no(Plane::Identity, imds, status, 0, body);
        let many = refused(
            400,
            r#"{"error":"invalid_request","error_description":"Multiple user assigned identities exist, please specify"}"#,
        );
        assert_eq!(
            (many.fix[0].as_str(), many.exit),
            ("rawcosmos whoami --client-id ID", 4)
        );
        let none = refused(
            400,
            r#"{"error":"invalid_request","error_description":"Identity not found"}"#,
        );
        assert!(
            none.fix
                .iter()
                .any(|fix| fix.starts_with("az vm identity assign"))
        );
        assert_eq!(refused(429, "{}").exit, 7);
        let elsewhere = refused(302, "");
        assert!(elsewhere.what.contains("something other"), "{elsewhere}");
        let broken = |request: &str, stage, what: &str| {
            let (request, what) = (request.to_string(), what.to_string());
            let error = Error::from(Broken {
                request,
                stage,
                what,
                activity: None,
            });
            explain(&error, &context())
        };
        let account = "GET https://acct1.documents.azure.com/dbs";
        let proxied = broken(
            account,
            Stage::Connect,
            "CONNECT proxy failed: proxy server responded 407/407",
        );
        for (found, what) in [
            (
                broken(imds, Stage::Answer, "slow"),
                "no identity endpoint answers here",
            ),
            (
                broken(account, Stage::Answer, "the answer (200) broke off: x"),
                "an answer came, and cannot be read",
            ),
            (
                broken(account, Stage::Tls, "UnknownIssuer"),
                "the other side could not prove who it is",
            ),
            (
                broken(account, Stage::Resolve, "none"),
                "the account's host has no address",
            ),
            (proxied, "the proxy wants a name and a password"),
            (
                broken(
                    account,
                    Stage::Connect,
                    "CONNECT proxy failed: proxy server responded 502",
                ),
                "the proxy does not let the request through",
            ),
        ] {
            assert_eq!((found.what.as_str(), found.exit), (what, 8));
            assert!(found.said.is_some());
        }
        let (request, what) = (
            format!("POST {account}/db1/colls/c1/docs"),
            "cut".to_string(),
        );
        let unknown = explain(&Error::unknown(request, what), &context());
        assert_eq!(
            unknown.fix,
            ["rawcosmos item read -d db1 -c c1 -i ID -k KEY -a acct1"]
        );
        assert_eq!(unknown.exit, 10);
        let waiting = explain(&Error::unfinished("x"), &Context::default());
        assert_eq!((waiting.fix.len(), waiting.exit), (0, 8));
    }

    #[test]
    fn other_errors_speak_for_themselves() {
        for (error, exit) in [
            (Error::usage("a"), 2),
            (Error::local("a"), 1),
            (Error::answer("a"), 8),
            (Error::conflict("a"), 6),
            (Error::identity("a", None), 4),
            (Error::DryRun, 0),
            (Error::Closed, 0),
        ] {
            let found = explain(&error, &context());
            assert_eq!((found.what, found.exit), (error.to_string(), exit));
        }
    }
}
