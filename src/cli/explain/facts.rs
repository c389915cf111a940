//! What is known of an error, by name, and the texts that are filled with it.

use super::Context;
use super::machine::{account_of_host, host_of};
use super::needed::azure_role;
use crate::error::Failure;

/// Facts by name. What was said about the error comes before what the caller knows of the call.
#[derive(Default)]
pub struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// The facts of a call, as far as the caller and its URL tell.
    pub fn new(request: &str, context: &Context) -> Facts {
        let mut facts = Facts::default();
        let url = request.split('?').next().unwrap_or_default();
        let known = |of: &Option<String>, parts: &[&str]| {
            of.clone()
                .or_else(|| parts.iter().find_map(|part| after(url, part)))
        };
        facts.put("account", known(&context.account, &["/databaseAccounts/"]));
        facts.put("account", account_of_host(url));
        facts.put("host", host_of(url));
        facts.put("group", known(&context.group, &["/resourceGroups/"]));
        facts.put(
            "subscription",
            known(&context.subscription, &["/subscriptions/"]),
        );
        let database = known(&context.database, &["/sqlDatabases/", "/dbs/"]);
        facts.put("database", database);
        let container = known(&context.container, &["/containers/", "/colls/"]);
        facts.put("container", container);
        facts.machine(&context.machine);
        facts
    }

    /// Adds what a service's words tell, and what follows from all of it.
    pub fn read(&mut self, failure: Option<&Failure>, context: &Context) {
        if let Some(failure) = failure {
            self.read_message(&failure.message);
            // Part of a second is one, to somebody who reads.
            let wait = failure.retry_after.map(|wait| wait.as_millis());
            self.put("wait", wait.map(|ms| ms.div_ceil(1_000).to_string()));
            self.put("date", failure.date.clone());
        }
        self.put("now", context.now.clone());
        self.put("principal", context.principal.clone());
        self.put(
            "action",
            Some(context.action.to_string()).filter(|a| !a.is_empty()),
        );
        self.put("resource", self.path());
        self.put("again", context.settings.again());
        self.addresses(context);
        self.conclude(context);
    }

    /// Adds what words tell.
    pub fn read_message(&mut self, text: &str) {
        let find = |from, to| between(text, from, to);
        self.put("principal", find("principal [", "]"));
        self.put("principal", find("object id '", "'"));
        self.put("principal", find("client '", "'"));
        self.put("action", find("perform action [", "]"));
        // Of a linked resource: the action that is missing is named last.
        self.put("action", find("perform action(s) '", "'"));
        self.put("action", find("perform action '", "'"));
        self.put("resource", find("on resource [", "]").map(rooted));
        let linked = find("linked scope(s) '", "'").and_then(|all| first_of(&all));
        let scope = linked.or_else(|| find("over scope '", "'"));
        for (name, part) in [
            ("account", "/databaseAccounts/"),
            ("group", "/resourceGroups/"),
            ("subscription", "/subscriptions/"),
        ] {
            self.put(name, scope.as_deref().and_then(|scope| after(scope, part)));
        }
        self.put("resource", scope);
        self.assertion(text);
        self.put("held", find("role [", "]"));
        self.put("type", find("has type '", "'"));
        self.put("proxy", find("the proxy ", ": "));
        self.put("assignment", find("deny assignment with name '", "'"));
        self.put("intended", find("token is intended for [", "]"));
        self.put("intended", find("audience or resource '", "'"));
        self.put("accepted", find("accepts tokens intended for [", "]"));
        self.put("accepted", allowed_audiences(text));
        self.put("ip", address(text));
        let resource = self.get("resource").and_then(|path| after(path, "/dbs/"));
        self.put("database", resource.or_else(|| after(text, "/dbs/")));
        let payload = find("payload to sign: '", "'\r").or(find("payload to sign: '", "'"));
        self.put(
            "payload",
            payload.map(|text| format!("'{}'", text.replace('\n', "\\n"))),
        );
    }

    /// What follows from action and resource.
    fn conclude(&mut self, context: &Context) {
        let action = self.get("action").unwrap_or_default().to_string();
        self.put("deed", Some(deed(&action).to_string()));
        let data = context.settings.data_role(&action);
        self.put("data-role", Some(data.word.to_string()));
        self.put("data-role-id", Some(data.guid.to_string()));
        let wanted = context.settings.arm_action(&action);
        if let Some(needed) = azure_role(wanted) {
            self.put("role", Some(needed.role.to_string()));
            self.put("roles", Some(needed.roles.to_string()));
            self.put("word", Some(needed.word.to_string()));
        }
        self.put("scope", Some(self.grant_scope()));
        self.put("armscope", self.arm_scope(wanted));
    }

    /// The list of the firewall with this machine's address added, and that of the proxy with the host added.
    fn addresses(&mut self, context: &Context) {
        if let Some(ip) = self.get("ip").map(str::to_string) {
            let known = context.ip_rules.clone();
            let mut list = known.unwrap_or_else(|| vec!["ADDRESSES-ADMITTED-SO-FAR".to_string()]);
            list.retain(|known| *known != ip);
            list.push(ip);
            self.put("ipfilter", Some(list.join(",")));
        }
        if let Some(host) = self.get("host") {
            let before = context.no_proxy.iter().map(String::as_str);
            let list: Vec<&str> = before.chain([host]).collect();
            self.put("noproxy", Some(list.join(",")));
        }
    }

    /// The database or container within its account.
    fn path(&self) -> Option<String> {
        let database = self.get("database")?;
        match self.get("container") {
            Some(container) => Some(format!("/dbs/{database}/colls/{container}")),
            None => Some(format!("/dbs/{database}")),
        }
    }

    /// The database, unless the account as a whole was asked for.
    fn grant_scope(&self) -> String {
        match (self.get("resource"), self.get("database")) {
            (Some("/"), _) | (_, None) => "/".to_string(),
            (_, Some(database)) => format!("/dbs/{database}"),
        }
    }

    /// The account an action was refused on, or a wider scope where it was; else the one the caller knows.
    fn arm_scope(&self, action: &str) -> Option<String> {
        let refused = self
            .get("resource")
            .filter(|r| r.starts_with("/subscriptions/"));
        if let Some(refused) = refused {
            let steps: Vec<&str> = refused.split('/').take(depth(action)).collect();
            return Some(steps.join("/"));
        }
        let (subscription, group) = (self.get("subscription")?, self.get("group"));
        let mut scope = format!("/subscriptions/{subscription}");
        if let Some(group) = group {
            scope.push_str(&format!("/resourceGroups/{group}"));
        }
        if let (Some(account), Some(_)) = (self.get("account"), group) {
            scope.push_str("/providers/Microsoft.DocumentDB/databaseAccounts/");
            scope.push_str(account);
        }
        Some(scope)
    }

    /// Adds a fact that is not known yet.
    pub(super) fn put(&mut self, name: &'static str, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty())
            && self.get(name).is_none()
        {
            self.0.push((name, value));
        }
    }

    /// A fact.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// How many steps of an id a role is given on: those of the resource, but what is still to be made has no roles.
