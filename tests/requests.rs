//! Every operation as the HTTP text it sends, byte for byte. `UPDATE=1` rewrites the files: read the difference.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::collections::BTreeSet;
use std::fs;

use common::{KEY, NOW, account, arm_account, container, database, management, metadata, name};
use rawcosmos::arm::containers::{Changes, Definition};
use rawcosmos::arm::throughput::{self, Mode, Owner};
use rawcosmos::arm::{self, azure_roles, groups, roles};
use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::authorize::{Proof, authorize};
use rawcosmos::cosmos::batch::{self, Batch, Operation};
use rawcosmos::cosmos::changes::{self, Of, Start};
use rawcosmos::cosmos::items::{Indexing, Item, Options};
use rawcosmos::cosmos::partition_key::{Component, PartitionKey};
use rawcosmos::cosmos::patch::{Op, Patch};
use rawcosmos::cosmos::query::{Across, Query};
use rawcosmos::cosmos::ranges::Part;
use rawcosmos::cosmos::{self, Consistency, Paging, items, sheet};
use rawcosmos::identity::app_service::{self, Site};
use rawcosmos::identity::arc::{self, Agent};
use rawcosmos::identity::workload::{self, Pod};
use rawcosmos::identity::{Selector, aci_windows, imds, instance};
use rawcosmos::message::{Call, Effect, Next, Request, Throughput};
use rawcosmos::name::Secret;
use rawcosmos::show::{self, Mask};
use serde_json::value::RawValue;

/// A file below `fixtures`, and what it must hold.
type Row = (&'static str, String);

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_string()).unwrap()
}

fn key(text: &str) -> PartitionKey {
    PartitionKey::from_json(text).unwrap()
}

fn token() -> Proof {
    let claims = r#"{"aud":"https://a.example","oid":"11111111-1111-1111-1111-111111111111"}"#;
    Proof::Token(Secret::token(common::jwt(claims)).living(3_720))
}

fn shown(request: Request) -> String {
    show::request(&request, &Mask::default())
}

fn call<T>(call: &Call<T>, proof: &Proof) -> String {
    shown(authorize(call.request.clone(), &call.scope, proof, NOW))
}

fn with_token<T>(made: Call<T>) -> String {
    call(&made, &token())
}

fn with_key<T>(made: Call<T>) -> String {
    call(&made, &Proof::Key(MasterKey::new(KEY).unwrap()))
}

fn next(link: &str) -> Next {
    Next::resume(link).unwrap()
}

fn identity() -> Vec<Row> {
    let (place, guid) = (metadata(), "00001111-aaaa-2222-bbbb-3333cccc4444");
    let data = "https://cosmos.azure.com";
    let token = |selector| with_token(imds::token(&place, data, &selector));
    let resource = "/subscriptions/s/resourceGroups/rg 1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id";
    vec![
        ("identity/token_default.http", token(Selector::Default)),
        (
            "identity/token_arm.http",
            with_token(imds::token(
                &place,
                "https://management.azure.com/",
                &Selector::Default,
            )),
        ),
        (
            "identity/token_client_id.http",
            token(Selector::ClientId(name(guid))),
        ),
        (
            "identity/token_object_id.http",
            token(Selector::ObjectId(name(guid))),
        ),
        (
            "identity/token_resource_id.http",
            token(Selector::ResourceId(resource.into())),
        ),
        (
            "identity/instance_compute.http",
            with_token(instance::compute(&place)),
        ),
        (
            "identity/instance_versions.http",
            with_token(instance::versions(&place)),
        ),
        (
            "identity/instance_tenant.http",
            with_token(instance::tenant(&place)),
        ),
    ]
}

/// The other sources, each for the data plane and a user-assigned identity where it can be asked for one.
fn sources() -> Vec<Row> {
    let (data, guid) = (
        "https://cosmos.azure.com",
        "00001111-aaaa-2222-bbbb-3333cccc4444",
    );
    let resource = "/subscriptions/s/resourceGroups/rg 1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id";
    let by_id = Selector::ClientId(name(guid));
    let header = || "853b9a84-5bfa-4b22-a3f3-0b9a43d9ad8a".to_string();
    let site = |endpoint| Site::new(endpoint, header()).unwrap();
    let app = site("http://localhost:4141/MSI/token?site=a");
    let windows = site("http://169.254.128.1:2377/metadata/identity/oauth2/token?api-version=1.0");
    let agent = Agent::new(arc::ADDRESS, "/var/opt/azcmagent/tokens").unwrap();
    let asked = || arc::token(&agent, data, &by_id);
    let file = std::path::Path::new("/var/opt/azcmagent/tokens/it's.key");
    let pod = Pod::new(
        "https://login.microsoftonline.com/",
        guid,
        "/var/run/secrets/azure/tokens/t",
    )
    .unwrap();
    let own = Secret::token("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.c2ln");
    let arm = "https://management.azure.com/";
    vec![
        (
            "identity/app_service_default.http",
            with_token(app_service::token(&app, data, &Selector::Default)),
        ),
        (
            "identity/app_service_client_id.http",
            with_token(app_service::token(&app, data, &by_id)),
        ),
        (
            "identity/app_service_object_id.http",
            with_token(app_service::token(
                &app,
                data,
                &Selector::ObjectId(name(guid)),
            )),
        ),
        (
            "identity/app_service_resource_id.http",
            with_token(app_service::token(
                &app,
                data,
                &Selector::ResourceId(resource.into()),
            )),
        ),
        (
            "identity/aci_windows_object_id.http",
            with_token(aci_windows::token(
                &windows,
                data,
                &Selector::ObjectId(name(guid)),
            )),
        ),
        ("identity/arc_first.http", with_token(asked())),
        (
            "identity/arc_second.http",
            with_token(arc::with_key(asked(), "the text of the key", file)),
        ),
        (
            "identity/workload.http",
            with_token(workload::token(&pod, arm, &by_id, &own)),
        ),
    ]
}

fn arm_reads() -> Vec<Row> {
    let (account, shop) = (arm_account(), name("Shop"));
    let subscription = name("00000000-0000-0000-0000-000000000000");
    let link =
        "https://management.azure.com/subscriptions/s/next?api-version=2024-11-15&$skiptoken=a%2fB";
    let more = next(link);
    let signed = next("https://management.azure.com/next?api-version=2024-11-15&s=MIIsecret");
    vec![
        (
            "arm/account_show.http",
            with_token(arm::accounts::show(&account)),
        ),
        (
            "arm/account_list.http",
            with_token(arm::accounts::list(&management(), &subscription)),
        ),
        (
            "arm/account_list_next.http",
            with_token(arm::accounts::list_next(&management(), &more).unwrap()),
        ),
        (
            "arm/database_show.http",
            with_token(arm::databases::show(&account, &shop)),
        ),
        (
            "arm/database_list.http",
            with_token(arm::databases::list(&account)),
        ),
        (
            "arm/database_list_next_signed.http",
            with_token(arm::databases::list_next(&account, &signed).unwrap()),
        ),
        (
            "arm/database_list_next.http",
            with_token(arm::databases::list_next(&account, &more).unwrap()),
        ),
        (
            "arm/container_show.http",
            with_token(arm::containers::show(&account, &shop, &name("Orders 2026"))),
        ),
        (
            "arm/container_list.http",
            with_token(arm::containers::list(&account, &shop)),
        ),
        (
            "arm/container_list_next.http",
            with_token(arm::containers::list_next(&account, &shop, &more).unwrap()),
        ),
        (
            "arm/role_show.http",
            with_token(roles::show(&account, "11111111-1111-1111-1111-111111111111").unwrap()),
        ),
        ("arm/role_list.http", with_token(roles::list(&account))),
        (
            "arm/role_list_next.http",
            with_token(roles::list_next(&account, &more).unwrap()),
        ),
    ]
}