fn depth(action: &str) -> usize {
    let action = action.to_ascii_lowercase();
    match action.rsplit_once('/') {
        Some((of, "write")) if of.ends_with("/resourcegroups") => 3,
        // A resource that is not part of another one.
        Some((of, "write")) if of.matches('/').count() == 1 && !of.contains("authorization") => 5,
        _ => 9,
    }
}

/// What stands between two texts.
pub(super) fn between(text: &str, from: &str, to: &str) -> Option<String> {
    let (_, rest) = text.split_once(from)?;
    let (found, _) = rest.split_once(to)?;
    Some(found.to_string())
}

/// The first of a list with commas.
fn first_of(list: &str) -> Option<String> {
    list.split(',').next().map(|first| first.trim().to_string())
}

/// The audiences ARM lists, perhaps as the last thing it says.
fn allowed_audiences(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("allowed audiences ")?;
    let list = rest.split(". ").next()?.trim_end_matches('.');
    Some(list.replace('\'', "").replace(',', ", "))
}

/// The segment after a part of a path, whatever the part's case; none that would need decoding.
fn after(path: &str, part: &str) -> Option<String> {
    let lower = path.to_ascii_lowercase();
    let at = lower.find(&part.to_ascii_lowercase())?;
    let rest = path.get(at + part.len()..)?;
    let segment = rest.split(['/', ']', '\'', ' ']).next().unwrap_or_default();
    Some(segment.to_string()).filter(|name| !name.is_empty() && !name.contains('%'))
}

/// The first word that is an IP address.
fn address(text: &str) -> Option<String> {
    let mut words = text.split(|c: char| !c.is_ascii_hexdigit() && !".:".contains(c));
    let found = words.find_map(|word| word.trim_end_matches(['.', ':']).parse().ok());
    found.map(|ip: std::net::IpAddr| ip.to_string())
}

/// The service names a container with and without the slash at the front.
fn rooted(path: String) -> String {
    match path.strip_prefix("dbs/") {
        Some(rest) => format!("/dbs/{rest}"),
        None => path,
    }
}

const DEEDS: &[(&str, &str)] = &[
    ("items/create", "create items"),
    ("items/upsert", "upsert items"),
    ("items/read", "read items"),
    ("items/replace", "replace items"),
    ("items/delete", "delete items"),
    ("executequery", "run queries"),
    ("readchangefeed", "read the change feed"),
    ("readmetadata", "read the account's metadata"),
    ("throughputsettings/read", "read throughput"),
    ("throughputsettings/write", "change throughput"),
    (
        "migratetoautoscale/action",
        "change throughput to autoscale",
    ),
    (
        "migratetomanualthroughput/action",
        "change throughput to manual",
    ),
    ("containers/write", "create or change containers"),
    ("containers/read", "read containers"),
    ("containers/delete", "delete containers"),
    ("sqldatabases/write", "create or change databases"),
    ("sqldatabases/read", "read databases"),
    ("sqldatabases/delete", "delete databases"),
    ("sqlroleassignments/write", "grant data roles"),
    ("sqlroleassignments/read", "read data roles"),
    ("sqlroleassignments/delete", "take data roles back"),
    ("sqlroledefinitions/read", "read which data roles there are"),
    ("roleassignments/write", "give Azure roles"),
    ("roleassignments/read", "read Azure roles"),
    ("roleassignments/delete", "take Azure roles back"),
    ("roledefinitions/read", "read which Azure roles there are"),
    ("resourcegroups/read", "read resource groups"),
    ("resourcegroups/write", "create or change resource groups"),
    ("resourcegroups/delete", "delete resource groups"),
    ("listkeys/action", "list account keys"),
    (
        "readonlykeys/action",
        "list the account keys that only read",
    ),
    ("databaseaccountnames/read", "ask for names of accounts"),
    ("databaseaccounts/read", "read accounts"),
    ("databaseaccounts/write", "create or change accounts"),
    ("databaseaccounts/delete", "delete accounts"),
    ("operationresults/read", "follow the operation"),
    ("operationsstatus/read", "follow the operation"),
];

/// An action as a verb and its object.
fn deed(action: &str) -> &'static str {
    let action = action.to_ascii_lowercase();
    let found = DEEDS.iter().find(|(ending, _)| action.ends_with(ending));
    found.map_or("do this", |(_, deed)| deed)
}