fn arm_changes() -> Vec<Row> {
    let (account, shop, orders) = (arm_account(), name("Shop"), name("Orders 2026"));
    let simple = Definition {
        paths: vec!["/pk".into()],
        ..Definition::default()
    };
    let full = Definition {
        paths: vec!["/tenant".into(), "/user".into()],
        ttl: Some(-1),
        indexing: Some(raw(r#"{"indexingMode":"none", "automatic":false}"#)),
        unique_keys: Some(raw(r#"{"uniqueKeys":[{"paths":["/mail"]}]}"#)),
    };
    let create = |definition, throughput| {
        with_token(arm::containers::create(
            &account, &shop, &orders, definition, throughput,
        ))
    };
    let grant = |role, scope: &str| roles::Grant {
        role,
        principal: name("11111111-1111-1111-1111-111111111111"),
        scope: scope.into(),
    };
    let reader = grant(roles::DataRole::Reader, "");
    let contributor = grant(roles::DataRole::Contributor, "/dbs/Shop/colls/Orders 2026");
    let database = |throughput| with_token(arm::databases::create(&account, &shop, throughput));
    vec![
        ("arm/database_create.http", database(None)),
        (
            "arm/database_create_manual.http",
            database(Some(Throughput::Manual(400))),
        ),
        (
            "arm/database_create_autoscale.http",
            database(Some(Throughput::Autoscale(4000))),
        ),
        (
            "arm/database_delete.http",
            with_token(arm::databases::delete(&account, &shop)),
        ),
        ("arm/container_create.http", create(&simple, None)),
        (
            "arm/container_create_full.http",
            create(&full, Some(Throughput::Autoscale(1000))),
        ),
        (
            "arm/container_delete.http",
            with_token(arm::containers::delete(&account, &shop, &orders)),
        ),
        (
            "arm/role_assign_reader.http",
            with_token(roles::assign(&account, &reader)),
        ),
        (
            "arm/role_assign_contributor.http",
            with_token(roles::assign(&account, &contributor)),
        ),
        (
            "arm/role_revoke.http",
            with_token(roles::revoke(&account, &reader.guid(&account)).unwrap()),
        ),
    ]
}

fn arm_accounts() -> Vec<Row> {
    use arm::accounts::{self, New};
    let (account, group) = (arm_account(), common::group());
    let all = New {
        location: "West Europe".into(),
        serverless: true,
        free_tier: true,
        tokens_only: true,
    };
    let plain = New {
        location: "westus".into(),
        ..New::default()
    };
    vec![
        (
            "arm/account_list_in_group.http",
            with_token(accounts::list_in(&group)),
        ),
        (
            "arm/account_name_taken.http",
            with_token(accounts::name_taken(&management(), &name("acct1"))),
        ),
        (
            "arm/account_create.http",
            with_token(accounts::create(&account, &plain)),
        ),
        (
            "arm/account_create_full.http",
            with_token(accounts::create(&account, &all)),
        ),
        (
            "arm/account_delete.http",
            with_token(accounts::delete(&account)),
        ),
        (
            "arm/account_keys.http",
            with_token(accounts::keys(&account)),
        ),
        (
            "arm/account_reading_keys.http",
            with_token(accounts::reading_keys(&account)),
        ),
        ("arm/group_show.http", with_token(groups::show(&group))),
        (
            "arm/group_create.http",
            with_token(groups::create(&group, "westus")),
        ),
        ("arm/group_delete.http", with_token(groups::delete(&group))),
    ]
}

fn arm_throughput() -> Vec<Row> {
    let account = arm_account();
    let shared = Owner {
        database: name("Shop"),
        container: None,
    };
    let own = Owner {
        container: Some(name("Orders 2026")),
        ..shared.clone()
    };
    let update = |owner, units| with_token(throughput::update(&account, owner, units));
    let migrate = |owner, to| with_token(throughput::migrate(&account, owner, to));
    vec![
        (
            "arm/throughput_show_database.http",
            with_token(throughput::show(&account, &shared)),
        ),
        (
            "arm/throughput_show_container.http",
            with_token(throughput::show(&account, &own)),
        ),
        (
            "arm/throughput_update_manual.http",
            update(&shared, Throughput::Manual(1000)),
        ),
        (
            "arm/throughput_update_autoscale.http",
            update(&own, Throughput::Autoscale(8000)),
        ),
        (
            "arm/throughput_migrate_to_autoscale.http",
            migrate(&own, Mode::Autoscale),
        ),
        (
            "arm/throughput_migrate_to_manual.http",
            migrate(&shared, Mode::Manual),
        ),
    ]
}

fn arm_container_update() -> Vec<Row> {
    let now = common::recorded_resource("sql_container_create_update_2021-10-15.json", 2);
    let now = raw(&format!(
        r#"{{"id":"/x","tags":{{"a":"b"}},"properties":{{"resource":{now}}}}}"#
    ));
    let update = |changes: Changes| {
        let body = changes.body(&now).unwrap();
        with_token(arm::containers::update(
            &arm_account(),
            &name("Shop"),
            &name("Orders 2026"),
            body,
        ))
    };
    let ttl = |ttl| Changes {
        ttl: Some(ttl),
        indexing: None,
    };
    let policy = Changes {
        ttl: None,
        indexing: Some(raw(r#"{"indexingMode":"none", "automatic":false}"#)),
    };
    vec![
        ("arm/container_update_ttl.http", update(ttl(Some(-1)))),
        ("arm/container_update_ttl_off.http", update(ttl(None))),
        ("arm/container_update_idx.http", update(policy)),
    ]
}

fn arm_roles() -> Vec<Row> {
    let (account, oid) = (arm_account(), "11111111-1111-1111-1111-111111111111");
    let place = |id: &str| azure_roles::Place::parse(management(), id).unwrap();
    let here = place(account.id());
    let grant = |role, kind, place| azure_roles::Grant {
        role,
        principal: name(oid),
        kind,
        place,
    };
    let operator = grant(azure_roles::OPERATOR, "ServicePrincipal", here.clone());
    let group = place("/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg 1");
    let wide = grant(azure_roles::ACCOUNT_CONTRIBUTOR, "User", group);
    let custom = roles::Grant {
        role: roles::DataRole::Custom(name("be79875a-2cc4-40d5-8958-566017875b39")),
        principal: name(oid),
        scope: "/dbs/Shop".into(),
    };
    let more = next("https://management.azure.com/subscriptions/s/next?$skipToken=a");
    vec![
        (
            "arm/role_assign_custom.http",
            with_token(roles::assign(&account, &custom)),
        ),
        (
            "arm/role_definitions.http",
            with_token(roles::definitions(&account)),
        ),
        (
            "arm/role_definitions_next.http",
            with_token(roles::definitions_next(&account, &more).unwrap()),
        ),
        (
            "arm/azure_role_assign.http",
            with_token(azure_roles::assign(&operator)),
        ),
        (
            "arm/azure_role_assign_group.http",
            with_token(azure_roles::assign(&wide)),
        ),
        (
            "arm/azure_role_show.http",
            with_token(azure_roles::show(&here, &operator.guid()).unwrap()),
        ),
        (
            "arm/azure_role_list.http",
            with_token(azure_roles::list(&here, None)),
        ),
        (
            "arm/azure_role_list_principal.http",
            with_token(azure_roles::list(&here, Some(&name(oid)))),
        ),
        (
            "arm/azure_role_list_next.http",
            with_token(azure_roles::next(&here, &more).unwrap()),
        ),
        (
            "arm/azure_role_definitions.http",
            with_token(azure_roles::definitions(&here)),
        ),
        (
            "arm/azure_role_revoke.http",
            with_token(azure_roles::revoke(&here, &operator.guid()).unwrap()),
        ),
    ]
}

fn operations() -> Vec<Row> {
    let started = |headers: &[(&str, &str)]| {
        let create = arm::databases::create(&arm_account(), &name("Shop"), None);
        let answer = common::answer(202, headers, r#"{"status":"Enqueued"}"#);
        let started = (create.read)(&answer).unwrap();
        with_token(started.progress(&management()).unwrap().unwrap())
    };
    let outcome = |headers: &[(&str, &str)]| {
        let create = arm::databases::create(&arm_account(), &name("Shop"), None);
        let started = (create.read)(&common::answer(202, headers, "")).unwrap();
        with_token(started.outcome(&management()).unwrap())
    };
    let signed = "https://management.azure.com/subscriptions/s/providers/Microsoft.DocumentDB/locations/westus/operationsStatus/g?api-version=2024-11-15&t=639&c=MII%2b&s=Zm9v_-&h=QmFy";
    let plain =
        "https://centraluseuap.management.azure.com/x/operationResults/g?api-version=2021-10-15";
    vec![
        (
            "arm/operation_status_signed.http",
            started(&[("azure-asyncoperation", signed), ("location", plain)]),
        ),
        ("arm/operation_result.http", started(&[("Location", plain)])),
        (
            "arm/operation_outcome.http",
            outcome(&[("azure-asyncoperation", plain), ("Location", signed)]),
        ),
    ]
}

fn metadata_of_the_account() -> Vec<Row> {
    let definition =
        raw(r#"{"id":"Orders 2026","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#);
    let page = Paging {
        size: Some(100),
        from: Some(next("+RID:~a#RT:1#TRC:2")),
        ..Paging::default()
    };
    vec![
        (
            "cosmos/account_read.http",
            with_token(cosmos::account::read(&account())),
        ),
        (
            "cosmos/account_read_key.http",
            with_key(cosmos::account::read(&account())),
        ),
        (
            "cosmos/database_create_key.http",
            with_key(cosmos::databases::create(&account(), &name("Shop"), None)),
        ),
        (
            "cosmos/database_create_manual_key.http",
            with_key(cosmos::databases::create(
                &account(),
                &name("Shop"),
                Some(Throughput::Manual(400)),
            )),
        ),
        (
            "cosmos/database_create_autoscale_key.http",
            with_key(cosmos::databases::create(
                &account(),
                &name("Shop"),
                Some(Throughput::Autoscale(4000)),
            )),
        ),
        (
            "cosmos/database_read.http",
            with_token(cosmos::databases::read(&database())),
        ),
        (
            "cosmos/database_list.http",
            with_token(cosmos::databases::list(&account(), &Paging::default())),
        ),
        (
            "cosmos/database_list_page.http",
            with_token(cosmos::databases::list(&account(), &page)),
        ),
        (
            "cosmos/database_delete_key.http",
            with_key(cosmos::databases::delete(&database())),
        ),
        (
            "cosmos/container_create_key.http",
            with_key(cosmos::containers::create(
                &database(),
                &definition,
                Some(Throughput::Manual(500)),
            )),
        ),
        (
            "cosmos/container_read.http",
            with_token(cosmos::containers::read(&container())),
        ),
        (
            "cosmos/container_read_key.http",
            with_key(cosmos::containers::read(&container())),
        ),
        (
            "cosmos/container_list.http",
            with_token(cosmos::containers::list(&database(), &page)),
        ),
        (
            "cosmos/container_delete_key.http",
            with_key(cosmos::containers::delete(&container())),
        ),
    ]
}

fn documents() -> Vec<Row> {
    let item = raw(r#"{"id":"a/b","pk":"ü","n":9007199254740993,"d":1.10}"#);
    let (one, odd) = (key(r#"["ü"]"#), name("100% a?b".replace('?', "é").as_str()));
    let options = Options {
        if_match: Some("\"00000000-0000-0000-0000-000000000000\"".into()),
        session: Some("0:-1#31".into()),
        ..Options::default()
    };
    let changed = Options {
        if_none_match: Some("\"e\"".into()),
        ..Options::default()
    };
    let all = container();
    let deep = key(r#"["t",5,null]"#);
    let undefined = PartitionKey::new(vec![Component::Undefined]);
    let page = Paging {
        size: Some(10),
        from: Some(next("{\"token\":\"x\"}")),
        ..Paging::default()
    };
    vec![
        (
            "cosmos/item_create.http",
            with_token(items::create(&all, &one, &item, &Options::default())),
        ),
        (
            "cosmos/item_create_key.http",
            with_key(items::create(&all, &one, &item, &Options::default())),
        ),
        (
            "cosmos/item_upsert.http",
            with_token(items::upsert(&all, &deep, &item, &options)),
        ),
        (
            "cosmos/item_read.http",
            with_token(items::read(&all, &odd, &undefined, &Options::default())),
        ),
        (
            "cosmos/item_read_key.http",
            with_key(items::read(&all, &odd, &PartitionKey::none(), &changed)),
        ),
        (
            "cosmos/item_replace.http",
            with_token(items::replace(&all, &odd, &one, &item, &options)),
        ),
        (
            "cosmos/item_delete.http",
            with_token(items::delete(&all, &odd, &one, &options)),
        ),
        (
            "cosmos/item_delete_key.http",
            with_key(items::delete(&all, &odd, &one, &Options::default())),
        ),
        (
            "cosmos/item_list.http",
            with_token(items::list(&all, &Paging::default())),
        ),
        (
            "cosmos/item_list_page.http",
            with_token(items::list(&all, &page)),
        ),
        (
            "cosmos/item_list_range.http",
            with_token(sheet::items(&all, &part(false), &page)),
        ),
        (
            "cosmos/item_list_part.http",
            with_token(sheet::items(&all, &part(true), &Paging::default())),
        ),
    ]
}

fn part(within: bool) -> Part {
    Part {
        range: "3".into(),
        min: "05C1".into(),
        max: "05C1FF".into(),
        within,
    }
}

fn queries() -> Vec<Row> {
    let query = Query::new("SELECT * FROM c WHERE c.n > @n AND c.s = \"ü\"");
    let query = query.parameter("n", "9007199254740993").unwrap();
    let page = Paging {
        size: Some(10),
        from: Some(next("{\"token\":\"x\"}")),
        ..Paging::default()
    };
    let one = Across::Key(key(r#"["a"]"#));
    let sheet = sheet::rows(&container(), &query, &part(false), &page);
    let ask = |across: &Across, paging: &Paging| {
        cosmos::query::items(&container(), &query, across, paging)
    };
    vec![
        (
            "cosmos/query_one_key.http",
            with_token(ask(&one, &Paging::default())),
        ),
        (
            "cosmos/query_all.http",
            with_token(ask(&Across::All, &Paging::default())),
        ),
        (
            "cosmos/query_all_page.http",
            with_token(ask(&Across::All, &page)),
        ),
        (
            "cosmos/query_plan.http",
            with_token(cosmos::query::plan_of(&container(), &query)),
        ),
        (
            "cosmos/query_measured.http",
            with_token(cosmos::query::measured(ask(
                &Across::Range("3".into()),
                &Paging::default(),
            ))),
        ),
        (
            "cosmos/query_all_key.http",
            with_key(ask(&Across::All, &Paging::default())),
        ),
        ("cosmos/query_range_page.http", with_token(sheet)),
    ]
}

fn writes_with_options() -> Vec<Row> {
    let (all, one, item) = (container(), key("\"a\""), raw(r#"{"id":"1","pk":"a"}"#));
    let options = Options {
        indexing: Some(Indexing::Exclude),
        minimal: true,
        ..Options::default()
    };
    let weak = Options {
        consistency: Some(Consistency::Eventual),
        ..Options::default()
    };
    let link = "/dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/3JMBAIm-Q3MBAAAAAAAA+A==/";
    let linked = Item::linked(&account(), link).unwrap();
    let included = Options {
        indexing: Some(Indexing::Include),
        ..Options::default()
    };
    vec![
        (
            "cosmos/item_create_minimal.http",
            with_token(items::create(&all, &one, &item, &options)),
        ),
        (
            "cosmos/item_upsert_minimal.http",
            with_token(items::upsert(&all, &one, &item, &options)),
        ),
        (
            "cosmos/item_replace_indexed.http",
            with_token(items::replace(&all, &name("1"), &one, &item, &included)),
        ),
        (
            "cosmos/item_read_eventual.http",
            with_token(items::read(&all, &name("1"), &one, &weak)),
        ),
        (
            "cosmos/item_read_self_key.http",
            with_key(items::read_at(&linked, &one, &weak)),
        ),
        (
            "cosmos/item_delete_self_key.http",
            with_key(items::delete_at(&linked, &one, &Options::default())),
        ),
        (
            "cosmos/item_delete_all_key.http",
            with_key(items::delete_all(&all, &key("[\"t\",5]"))),
        ),
        (
            "cosmos/procedure_execute_key.http",
            with_key(cosmos::procedures::execute(
                &all,
                &name("ar chive"),
                &one,
                &raw("[\"2025\", 1.50]"),
                true,
            )),
        ),
        (
            "cosmos/procedure_execute.http",
            with_token(cosmos::procedures::execute(
                &all,
                &name("archive"),
                &one,
                &raw("[]"),
                false,
            )),
        ),
    ]
}

fn filled(operations: Vec<Operation>) -> Batch {
    let mut batch = Batch::default();
    for operation in operations {
        batch.push(operation).unwrap();
    }
    batch
}

/// The operations of the published sample.
fn operations_of_all_kinds() -> Batch {
    let patch = Patch::default().with(Op::Incr, "/n", "1").unwrap();
    filled(vec![
        Operation::create(&raw(r#"{"id":"1","pk":"p"}"#)),
        Operation::upsert(&raw(r#"{"id":"2","pk":"p"}"#)),
        Operation::replace("3", &raw(r#"{"id":"3","pk":"p"}"#)).if_match("\"etag\""),
        Operation::read("4"),
        Operation::delete("5"),
        Operation::patch("6", &patch.only_if("from c where c.n < 5")),
    ])
}

fn operations_of_a_range() -> Batch {
    let upsert = Operation::upsert(&raw(r#"{"id":"1","pk":"p"}"#));
    filled(vec![
        upsert.of_key(&key("[\"p\"]")),
        Operation::delete("9").of_key(&key("[\"q\"]")),
    ])
}

fn patches_and_batches() -> Vec<Row> {
    let (all, one) = (container(), key("\"p\""));
    let patch = Patch::default()
        .with(Op::Set, "/a~1b/0", "{\"x\": 1.50}")
        .and_then(|patch| patch.with(Op::Remove, "/old", ""))
        .and_then(|patch| patch.with(Op::Move, "/to", "/from"))
        .unwrap();
    let matched = Options {
        if_match: Some("\"e\"".into()),
        ..Options::default()
    };
    let odd = Operation::read("a/b").if_none_match("\"e\"");
    vec![
        (
            "cosmos/item_patch.http",
            with_token(items::patch(
                &all,
                &name("1"),
                &one,
                &patch,
                &Options::default(),
            )),
        ),
        (
            "cosmos/item_patch_if_key.http",
            with_key(items::patch(
                &all,
                &name("1"),
                &one,
                &patch.only_if("from c where c.n = \"ü\""),
                &matched,
            )),
        ),
        (
            "cosmos/batch_atomic.http",
            with_token(batch::atomic(&all, &one, &operations_of_all_kinds(), false)),
        ),
        (
            "cosmos/batch_atomic_alone_key.http",
            with_key(batch::atomic(&all, &one, &filled(vec![odd]), true)),
        ),
        (
            "cosmos/batch_bulk.http",
            with_token(batch::bulk(&all, "0", &operations_of_a_range(), true)),
        ),
    ]
}

fn many_items() -> Vec<Row> {
    let (all, one) = (container(), key("\"p\""));
    let ids = cosmos::many::of_one_key(&["1", "a/ü"]).unwrap();
    let page = Paging {
        consistency: Some(Consistency::BoundedStaleness),
        session: Some("0:1#5".into()),
        ..Paging::default()
    };
    let across = Across::Part {
        range: "3".into(),
        min: "05C1".into(),
        max: "05C1FF".into(),
    };
    vec![
        (
            "cosmos/many_of_one_key.http",
            with_token(cosmos::query::items(
                &all,
                &ids,
                &Across::Key(one.clone()),
                &page,
            )),
        ),
        (
            "cosmos/query_part.http",
            with_token(cosmos::query::items(
                &all,
                &Query::new("SELECT * FROM c"),
                &across,
                &Paging::default(),
            )),
        ),
        (
            "cosmos/query_range.http",
            with_token(cosmos::query::items(
                &all,
                &Query::new("SELECT * FROM c"),
                &Across::Range("3".into()),
                &Paging::default(),
            )),
        ),
        (
            "cosmos/many_one_left.http",
            with_token(cosmos::many::one(
                &all,
                &name("1"),
                &one,
                &Options::default(),
            )),
        ),
    ]
}

fn changes_and_ranges() -> Vec<Row> {
    let (all, page) = (container(), Paging::default());
    let few = Paging {
        size: Some(10),
        consistency: Some(Consistency::Session),
        ..Paging::default()
    };
    let feed = |of: &Of, start: &Start, paging| changes::page(&all, of, start, paging);
    let range = Of::Range("0".into());
    let part = Of::Part("0".into(), "7F".into(), "7FFF".into());
    let since = Start::Since("Tue, 01 Nov 1994 08:12:31 GMT".into());
    let after = Start::After("\"57\"".into());
    vec![
        (
            "cosmos/changes_beginning.http",
            with_token(feed(&range, &Start::Beginning, &page)),
        ),
        (
            "cosmos/changes_now.http",
            with_token(feed(&Of::Key(key("\"ü\"")), &Start::Now, &page)),
        ),
        (
            "cosmos/changes_since.http",
            with_token(feed(&range, &since, &few)),
        ),
        (
            "cosmos/changes_after_key.http",
            with_key(feed(&part, &after, &page)),
        ),
        (
            "cosmos/ranges.http",
            with_token(cosmos::ranges::list(&all, &page)),
        ),
        (
            "cosmos/ranges_page_key.http",
            with_key(cosmos::ranges::list(
                &all,
                &Paging {
                    from: Some(next("token")),
                    ..Paging::default()
                },
            )),
        ),
        (
            "cosmos/container_quota.http",
            with_token(cosmos::containers::quota(&all)),
        ),
    ]
}

fn any_call() -> Vec<Row> {
    let raw = |method, path| cosmos::raw::call(&account(), method, path).unwrap();
    let mut page = raw("GET", "/dbs/Shop/colls/Orders%202026/conflicts?x=1");
    page.request = cosmos::raw::from(page.request, &next("token"));
    vec![
        ("cosmos/raw_page_key.http", with_key(page)),
        (
            "cosmos/raw_offer_key.http",
            with_key(raw("PUT", "/offers/AbCd")),
        ),
    ]
}

fn rows() -> Vec<Row> {
    let parts = [
        identity(),
        sources(),
        arm_reads(),
        arm_changes(),
        arm_accounts(),
        arm_throughput(),
        arm_container_update(),
        arm_roles(),
        operations(),
        metadata_of_the_account(),
        documents(),
        queries(),
        writes_with_options(),
        patches_and_batches(),
        many_items(),
        changes_and_ranges(),
        any_call(),
    ];
    parts.into_iter().flatten().collect()
}

/// What a lost answer allows to be sent again, operation by operation.
#[test]
fn every_operation_says_whether_it_may_be_sent_twice() {
    let (account, coll, item) = (account(), container(), raw("{}"));
    let (id, one, options) = (name("1"), key("\"a\""), Options::default());
    let (page, query) = (Paging::default(), Query::new("SELECT 1"));
    let [guarded, any] = ["\"e\"", "*"].map(|etag| Options {
        if_match: Some(etag.into()),
        ..Options::default()
    });
    for (said, meant) in [
        (
            items::create(&coll, &one, &item, &options).effect,
            Effect::Guarded,
        ),
        (
            items::patch(&coll, &id, &one, &Patch::default(), &options).effect,
            Effect::Once,
        ),
        (items::delete_all(&coll, &one).effect, Effect::Once),
        (
            cosmos::procedures::execute(&coll, &id, &one, &raw("[]"), false).effect,
            Effect::Never,
        ),
        (
            cosmos::raw::call(&account, "POST", "/dbs/d/colls/c/sprocs/s")
                .unwrap()
                .effect,
            Effect::Never,
        ),
        (
            items::upsert(&coll, &one, &item, &guarded).effect,
            Effect::Guarded,
        ),
        (
            items::replace(&coll, &id, &one, &item, &guarded).effect,
            Effect::Guarded,
        ),
        (
            items::replace(&coll, &id, &one, &item, &any).effect,
            Effect::Once,
        ),
        (
            items::patch(&coll, &id, &one, &Patch::default(), &guarded).effect,
            Effect::Once,
        ),
        (
            batch::atomic(&coll, &one, &operations_of_all_kinds(), false).effect,
            Effect::Once,
        ),
        (
            batch::atomic(&coll, &one, &filled(vec![Operation::read("1")]), false).effect,
            Effect::Read,
        ),
        (
            changes::page(&coll, &Of::Range("0".into()), &Start::Now, &page).effect,
            Effect::Read,
        ),
        (cosmos::ranges::list(&coll, &page).effect, Effect::Read),
        (cosmos::containers::quota(&coll).effect, Effect::Read),
        (
            cosmos::raw::call(&account, "GET", "/dbs").unwrap().effect,
            Effect::Read,
        ),
        (
            cosmos::raw::call(&account, "PUT", "/dbs").unwrap().effect,
            Effect::Once,
        ),
        (
            items::upsert(&coll, &one, &item, &options).effect,
            Effect::Once,
        ),
        (
            items::replace(&coll, &id, &one, &item, &options).effect,
            Effect::Once,
        ),
        (
            items::delete(&coll, &id, &one, &options).effect,
            Effect::Delete,
        ),
        (items::read(&coll, &id, &one, &options).effect, Effect::Read),
        (items::list(&coll, &page).effect, Effect::Read),
        (
            cosmos::query::items(&coll, &query, &Across::All, &page).effect,
            Effect::Read,
        ),
        (
            cosmos::databases::create(&account, &id, None).effect,
            Effect::Once,
        ),
        (
            cosmos::databases::delete(&database()).effect,
            Effect::Delete,
        ),
        (
            cosmos::containers::create(&database(), &item, None).effect,
            Effect::Once,
        ),
        (cosmos::containers::delete(&coll).effect, Effect::Delete),
    ] {
        assert_eq!(said, meant);
    }
    let (arm, definition) = (arm_account(), Definition::default());
    let grant = roles::Grant {
        role: roles::DataRole::Reader,
        principal: name("1"),
        scope: String::new(),
    };
    let owner = Owner {
        database: name("d"),
        container: None,
    };
    let azure = azure_roles::Grant {
        role: azure_roles::OPERATOR,
        principal: name("1"),
        kind: "User",
        place: azure_roles::Place::parse(management(), arm.id()).unwrap(),
    };
    for (said, meant) in [
        (
            arm::databases::create(&arm, &id, None).effect,
            Effect::Idempotent,
        ),
        (arm::databases::delete(&arm, &id).effect, Effect::Delete),
        (
            arm::containers::create(&arm, &id, &id, &definition, None).effect,
            Effect::Idempotent,
        ),
        (
            arm::containers::delete(&arm, &id, &id).effect,
            Effect::Delete,
        ),
        (roles::assign(&arm, &grant).effect, Effect::Idempotent),
        (roles::revoke(&arm, "g").unwrap().effect, Effect::Delete),
        (
            arm::accounts::create(&arm, &arm::accounts::New::default()).effect,
            Effect::Once,
        ),
        (arm::accounts::delete(&arm).effect, Effect::Delete),
        (arm::accounts::keys(&arm).effect, Effect::Read),
        (
            groups::create(&common::group(), "x").effect,
            Effect::Idempotent,
        ),
        (groups::delete(&common::group()).effect, Effect::Delete),
        (
            arm::containers::update(&arm, &id, &id, String::new()).effect,
            Effect::Idempotent,
        ),
        (
            throughput::update(&arm, &owner, Throughput::Manual(400)).effect,
            Effect::Idempotent,
        ),
        (
            throughput::migrate(&arm, &owner, Mode::Manual).effect,
            Effect::Once,
        ),
        (azure_roles::assign(&azure).effect, Effect::Idempotent),
        (
            azure_roles::revoke(&azure.place, "g").unwrap().effect,
            Effect::Delete,
        ),
    ] {
        assert_eq!(said, meant);
    }
}

#[test]
fn every_request_is_as_written() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut different = Vec::new();
    for (file, text) in rows() {
        let path = common::root().join("fixtures").join(file);
        if update {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        if kept != text {
            different.push(format!("--- fixtures/{file}\n{kept}+++ made\n{text}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// The published samples of batches say the same as ours, header by header.
#[test]
fn batches_are_as_published() {
    let samples = common::json("fixtures/data-plane/batch_samples.json");
    let place = account().database(&name("db")).container(&name("c"));
    for (sample, made) in [
        (
            "transactional_request",
            batch::atomic(&place, &key("\"p\""), &operations_of_all_kinds(), false),
        ),
        (
            "bulk_request",
            batch::bulk(&place, "0", &operations_of_a_range(), false),
        ),
    ] {
        let sample = &samples[sample];
        assert_eq!(made.request.method, sample["method"]);
        let path = sample["path"].as_str().unwrap();
        assert!(made.request.url.expose().ends_with(path));
        for (header, value) in sample["headers"].as_object().unwrap() {
            let sent = made.request.headers.iter().find(|(n, _)| n == header);
            assert_eq!(sent.unwrap().1.expose(), value, "{header}");
        }
        let body: serde_json::Value =
            serde_json::from_str(made.request.body.as_ref().unwrap().expose()).unwrap();
        assert_eq!(body, sample["body"]);
    }
}

/// So do those of queries.
#[test]
fn queries_are_as_published() {
    let samples = common::json("fixtures/data-plane/query_wire_samples.json");
    let query = Query::new("SELECT * FROM c WHERE c.n > @n");
    let query = query.parameter("n", "3").unwrap();
    for (sample, across) in [
        ("single_partition", Across::Key(key("\"a\""))),
        ("cross_partition", Across::All),
    ] {
        let made = cosmos::query::items(&container(), &query, &across, &Paging::default());
        for (header, value) in samples[sample]["headers"].as_object().unwrap() {
            // How many to a page we leave to the service, which is what -1 says.
            if header == "x-ms-max-item-count" {
                assert_eq!(value, "-1");
                continue;
            }
            let sent = made.request.headers.iter().find(|(n, _)| n == header);
            assert_eq!(sent.unwrap().1.expose(), value, "{header}");
        }
        let body: serde_json::Value =
            serde_json::from_str(made.request.body.as_ref().unwrap().expose()).unwrap();
        let wanted = &samples["single_partition"]["body"];
        assert_eq!(&body, wanted);
    }
}

#[test]
fn every_file_has_its_request() {
    let rows = rows();
    let made: BTreeSet<&str> = rows.iter().map(|(file, _)| *file).collect();
    assert_eq!(made.len(), rows.len(), "two rows write the same file");
    for folder in ["fixtures/identity", "fixtures/arm", "fixtures/cosmos"] {
        for file in common::names(folder) {
            let path = format!("{folder}/{file}");
            let below = path.strip_prefix("fixtures/").unwrap();
            let orphan = file.ends_with(".http") && !made.contains(below);
            assert!(!orphan, "{path}: no request is written like this");
        }
    }
}

#[test]
fn what_is_shown_holds_no_secret() {
    for (file, text) in rows() {
        assert!(!text.contains(KEY), "{file} holds the key");
        assert!(!text.contains("eyJ"), "{file} holds a token");
        assert!(!text.contains("MII"), "{file} holds a certificate");
    }
}

/// What a shell makes of a curl line: its words, each in brackets.
fn words(line: &str) -> String {
    let script = format!(
        "rawcosmos() {{ printf 'Authorization: TOKEN %s %s' \"$1\" \"$3\"; }}\ncurl() {{ printf '[%s]' \"$@\"; }}\n{line}\n"
    );
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_shell_reads_a_curl_line_as_it_is_meant() {
    let item = raw("{\"id\":\"it's $HOME `x` \\\\ !\",\n \"n\":1}");
    let one = key("[\"a'b\"]");
    let Proof::Token(secret) = token() else {
        panic!("it is a token");
    };
    let made = items::create(&container(), &one, &item, &Options::default());
    let ready = authorize(made.request, &made.scope, &Proof::Token(secret), NOW);
    let line = show::curl(&ready, &Mask::default());
    let words = words(&line);
    assert!(words.starts_with("[-sS][-i][-X][POST]"), "{words}");
    assert!(
        words.contains(&format!("[--data-binary][{}]", item.get())),
        "{words}"
    );
    assert!(
        words.contains("[x-ms-documentdb-partitionkey: [\"a'b\"]]"),
        "{words}"
    );
    assert!(
        words.contains("[-H][Authorization: TOKEN token data]"),
        "{words}"
    );
    assert!(
        words.ends_with("[https://acct1.documents.azure.com/dbs/Shop/colls/Orders%202026/docs]"),
        "{words}"
    );
    let identity = imds::token(&metadata(), "https://cosmos.azure.com", &Selector::Default);
    let line = show::curl(&identity.request, &Mask::default());
    let without_proxy = self::words(&line);
    assert!(without_proxy.contains("[--noproxy][*]"), "{without_proxy}");
    assert!(
        without_proxy.contains("[-H][user-agent:]"),
        "{without_proxy}"
    );
}
