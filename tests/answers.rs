//! Every recorded answer as the value or the error it is read as, and what is made of bad ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::time::Duration;

use common::{NOW, answer, arm_account, container, fixture, json, management, metadata, name};
use rawcosmos::arm::operation::{Progress, Started};
use rawcosmos::arm::{self, roles};
use rawcosmos::authorize::master_key::{self, MasterKey};
use rawcosmos::cosmos::items::Options;
use rawcosmos::cosmos::partition_key::PartitionKey;
use rawcosmos::cosmos::{self, Paging, batch, changes, items};
use rawcosmos::error::{Error, Failure, Plane};
use rawcosmos::identity::refusal::{self, Refusal};
use rawcosmos::identity::{self, Expiry, Selector, imds, instance};
use rawcosmos::message::{Call, Response};
use rawcosmos::name::{Name, percent_encode};
use serde_json::Value;
use time::OffsetDateTime;

// ---- Identity

fn identity_answer(file: &str) -> Vec<u8> {
    fixture(&format!("fixtures/identity/answers/{file}")).into_bytes()
}

/// File, epoch second the token expires at, client id.
const TOKENS: &[(&str, i64, Option<&str>)] = &[
    ("imds_success_docs.json", 1506484173, None),
    (
        "imds_success_swagger.json",
        1541705014,
        Some("be5947ed-3560-4afe-9504-59967a63f810"),
    ),
    (
        "imds_success_system.json",
        1760086700,
        Some("00001111-aaaa-2222-bbbb-3333cccc4444"),
    ),
    (
        "imds_success_user.json",
        1760086700,
        Some("11112222-bbbb-3333-cccc-4444dddd5555"),
    ),
    ("imds_success_empty_expires_in.json", 1760086700, None),
    ("imds_success_refresh_in.json", 1760086700, None),
    (
        "imds_success_expires_on_iso8601.json",
        1729281097,
        Some("00001111-aaaa-2222-bbbb-3333cccc4444"),
    ),
    ("aci_linux_success.json", 1539927532, None),
    ("appservice_2017_expires_on_linux.json", 1560999478, None),
    ("appservice_2017_expires_on_windows.json", 1579152252, None),
    ("arc_success.json", 1760086700, None),
    (
        "arc_success_user_echo.json",
        1760086700,
        Some("11112222-bbbb-3333-cccc-4444dddd5555"),
    ),
    ("servicefabric_success_docs.json", 1565244611, None),
    ("azureml_success.json", 1760086700, None),
    (
        "workload_identity_success.json",
        NOW.unix_timestamp() + 3600,
        None,
    ),
];

#[test]
fn tokens_of_every_source_are_read() {
    for (file, expires, client_id) in TOKENS {
        let token = identity::read_token(&answer(200, &[], identity_answer(file))).unwrap();
        let body: Value = serde_json::from_slice(&identity_answer(file)).unwrap();
        assert_eq!(
            token.secret.expose(),
            body["access_token"].as_str().unwrap(),
            "{file}"
        );
        assert_eq!(
            token.expires.moment(NOW).unix_timestamp(),
            *expires,
            "{file}"
        );
        assert_eq!(token.client_id.as_deref(), *client_id, "{file}");
    }
}

#[test]
fn a_token_must_fit_into_a_header() {
    // The documentation shortens the token with an ellipsis, which no header can hold.
    let response = answer(200, &[], identity_answer("appservice_success.json"));
    let error = identity::read_token(&response).unwrap_err();
    assert!(
        error.to_string().contains("no usable access_token"),
        "{error}"
    );
    let text = fixture("fixtures/identity/answers/appservice_success.json").replace("\\u2026", "");
    let token = identity::read_token(&answer(200, &[], text)).unwrap();
    assert_eq!(token.expires.moment(NOW).unix_timestamp(), 1586984735);
    assert_eq!(
        token.client_id.unwrap(),
        "5E29463D-71DA-4FE0-8E69-999B57DB23B0"
    );
}

#[test]
fn claims_are_read_from_the_token_itself() {
    for (token, claims) in [
        ("imds_success_system.json", "jwt_claims_system.json"),
        ("imds_success_user.json", "jwt_claims_user.json"),
    ] {
        let token = identity::read_token(&answer(200, &[], identity_answer(token))).unwrap();
        let claims: Value = serde_json::from_slice(&identity_answer(claims)).unwrap();
        let read = token.claims().unwrap();
        assert_eq!(read.all(), &claims);
        assert_eq!(read.text("oid"), claims["oid"].as_str());
        assert_eq!(read.time("exp"), Some(1760086700));
        let ready = identity::Token::ready(token.secret.expose()).unwrap();
        assert_eq!(ready.expires.moment(NOW).unix_timestamp(), 1760086700);
    }
}

/// Status, file, what it is taken for, and the beginning of the sentence.
const REFUSALS: &[(u16, &str, Refusal, &str)] = &[
    (
        400,
        "imds_400_identity_not_found.json",
        Refusal::NoIdentity,
        "this machine has no managed identity",
    ),
    (
        400,
        "imds_400_multiple_identities.json",
        Refusal::ManyIdentities,
        "this machine has several user-assigned",
    ),
    (
        400,
        "imds_400_missing_metadata.json",
        Refusal::HeaderLost,
        "the header Metadata: true did not arrive",
    ),
    (
        400,
        "imds_400_missing_metadata_legacy.json",
        Refusal::HeaderLost,
        "the header Metadata: true",
    ),
    (
        400,
        "aci_linux_probe_400.txt",
        Refusal::HeaderLost,
        "the header Metadata: true",
    ),
    (
        400,
        "imds_400_invalid_resource_aadsts500011.json",
        Refusal::UnknownAudience,
        "the tenant does not know",
    ),
    (
        400,
        "imds_400_invalid_resource_error_codes_string.json",
        Refusal::UnknownAudience,
        "the tenant",
    ),
    (
        400,
        "cloudshell_400_audience.json",
        Refusal::UnknownAudience,
        "the tenant",
    ),
    (
        400,
        "imds_400_generic_swagger.json",
        Refusal::BadRequest,
        "the metadata service does not accept",
    ),
    (
        400,
        "instance_400_bad_api_version.json",
        Refusal::BadRequest,
        "the metadata service does not accept",
    ),
    (
        400,
        "servicefabric_error_secret_header.json",
        Refusal::BadRequest,
        "the metadata service does not accept",
    ),
    (
        401,
        "imds_401_unauthorized_client.json",
        Refusal::NotConfigured,
        "the machine's identity is not set up",
    ),
    (
        403,
        "docker_desktop_403.txt",
        Refusal::NotAzure,
        "this is Docker Desktop",
    ),
    (
        404,
        "imds_404_swagger.json",
        Refusal::Updating,
        "the metadata service is being updated",
    ),
    (
        404,
        "aci_windows_404_default_identity.json",
        Refusal::NoIdentity,
        "this machine has no managed identity",
    ),
    (
        405,
        "imds_405_swagger.json",
        Refusal::BadRequest,
        "the metadata service does not accept",
    ),
    (
        410,
        "imds_410_empty.txt",
        Refusal::Updating,
        "the metadata service is being updated",
    ),
    (
        429,
        "imds_429_swagger.json",
        Refusal::Busy,
        "this machine asks its metadata service too often",
    ),
    (
        500,
        "imds_500_swagger.json",
        Refusal::Failing,
        "the metadata service failed",
    ),
    (
        500,
        "imds_500_unknown_docs.json",
        Refusal::Failing,
        "the metadata service failed",
    ),
    (
        500,
        "appservice_500_wrong_resource.json",
        Refusal::UnknownAudience,
        "the tenant",
    ),
    (
        400,
        "appservice_400_identity_not_found.json",
        Refusal::NoIdentity,
        "this machine has no",
    ),
    (
        400,
        "appservice_400_no_default_identity.json",
        Refusal::NoIdentity,
        "this machine has no",
    ),
    (
        400,
        "appservice_2017_400_no_msi.json",
        Refusal::NoIdentity,
        "this machine has no",
    ),
];

fn identity_failure(response: &Response) -> Failure {
    let headers = &response.headers.pairs();
    Failure::read(
        Plane::Identity,
        "GET x".into(),
        response.status,
        headers,
        &response.body,
    )
}

#[test]
fn every_refusal_of_a_token_is_told_apart() {
    for (status, file, expected, sentence) in REFUSALS {
        let failure = identity_failure(&answer(*status, &[], identity_answer(file)));
        let refusal = refusal::of(&failure);
        assert_eq!(refusal, *expected, "{file}");
        assert!(
            refusal.sentence().starts_with(sentence),
            "{file}: {}",
            refusal.sentence()
        );
        let shown = failure.to_string();
        assert!(
            !shown.contains("\":"),
            "{file}: JSON is not a message: {shown}"
        );
    }
}

/// An answer kept as HTTP text.
fn http(file: &str) -> Response {
    let text = fixture(&format!("fixtures/identity/answers/{file}")).replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
    answer(status, &headers, body.trim_end())
}

#[test]
fn strangers_are_told_from_the_metadata_service() {
    let of = |response: &Response| refusal::of(&identity_failure(response));
    assert_eq!(of(&http("not_azure_ec2_401.http")), Refusal::OtherCloud);
    // The front of the metadata service answers like this while it restarts: that passes.
    assert_eq!(of(&http("wireserver_500_not_imds.http")), Refusal::Failing);
    let page = "<!DOCTYPE html><html><body>not here</body></html>";
    for status in [400, 403, 404, 407, 502, 503] {
        assert_eq!(
            of(&answer(status, &[], page)),
            Refusal::SomebodyElse,
            "{status}"
        );
    }
    let other_cloud = answer(404, &[("Metadata-Flavor", "Google")], "not found");
    assert_eq!(identity_failure(&other_cloud).status, 404);
    let real = http("imds_response_headers_200.http");
    assert_eq!(real.header("SERVER"), Some("IMDS/150.870.65.1324"));
}

#[test]
fn the_machine_describes_itself() {
    let call = instance::compute(&metadata());
    for (file, cloud, group) in [
        (
            "instance_linux_docs.json",
            "AZUREPUBLICCLOUD",
            "macikgo-test-may-23",
        ),
        (
            "instance_compute_public.json",
            "AzurePublicCloud",
            "rg-demo",
        ),
        (
            "instance_compute_usgov.json",
            "AzureUSGovernmentCloud",
            "rg-demo",
        ),
        ("instance_compute_china.json", "AzureChinaCloud", "rg-demo"),
    ] {
        let read = (call.read)(&answer(200, &[], identity_answer(file))).unwrap();
        assert_eq!(
            (read.cloud.as_str(), read.group.as_str()),
            (cloud, group),
            "{file}"
        );
        assert!(
            !read.subscription.is_empty() && read.id.starts_with("/subscriptions/"),
            "{file}"
        );
    }
    assert!((call.read)(&answer(200, &[], "[]")).is_err());
}

// ---- Errors of ARM and of the data plane

fn failure(response: &Response, plane: Plane) -> Failure {
    let headers = &response.headers.pairs();
    Failure::read(
        plane,
        "GET x".into(),
        response.status,
        headers,
        &response.body,
    )
}

/// File, code, substatus, the whole message, activity id.
type Refused = (
    &'static str,
    &'static str,
    Option<u32>,
    &'static str,
    &'static str,
);

#[rustfmt::skip]
const ERRORS: &[Refused] = &[
    ("arm_authorizationfailed_403", "AuthorizationFailed", None, "The client '11111111-1111-1111-1111-111111111111' with object id '11111111-1111-1111-1111-111111111111' does not have authorization to perform action 'Microsoft.DocumentDb/databaseAccounts/listKeys/action' over scope '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-1/providers/Microsoft.DocumentDb/databaseAccounts/acct1' or the scope is invalid. If access was recently granted, please refresh your credentials.", ""),
    ("arm_expiredauthenticationtoken_401", "ExpiredAuthenticationToken", None, "The access token expiry UTC time '10/23/2019 3:54:29 PM' is earlier than current UTC time '10/23/2019 3:54:44 PM'.", ""),
    ("arm_missingsubscriptionregistration_409", "MissingSubscriptionRegistration", None, "The subscription is not registered to use namespace 'Microsoft.DocumentDB'. See https://aka.ms/rps-not-found for how to register subscriptions.", ""),
    ("arm_resourcegroupnotfound_404", "ResourceGroupNotFound", None, "Resource group 'rg1' could not be found.", ""),
    ("arm_requestdisallowedbypolicy_403", "RequestDisallowedByPolicy", None, "Resource 'acct1' was disallowed by policy. Reasons: 'Local authentication methods are not allowed.'. See error details for policy resource IDs.", ""),
    ("rp_badrequest_serverless_offer_400", "BadRequest", None, "Reading or replacing offers is not supported for serverless accounts.", "9ed7d9ce-35b3-47a7-9662-27ccb7db48ba"),
    ("rp_badrequest_principaltype_400", "BadRequest", None, "The provided principal ID [11111111-1111-1111-1111-111111111111] was found to be of an unsupported type : [Application]", "11111111-1111-1111-1111-111111111111"),
    ("rp_badrequest_dns_taken_400", "BadRequest", None, "Dns record for acct1 under zone Document is already taken. Please use a different name for the account.", ""),
    ("rp_notfound_roleassignment_404", "NotFound", None, "Unable to find a SQL Role Assignment with ID [11111111-1111-1111-1111-111111111111].", "11111111-1111-1111-1111-111111111111"),
    ("rp_preconditionfailed_lock_412", "PreconditionFailed", None, "There is another user operation in progress which requires an exclusive lock on [acct1]. Please retry after sometime.", "838da911-2724-4636-a27a-3da6527c29b7"),
    ("lro_failed_capacity", "ServiceUnavailable", None, "Database account creation failed. Operation Id: e7f263f7-758f-43fa-9b1d-3e2be31c4b47, Error : Sorry, we are currently experiencing high demand in this region, and cannot fulfill your request at this time.", "acb3453b-1eb6-4466-9f66-d75c393188cc"),
    ("dp_401_localauth_disabled", "Unauthorized", None, "Local Authorization is disabled. Use an AAD token to authorize all requests.", "54694a00-6a73-4f32-95eb-735bd15fc401"),
    ("dp_403_5300_post_dbs", "Forbidden", Some(5300), "Request blocked by Auth acct1 : The given request [POST /dbs] cannot be authorized by AAD token in data plane. Learn more: https://aka.ms/cosmos-native-rbac.", "c93b2c4e-faf8-4a23-848e-1f03c0e0d8a7"),
    ("dp_403_5301_readmetadata", "Forbidden", Some(5301), "Request blocked by Auth acct1 : Request is blocked because principal [11111111-1111-1111-1111-111111111111] does not have required RBAC permissions to perform action [Microsoft.DocumentDB/databaseAccounts/readMetadata] on resource [/]. Learn more: https://aka.ms/cosmos-native-rbac. This could be because the user's group memberships were not present in the AAD token.", "c93b2c4e-faf8-4a23-848e-1f03c0e0d8a7"),
];

#[test]
fn errors_are_read_whole() {
    for (file, code, substatus, message, activity) in ERRORS {
        let kept = json(&format!("fixtures/arm/errors/{file}.json"));
        let plane = if file.starts_with("dp_") {
            Plane::Data
        } else {
            Plane::Arm
        };
        let read = failure(&common::recorded(&kept), plane);
        assert_eq!(read.code, *code, "{file}");
        assert_eq!(read.substatus, *substatus, "{file}");
        assert_eq!(read.message, *message, "{file}");
        assert_eq!(read.activity.unwrap_or_default(), *activity, "{file}");
    }
}

#[test]
fn every_recorded_error_has_a_code_and_a_clean_message() {
    for file in common::names("fixtures/arm/errors") {
        let kept = json(&format!("fixtures/arm/errors/{file}"));
        let read = failure(&common::recorded(&kept), Plane::Arm);
        let body = &kept["body"];
        let code = body.pointer("/error/code").or_else(|| body.get("code"));
        assert_eq!(Some(read.code.as_str()), code.unwrap().as_str(), "{file}");
        for rest in [
            "ActivityId",
            "RequestStats",
            "Documents.Common",
            "{\"",
            "Message: ",
        ] {
            assert!(
                !read.message.contains(rest),
                "{file}: {rest} in {}",
                read.message
            );
        }
        assert!(
            !read.message.ends_with(['\r', '\n', ' ', ',']),
            "{file}: {:?}",
            read.message
        );
    }
    let throttled = json("fixtures/arm/errors/arm_throttled_429.json");
    let wait = failure(&common::recorded(&throttled), Plane::Arm).retry_after;
    assert_eq!(wait.unwrap().as_secs(), 372);
}

#[test]
fn a_threefold_message_is_unwrapped() {
    let recorded = json("fixtures/arm/recorded/sql_database_lifecycle_2021-10-15.json");
    let first = &recorded["exchanges"][0]["response"];
    let read = failure(&common::recorded(first), Plane::Arm);
    assert_eq!((read.status, read.code.as_str()), (404, "NotFound"));
    assert_eq!(
        read.message,
        "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found"
    );
    assert_eq!(
        read.activity.as_deref(),
        Some("39810ebd-3692-11ec-9344-9a10a93b8232")
    );
    assert_eq!(read.date.as_deref(), Some("Tue, 26 Oct 2021 19:23:40 GMT"));
}

#[test]
fn errors_of_the_data_plane_are_read() {
    let rows = json("fixtures/data-plane/error_bodies.json");
    for row in rows["rows"].as_array().unwrap() {
        let substatus = row["substatus"]
            .as_u64()
            .map(|s| s.to_string())
            .unwrap_or_default();
        let status = u16::try_from(row["status"].as_u64().unwrap()).unwrap();
        let body = match row["body"].as_str() {
            Some(body) => body.to_string(),
            None => serde_json::json!({"code": "C", "message": row["message"]}).to_string(),
        };
        let response = answer(status, &[("X-MS-SUBSTATUS", &substatus)], body);
        let read = failure(&response, Plane::Data);
        assert_eq!(read.substatus.map(u64::from), row["substatus"].as_u64());
        match row["message"].as_str() {
            Some(message) => assert_eq!(read.message, message),
            None if row["content_type"] == "text/html" => {
                assert!(
                    read.message
                        .starts_with("a web page, not JSON: Bad Request"),
                    "{}",
                    read.message
                );
                assert!(!read.message.contains('<'));
            }
            None => {
                assert_eq!(read.code, "Unauthorized");
                assert!(
                    read.message.contains("payload to sign: 'get\ndbs\n\nfri"),
                    "{}",
                    read.message
                );
                assert_eq!(
                    read.activity.as_deref(),
                    Some("9acb3c0d-cb31-4b78-ac0a-413c8d33e373")
                );
            }
        }
    }
    let issuer = failure(&http("cosmos_401_aad_invalid_issuer.http"), Plane::Data);
    assert_eq!(
        (issuer.substatus, issuer.code.as_str()),
        (Some(5007), "Unauthorized")
    );
    let audience = failure(&http("cosmos_401_aad_invalid_audience.http"), Plane::Data);
    assert!(
        audience
            .to_string()
            .starts_with("data plane answered 401/5008 Unauthorized: Request blocked")
    );
}

#[test]
fn a_query_error_names_its_place() {
    let inner = r#"{"errors":[{"severity":"Error","location":{"start":7,"end":11},"code":"SC1001","message":"Syntax error, incorrect syntax near 'FORM'."}]}"#;
    let message =
        format!("Message: {inner}\r\nActivityId: 5a3f, Microsoft.Azure.Documents.Common/2.14.0");
    let body = serde_json::json!({"code": "BadRequest", "message": message}).to_string();
    let read = failure(
        &answer(400, &[("x-ms-activity-id", "from-the-header")], body),
        Plane::Data,
    );
    assert_eq!(
        read.message,
        "SC1001: Syntax error, incorrect syntax near 'FORM'. (characters 7 to 11 of the query)"
    );
    assert_eq!(read.activity.as_deref(), Some("from-the-header"));
}

#[test]
fn a_long_error_is_read_to_its_end() {
    let plan = "x".repeat(40_000);
    let body = serde_json::json!({"additionalErrorInfo": plan, "code": "BadRequest", "message": "cannot be served\r\nActivityId: ab-12"});
    let read = failure(
        &answer(400, &[("x-ms-substatus", "1004")], body.to_string()),
        Plane::Data,
    );
    assert_eq!(
        (read.code.as_str(), read.message.as_str()),
        ("BadRequest", "cannot be served")
    );
    assert!(read.body.len() <= 16 * 1024);
    let deployment = r#"{"error":{"code":"DeploymentFailed","message":"At least one operation failed.","details":[{"code":"Conflict","message":"the true cause"}]}}"#;
    let read = failure(&answer(409, &[], deployment), Plane::Arm);
    assert_eq!(
        read.message,
        "At least one operation failed. (the true cause)"
    );
}

#[test]
fn errors_without_a_known_form_are_kept() {
    for (body, message) in [
        (&b""[..], "(no message)"),
        (b"upstream connect error", "upstream connect error"),
        (b"{\"code\":\"Cut", "{\"code\":\"Cut"),
        (
            b"<html><title>502</title><body>Bad <b>Gateway</b></body>",
            "a web page, not JSON: 502 Bad Gateway",
        ),
        (b"\xff\xfe", "\u{fffd}\u{fffd}"),
        (b"[1,2]", "[1,2]"),
        (b"{\"code\":7,\"message\":{\"a\":1}}", "{\"a\":1}"),
        (b"null", "null"),
    ] {
        let read = failure(&answer(502, &[], body), Plane::Arm);
        assert_eq!(read.message, message);
        assert_eq!(read.body, String::from_utf8_lossy(body));
    }
}

#[test]
fn a_wait_is_read_in_every_form() {
    let wait = |headers: &[(&str, &str)]| {
        answer(429, headers, "")
            .retry_after()
            .map(|w| w.as_millis())
    };
    assert_eq!(
        wait(&[("x-ms-retry-after-ms", "12.5"), ("Retry-After", "9")]),
        Some(12)
    );
    assert_eq!(wait(&[("retry-after-ms", "1500")]), Some(1500));
    assert_eq!(wait(&[("RETRY-AFTER", " 17 ")]), Some(17_000));
    for hostile in ["-1", "NaN", "", "soon", "-inf", "inf"] {
        assert_eq!(wait(&[("retry-after", hostile)]), None, "{hostile}");
    }
    for huge in ["1e400", "99999999999999999999"] {
        assert_eq!(wait(&[("retry-after", huge)]), Some(86_400_000), "{huge}");
    }
    let at = [
        ("Date", "Fri, 02 Jan 2026 03:04:05 GMT"),
        ("Retry-After", "Fri, 02 Jan 2026 03:04:35 GMT"),
    ];
    assert_eq!(wait(&at), Some(30_000));
    let past = [
        ("Date", "Fri, 02 Jan 2026 03:04:05 GMT"),
        ("Retry-After", "Fri, 02 Jan 2026 03:04:00 GMT"),
    ];
    assert_eq!(wait(&past), Some(0));
    assert_eq!(wait(&at[1..]), None);
}

// ---- Operations and lists of ARM

fn started(response: &Response) -> Started {
    (arm::databases::create(&arm_account(), &name("d"), None).read)(response).unwrap()
}

fn progress(started: &Started) -> Call<Progress> {
    started.progress(&management()).unwrap().unwrap()
}

#[test]
fn recorded_operations_are_followed() {
    let mut followed = 0;
    for file in common::names("fixtures/arm/recorded") {
        let recorded = json(&format!("fixtures/arm/recorded/{file}"));
        for exchange in recorded["exchanges"].as_array().unwrap() {
            let (request, response) = (
                &exchange["request"],
                common::recorded(&exchange["response"]),
            );
            let url = request["url"].as_str().unwrap();
            if let Some(link) = response.header("Azure-AsyncOperation") {
                let call = progress(&started(&response));
                assert_eq!(call.request.url.expose(), link, "{file}");
                let shown = call.request.url.shown();
                assert_eq!(
                    shown.contains("<signature>"),
                    link.contains("&s="),
                    "{file}: {shown}"
                );
                followed += 1;
            }
            if url.contains("/operationsStatus/") {
                let call = progress(&started(&answer(202, &[("azure-asyncoperation", url)], "")));
                let read = (call.read)(&response).unwrap();
                let done = exchange["response"]["body"]["status"] == "Succeeded";
                assert_eq!(matches!(read, Progress::Succeeded), done, "{file}");
                assert_eq!(matches!(read, Progress::Running(None)), !done, "{file}");
            }
        }
    }
    assert_eq!(followed, 11);
}

#[test]
fn an_account_is_followed_although_it_answers_200() {
    let recorded = json("fixtures/arm/recorded/account_create_2021-10-15.json");
    let first = common::recorded(&recorded["exchanges"][0]["response"]);
    assert_eq!(first.status, 200);
    let started = started(&first);
    assert!(started.is_unsettled());
    assert!(started.progress(&management()).unwrap().is_some());
}

#[test]
fn only_final_states_end_an_operation() {
    let link = "https://management.azure.com/op";
    let call = progress(&started(&answer(
        202,
        &[("Azure-AsyncOperation", link)],
        "",
    )));
    let read = |body: &str, headers: &[(&str, &str)]| (call.read)(&answer(200, headers, body));
    for state in ["Enqueued", "Dequeued", "InProgress", "Weird", ""] {
        let body = format!(r#"{{"status":"{state}"}}"#);
        let Progress::Running(wait) = read(&body, &[("Retry-After", "20")]).unwrap() else {
            panic!("{state} is not final");
        };
        assert_eq!(wait.unwrap().as_secs(), 20);
    }
    for state in ["Succeeded", "succeeded", "SUCCEEDED"] {
        let body = format!(r#"{{"status":"{state}"}}"#);
        assert!(matches!(read(&body, &[]).unwrap(), Progress::Succeeded));
    }
    let body = json("fixtures/arm/errors/lro_failed_capacity.json")["body"].to_string();
    let Progress::Failed(failed) = read(&body, &[]).unwrap() else {
        panic!("it failed");
    };
    assert_eq!(
        (failed.status, failed.code.as_str()),
        (200, "ServiceUnavailable")
    );
    let Progress::Failed(canceled) = read(r#"{"status":"Canceled"}"#, &[]).unwrap() else {
        panic!("it was canceled");
    };
    assert_eq!(canceled.code, "Canceled");
    for bad in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"status":7}"#,
        r#"{"status":"Succ"#,
    ] {
        assert!(matches!(read(bad, &[]), Err(Error::Answer(_))), "{bad}");
    }
}

#[test]
fn what_there_is_to_follow_is_decided_by_headers() {
    let link = [(
        "Location",
        "https://management.azure.com/x/operationResults/1",
    )];
    let by_location = progress(&started(&answer(202, &link, "")));
    assert!(matches!(
        (by_location.read)(&answer(202, &[], "")).unwrap(),
        Progress::Running(None)
    ));
    for done in [200, 201, 204] {
        assert!(matches!(
            (by_location.read)(&answer(done, &[], "")).unwrap(),
            Progress::Succeeded
        ));
    }
    let follows =
        |response: &Response| started(response).progress(&management()).unwrap().is_some();
    assert!(
        !follows(&answer(201, &link, "{}")),
        "201 names the resource"
    );
    assert!(!follows(&answer(204, &[], "")));
    let state = |state: &str| {
        let body = format!(r#"{{"properties":{{"provisioningState":"{state}"}}}}"#);
        started(&answer(200, &[], body)).is_unsettled()
    };
    assert!(state("Creating") && state("Updating") && !state("Succeeded") && !state("Failed"));
    assert!(
        started(&answer(202, &[], "")).is_unsettled(),
        "202 is never the end"
    );
    assert!(!started(&answer(204, &[], "")).is_unsettled());
}

/// Links that must not be given our token.
const FOREIGN: &[&str] = &[
    "https://management.azure.com.evil.example/x",
    "https://evil.example/management.azure.com",
    "https://evilmanagement.azure.com/x",
    "https://management.azure.com@evil.example/x",
    "https://user@management.azure.com/x",
    "https://user:word@management.azure.com/x",
    "http://management.azure.com/x",
    "http://eu.management.azure.com/x",
    "https://management.azure.com:8443/x",
    "https://eu.management.azure.com:8443/x",
    "https://management.azure.com\\@evil.example/x",
    "https://management.azure.com\t.evil.example/x",
    "https:management.azure.com/x",
    "https:///management.azure.com/x",
    "https:\\\\management.azure.com/x",
    " https://management.azure.com/x",
    "https://management.azure.com/a b",
    "https://management.azure.com/ü",
    "//management.azure.com/x",
    "/x",
    "",
    "ftp://management.azure.com/x",
    "javascript:alert(1)",
    "https://.management.azure.com/x",
    "https://management.azure.com./x",
];

const OURS: &[&str] = &[
    "https://management.azure.com/x?a=b%2fc&$skiptoken=1",
    "https://management.azure.com:443/x",
    "https://MANAGEMENT.azure.com/x",
    "https://centraluseuap.management.azure.com/x",
];

#[test]
fn a_foreign_link_gets_no_token() {
    for link in OURS {
        assert!(management().covers(link), "{link}");
    }
    for link in FOREIGN {
        assert!(!management().covers(link), "{link}");
        let response = answer(202, &[("azure-asyncoperation", link)], "");
        // White space around a header is no part of it.
        if !link.trim().is_empty() && link.trim() == *link {
            let refused = started(&response).progress(&management());
            assert!(matches!(refused, Err(Error::Answer(_))), "{link}");
        }
        let body = serde_json::json!({"value": [], "nextLink": link}).to_string();
        let page = (arm::databases::list(&arm_account()).read)(&answer(200, &[], body)).unwrap();
        if let Some(next) = page.next {
            assert!(
                arm::databases::list_next(&arm_account(), &next).is_err(),
                "{link}"
            );
            assert!(roles::list_next(&arm_account(), &next).is_err(), "{link}");
            assert!(
                arm::accounts::list_next(&management(), &next).is_err(),
                "{link}"
            );
            let definitions = roles::definitions_next(&arm_account(), &next);
            assert!(definitions.is_err(), "{link}");
            let place = arm::azure_roles::Place::parse(management(), arm_account().id()).unwrap();
            assert!(arm::azure_roles::next(&place, &next).is_err(), "{link}");
        }
    }
}

#[test]
fn lists_of_the_management_plane_are_read() {
    let recorded = json("fixtures/arm/recorded/sql_database_lifecycle_2021-10-15.json");
    let response = common::recorded(&recorded["exchanges"][4]["response"]);
    let page = (arm::databases::list(&arm_account()).read)(&response).unwrap();
    assert_eq!((page.items.len(), page.next.is_none()), (1, true));
    let first: Value = serde_json::from_str(page.items[0].get()).unwrap();
    assert_eq!(first["id"], "cli000002");
    let list = arm::accounts::list(&management(), &name("s"));
    let read = |body: &str| (list.read)(&answer(200, &[], body));
    let page =
        read(r#"{"nextLink":"https://management.azure.com/n","value":[{"n":1.10}, {}]}"#).unwrap();
    assert_eq!(page.items[0].get(), r#"{"n":1.10}"#);
    assert_eq!(
        page.next.unwrap().as_str(),
        "https://management.azure.com/n"
    );
    for last in [
        r#"{"value":[]}"#,
        r#"{"value":[],"nextLink":null}"#,
        r#"{"value":[],"nextLink":""}"#,
    ] {
        assert!(read(last).unwrap().next.is_none(), "{last}");
    }
    for bad in [
        "",
        "{}",
        "[]",
        "null",
        "7",
        "\"x\"",
        "<html></html>",
        r#"{"value":{}}"#,
        r#"{"value":null}"#,
        r#"{"value":7}"#,
        r#"{"value":"x"}"#,
        r#"{"value":[],"nextLink":7}"#,
        r#"{"value":[1,"#,
        r#"{"value":[]} x"#,
    ] {
        assert!(matches!(read(bad), Err(Error::Answer(_))), "{bad}");
    }
    assert!((list.read)(&answer(200, &[], &b"{\"value\":[\"\xff\"]}"[..])).is_err());
}

#[test]
fn a_resource_is_taken_out_of_its_envelope() {
    let recorded = json("fixtures/arm/recorded/sql_container_create_update_2021-10-15.json");
    let response = common::recorded(&recorded["exchanges"][2]["response"]);
    let show = arm::containers::show(&arm_account(), &name("d"), &name("c"));
    let resource: Value = serde_json::from_str((show.read)(&response).unwrap().get()).unwrap();
    assert_eq!(resource["id"], "cli000003");
    assert!(resource.get("properties").is_none());
    for bad in [
        r#"{"id":"x"}"#,
        r#"{"properties":[]}"#,
        r#"{"properties":{}}"#,
        "[]",
        "",
        "{",
    ] {
        assert!((show.read)(&answer(200, &[], bad)).is_err(), "{bad}");
    }
}

// ---- Accounts, throughput, roles

#[test]
fn keys_are_read_and_never_shown() {
    let keys = arm::accounts::keys(&arm_account());
    let body = r#"{"primaryMasterKey":"CANARY-1","secondaryMasterKey":"CANARY-2","primaryReadonlyMasterKey":"CANARY-3","secondaryReadonlyMasterKey":"CANARY-4","more":7}"#;
    let read = (keys.read)(&answer(200, &[], body)).unwrap();
    let kinds: Vec<&str> = read.iter().map(|(kind, _)| *kind).collect();
    let known = [
        "primary",
        "secondary",
        "primary-readonly",
        "secondary-readonly",
    ];
    assert_eq!(kinds, known);
    assert_eq!(read[2].1.expose(), "CANARY-3");
    assert!(!format!("{read:?}").contains("CANARY"));
    let reader = r#"{"primaryReadonlyMasterKey":"a"}"#;
    assert_eq!((keys.read)(&answer(200, &[], reader)).unwrap().len(), 1);
    for bad in [
        "",
        "{}",
        "[]",
        r#""CANARY""#,
        r#"{"primaryMasterKey":["CANARY"]}"#,
        r#"{"primaryMasterKey":"CANARY"#,
    ] {
        let error = (keys.read)(&answer(200, &[], bad)).unwrap_err();
        assert!(matches!(error, Error::Answer(_)), "{bad}");
        assert!(!error.to_string().contains("CANARY"), "{error}");
    }
}

#[test]
fn throughput_is_read_in_every_form() {
    use rawcosmos::message::Throughput;
    let owner = arm::throughput::Owner {
        database: name("d"),
        container: None,
    };
    let show = arm::throughput::show(&arm_account(), &owner);
    let recorded = json("fixtures/arm/recorded/throughput_autoscale_2021-06-15.json");
    let at = |exchange: usize| {
        let response = common::recorded(&recorded["exchanges"][exchange]["response"]);
        (show.read)(&response).unwrap()
    };
    let current = arm::throughput::current;
    assert_eq!(current(&at(0)).unwrap(), Throughput::Autoscale(4000));
    assert_eq!(current(&at(3)).unwrap(), Throughput::Autoscale(8000));
    assert!(at(0).get().contains(r#""minimumThroughput":"4000""#));
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    let manual = raw(r#"{"throughput":"400","offerReplacePending":"true"}"#);
    assert_eq!(current(&manual).unwrap(), Throughput::Manual(400));
    assert!(arm::throughput::is_pending(&manual));
    assert!(arm::throughput::is_pending(&raw(
        r#"{"offerReplacePending":true}"#
    )));
    for odd in [
        "{}",
        "[]",
        r#"{"throughput":-1}"#,
        r#"{"throughput":1e30}"#,
        "7",
    ] {
        assert!(current(&raw(odd)).is_err(), "{odd}");
        assert!(!arm::throughput::is_pending(&raw(odd)), "{odd}");
    }
    // What a change of mode came to is where `Location` says.
    let migrated = common::recorded(&recorded["exchanges"][4]["response"]);
    let outcome = started(&migrated).outcome(&management()).unwrap();
    let location = migrated.header("location").unwrap();
    assert_eq!(outcome.request.url.expose(), location);
    let result = common::recorded(&recorded["exchanges"][6]["response"]);
    let result = (outcome.read)(&result).unwrap();
    assert_eq!(current(&result).unwrap(), Throughput::Manual(8000));
    let elsewhere = answer(202, &[("location", "https://evil.example/x")], "");
    assert!(started(&elsewhere).outcome(&management()).is_none());
}

#[test]
fn a_container_is_put_back_as_it_was_but_for_the_change() {
    use rawcosmos::arm::containers::Changes;
    let file = "sql_container_create_update_2021-10-15.json";
    let now = common::recorded_resource(file, 2);
    let changes = Changes {
        ttl: Some(Some(2000)),
        indexing: None,
    };
    let mut made: Value = serde_json::from_str(&changes.applied(&now).unwrap()).unwrap();
    // Older than this property, the other client lost it.
    let geospatial = made.as_object_mut().unwrap().remove("geospatialConfig");
    assert_eq!(geospatial.unwrap()["type"], "Geography");
    let recorded = json(&format!("fixtures/arm/recorded/{file}"));
    let sent = &recorded["exchanges"][3]["request"]["body"]["properties"]["resource"];
    assert_eq!(&made, sent, "what another client sent for the same change");
    let raw = |text: &str| serde_json::value::RawValue::from_string(text.into()).unwrap();
    let odd =
        raw("{\"_x\":1,\"n\\u00e4w\":{\"b\":1.10, \"a\":1e400},\"id\":\"c\",\"defaultTtl\":5}");
    let off = Changes {
        ttl: Some(None),
        indexing: Some(raw("{ }")),
    };
    assert_eq!(
        off.applied(&odd).unwrap(),
        "{\"n\u{e4}w\":{\"b\":1.10, \"a\":1e400},\"id\":\"c\",\"indexingPolicy\":{ }}"
    );
    assert!(Changes::default().applied(&raw("[]")).is_err());
    // What belongs to the resource in ARM's envelope goes back too; what only reads does not.
    let whole = raw(
        r#"{"id":"/x","name":"c","type":"t","systemData":{},"tags":{"a": 1.10},"identity":{"type":"None"},"location":"West US","properties":{"resource":{"id":"c","_ts":1}}}"#,
    );
    assert_eq!(
        Changes::default().body(&whole).unwrap(),
        r#"{"location":"West US","tags":{"a": 1.10},"identity":{"type":"None"},"properties":{"resource":{"id":"c"},"options":{}}}"#
    );
    assert!(Changes::default().body(&raw("{}")).is_err());
}

#[test]
fn a_grant_is_known_by_what_it_says() {
    let id = arm_account().id().to_string();
    let item = |scope: &str| {
        let role = format!("{}/sqlRoleDefinitions/ABC", id.to_uppercase());
        let properties =
            serde_json::json!({"roleDefinitionId": role, "principalId": "P", "scope": scope});
        let item = serde_json::json!({"name": "n", "properties": properties});
        serde_json::value::RawValue::from_string(item.to_string()).unwrap()
    };
    let found = |item: &serde_json::value::RawValue, role: &str, who: &str, scope: &str| {
        roles::name_if_same(item, role, &name(who), scope).is_some()
    };
    let (whole, shop) = (id.clone(), format!("{id}/dbs/Shop"));
    assert!(found(&item(&whole), "abc", "p", &whole));
    assert!(found(
        &item(&format!("{}/", id.to_lowercase())),
        "abc",
        "p",
        &whole
    ));
    assert!(found(
        &item(&shop.replace("resourceGroups", "resourcegroups")),
        "abc",
        "p",
        &shop
    ));
    assert!(!found(&item(&shop), "abc", "p", &whole));
    assert!(
        !found(&item(&shop), "abc", "p", &format!("{id}/dbs/shop")),
        "names keep their case"
    );
    assert!(!found(&item(&whole), "abd", "p", &whole));
    assert!(!found(&item(&whole), "abc", "q", &whole));
    let recorded = json("fixtures/arm/recorded/sql_role_definition_and_assignment_2021-04-15.json");
    let answer = common::recorded(&recorded["exchanges"][5]["response"]);
    let kept = recorded["exchanges"][5]["response"]["body"].clone();
    let shown = (roles::show(&arm_account(), "x").unwrap().read)(&answer).unwrap();
    let text = |name: &str| kept["properties"][name].as_str().unwrap().to_string();
    let role = text("roleDefinitionId")
        .rsplit('/')
        .next()
        .unwrap()
        .to_string();
    assert!(found(&shown, &role, &text("principalId"), &text("scope")));
    for odd in ["{}", "[]", "7", r#"{"name":"n","properties":{"scope":7}}"#] {
        let odd = serde_json::value::RawValue::from_string(odd.into()).unwrap();
        assert!(!found(&odd, "abc", "p", &whole));
    }
}

#[test]
fn a_place_for_an_azure_role_is_an_id() {
    use rawcosmos::arm::azure_roles::Place;
    let place = |id: &str| Place::parse(management(), id);
    for good in [
        "/subscriptions/s",
        "/subscriptions/s/",
        "/SUBSCRIPTIONS/s/resourcegroups/r",
        "/subscriptions/s/resourceGroups/r/providers/Microsoft.DocumentDB/databaseAccounts/a",
    ] {
        assert_eq!(place(good).unwrap().id(), good.trim_end_matches('/'));
    }
    for bad in [
        "",
        "/",
        "s",
        "subscriptions/s",
        "/subscriptions",
        "/subscriptions/",
        "/dbs/d",
        "/subscriptions/s/resourceGroups",
        "/subscriptions/s/x/r",
        "/subscriptions/../resourceGroups/r",
        "/subscriptions/s?x/resourceGroups/r",
        "/subscriptions/s/resourceGroups/r/providers/P/T/a/sub/b",
        "/subscriptions//resourceGroups/r",
    ] {
        assert!(matches!(place(bad), Err(Error::Usage(_))), "{bad}");
    }
}

#[test]
fn the_state_of_an_account_is_read() {
    let recorded = json("fixtures/arm/recorded/account_create_2021-10-15.json");
    let read = |exchange: usize| {
        let response = common::recorded(&recorded["exchanges"][exchange]["response"]);
        (arm::accounts::show(&arm_account()).read)(&response).unwrap()
    };
    assert!(Started::found(&read(0)).is_unsettled());
    assert!(!Started::found(&read(6)).is_unsettled());
    let state = arm::operation::state(&read(6));
    assert_eq!(state.as_deref(), Some("Succeeded"));
    let group =
        (arm::groups::show(&common::group()).read)(&answer(200, &[], r#"{"location":"westus"}"#));
    assert_eq!(arm::groups::location(&group.unwrap()).unwrap(), "westus");
    for odd in ["{}", "[]"] {
        let read = (arm::groups::show(&common::group()).read)(&answer(200, &[], odd));
        assert!(read.is_err(), "{odd}");
    }
    for odd in [r#"{"location":""}"#, r#"{"location":7}"#] {
        let group = (arm::groups::show(&common::group()).read)(&answer(200, &[], odd)).unwrap();
        assert!(arm::groups::location(&group).is_err(), "{odd}");
    }
}

// ---- The data plane

#[test]
fn feeds_and_their_continuations_are_read() {
    let list = items::list(&container(), &Paging::default());
    let read = |headers: &[(&str, &str)], body: &str| (list.read)(&answer(200, headers, body));
    let body = r#"{"_rid":"x","Documents":[{"id":"a","n":9007199254740993},{"z":1,"a":1.50e2}],"_count":2}"#;
    let page = read(&[("X-MS-Continuation", r#"[{"token":"+RID:~x"}]"#)], body).unwrap();
    assert_eq!(page.items[0].get(), r#"{"id":"a","n":9007199254740993}"#);
    assert_eq!(page.items[1].get(), r#"{"z":1,"a":1.50e2}"#);
    assert_eq!(page.next.unwrap().as_str(), r#"[{"token":"+RID:~x"}]"#);
    let empty = read(&[("x-ms-continuation", "t")], r#"{"Documents":[]}"#).unwrap();
    assert!(empty.items.is_empty() && empty.next.is_some());
    assert!(
        read(&[("x-ms-continuation", "")], r#"{"Documents":[]}"#)
            .unwrap()
            .next
            .is_none()
    );
    assert!(read(&[("x-ms-continuation", "t\u{fc}")], r#"{"Documents":[]}"#).is_err());
    for bad in [
        "",
        "{}",
        r#"{"Documents":7}"#,
        r#"{"Documents":null}"#,
        r#"{"documents":[]}"#,
        r#"{"Documents":[{"a":1}"#,
    ] {
        assert!(matches!(read(&[], bad), Err(Error::Answer(_))), "{bad}");
    }
    let databases = cosmos::databases::list(&common::account(), &Paging::default());
    assert!((databases.read)(&answer(200, &[], r#"{"Databases":[{}]}"#)).is_ok());
    assert!((databases.read)(&answer(200, &[], r#"{"Documents":[{}]}"#)).is_err());
}

#[test]
fn an_item_comes_out_as_it_was_stored() {
    let key = PartitionKey::from_text("a");
    let read = items::read(&container(), &name("a"), &key, &Options::default());
    let stored =
        r#"{"id":"a","n":18446744073709551615,"f":1.2345678901234568e+029,"z":{"b":1,"a":2}}"#;
    let item = (read.read)(&answer(200, &[], stored)).unwrap().unwrap();
    assert_eq!(item.get(), stored);
    assert!((read.read)(&answer(304, &[], "")).unwrap().is_none());
    for bad in ["", "[]", "7", "{\"a\":", "\u{feff}{}", "<html>"] {
        assert!(
            matches!((read.read)(&answer(200, &[], bad)), Err(Error::Answer(_))),
            "{bad}"
        );
    }
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let _ = (read.read)(&answer(200, &[], deep));
}

#[test]
fn a_message_about_a_bad_answer_does_not_hold_its_secrets() {
    let cut = r#"{"access_token":"CANARYCANARYCANARYCANARYCANARY"#;
    let error = (imds::token(&metadata(), "x", &Selector::Default).read)(&answer(200, &[], cut));
    let text = error.unwrap_err().to_string();
    assert!(!text.contains("CANARY"), "{text}");
    assert!(text.contains("cut off"), "{text}");
    let page = arm::accounts::show(&arm_account());
    let text = (page.read)(&answer(200, &[], "<html>login</html>"))
        .unwrap_err()
        .to_string();
    assert!(text.contains("<html>login"), "{text}");
}

#[test]
fn hostile_token_answers_are_refused_or_read() {
    let read = |body: &str| identity::read_token(&answer(200, &[], body));
    for bad in [
        "",
        "[]",
        "null",
        "{}",
        "<html>",
        r#"{"access_token":7,"expires_in":1}"#,
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b","expires_in":1}"#,
        r#"{"access_token":"a\nb","expires_in":1}"#,
        r#"{"access_token":"a"}"#,
        r#"{"access_token":"a","expires_in":-5}"#,
        r#"{"access_token":"a","expires_in":{},"expires_on":[]}"#,
        r#"{"access_token":"a","expires_on":"yesterday"}"#,
        r#"{"access_token":"a","expires_in":1e300}"#,
    ] {
        assert!(matches!(read(bad), Err(Error::Answer(_))), "{bad}");
    }
    // Milliseconds are no epoch seconds; the other member still tells.
    let token =
        read(r#"{"access_token":"a","expires_on":99999999999999,"expires_in":60}"#).unwrap();
    assert_eq!(
        token.expires,
        Expiry::In(std::time::Duration::from_secs(60))
    );
    let absolute = read(r#"{"access_token":"a","expires_in":"1760086700"}"#).unwrap();
    assert_eq!(
        absolute.expires,
        Expiry::At(OffsetDateTime::from_unix_timestamp(1_760_086_700).unwrap())
    );
}

#[test]
fn a_write_need_not_return_its_item() {
    let key = PartitionKey::from_text("a");
    let item = serde_json::value::RawValue::from_string("{}".into()).unwrap();
    let create = |minimal| {
        let options = Options {
            minimal,
            ..Options::default()
        };
        items::create(&container(), &key, &item, &options).read
    };
    let (whole, nothing) = (answer(201, &[], r#"{"n":1.10}"#), answer(201, &[], ""));
    assert_eq!(
        create(false)(&whole).unwrap().unwrap().get(),
        r#"{"n":1.10}"#
    );
    assert_eq!(
        create(true)(&whole).unwrap().unwrap().get(),
        r#"{"n":1.10}"#
    );
    assert!(create(true)(&nothing).unwrap().is_none());
    // Where the item was asked for, its absence is a fault.
    assert!(create(false)(&nothing).is_err());
}

#[test]
fn every_published_batch_is_read() {
    let samples = json("fixtures/data-plane/batch_samples.json");
    let (mut batch, key) = (batch::Batch::default(), PartitionKey::from_text("p"));
    batch.push(batch::Operation::read("1")).unwrap();
    let read = batch::atomic(&container(), &key, &batch, false).read;
    for (sample, guilty) in [
        ("transactional_success", None),
        ("transactional_failure", Some((1, 409, None, None))),
        (
            "transactional_throttled",
            Some((1, 429, Some(3200), Some(Duration::from_millis(187)))),
        ),
        (
            "bulk_mixed",
            Some((1, 429, Some(3200), Some(Duration::from_micros(40_500)))),
        ),
    ] {
        let sample = &samples[sample];
        let status = u16::try_from(sample["status"].as_u64().unwrap()).unwrap();
        let outcomes = read(&answer(status, &[], sample["body"].to_string())).unwrap();
        for (outcome, row) in outcomes.iter().zip(sample["body"].as_array().unwrap()) {
            assert_eq!(
                u64::from(outcome.status),
                row["statusCode"].as_u64().unwrap()
            );
            assert_eq!(outcome.charge, row["requestCharge"].as_f64());
            assert_eq!(outcome.etag.as_deref(), row["eTag"].as_str());
            assert_eq!(
                outcome.substatus.map(u64::from),
                row["subStatusCode"].as_u64()
            );
            let item = outcome.item.as_ref().map(|item| item.get().to_string());
            let body = row.get("resourceBody").map(Value::to_string);
            assert_eq!(item, body);
        }
        let found = batch::guilty(&outcomes).map(|at| {
            let one = &outcomes[at];
            (at, one.status, one.substatus, one.retry_after)
        });
        assert_eq!(found, guilty);
    }
    // Emulators write other capitals; a member may be null.
    let odd = r#"[{"statuscode":200,"substatusCode":null,"ETag":"e","ResourceBody":{"n":1.10}},{"statusCode":304}]"#;
    let odd = read(&answer(207, &[], odd)).unwrap();
    assert_eq!(odd[0].item.as_ref().unwrap().get(), r#"{"n":1.10}"#);
    assert_eq!(
        (odd[0].substatus, odd[0].etag.as_deref()),
        (None, Some("e"))
    );
    assert_eq!(batch::guilty(&odd), None);
    for bad in [
        "",
        "{}",
        "[7]",
        "[{}]",
        r#"[{"statusCode":"x"}]"#,
        r#"[{"statusCode":99}]"#,
        r#"[{"statusCode":70000}]"#,
        r#"[{"statusCode":200}"#,
        r#"{"code":"BadRequest"}"#,
    ] {
        let wrong = read(&answer(200, &[], bad));
        assert!(matches!(wrong, Err(Error::Answer(_))), "{bad}");
    }
    let wild = r#"[{"statusCode":429,"retryAfterMilliseconds":1e300,"requestCharge":-1,"subStatusCode":1e9}]"#;
    let wild = read(&answer(207, &[], wild)).unwrap();
    assert_eq!((wild[0].charge, wild[0].substatus), (None, None));
    assert_eq!(samples["too_many_operations"]["status"], 400);
}

#[test]
fn a_batch_has_room_for_a_hundred_and_two_megabytes() {
    let mut batch = batch::Batch::default();
    for _ in 0..100 {
        batch.push(batch::Operation::delete("1")).unwrap();
    }
    let one_more = batch.push(batch::Operation::delete("1"));
    assert!(matches!(one_more, Err(Error::Usage(_))));
    let large = format!(r#"{{"id":"1","s":"{}"}}"#, "x".repeat(1_050_000));
    let large = serde_json::value::RawValue::from_string(large).unwrap();
    let mut batch = batch::Batch::default();
    batch.push(batch::Operation::create(&large)).unwrap();
    assert!(!batch.has_room_for(&batch::Operation::create(&large)));
    let sent = batch::bulk(&container(), "0", &batch, true).request.body;
    assert!(sent.unwrap().expose().len() <= batch.bytes() + 2);
    for (text, said) in [
        ("7", "object"),
        (r#"{"operationType":"Merge"}"#, "Create, Upsert"),
        (r#"{"operationType":"Read"}"#, "needs an id"),
        (r#"{"operationType":"Read","id":7}"#, "not a text"),
        (
            r#"{"operationType":"Read","id":"1","resourceBody":{}}"#,
            "takes no",
        ),
        (
            r#"{"operationType":"Create","id":"1"}"#,
            "needs a resourceBody",
        ),
        (
            r#"{"operationType":"Create","resourceBody":7}"#,
            "needs a resourceBody",
        ),
        (
            r#"{"operationType":"Read","id":"1","ifmatch":"x"}"#,
            "\"ifmatch\"",
        ),
    ] {
        let raw = serde_json::value::RawValue::from_string(text.into()).unwrap();
        let error = batch::Operation::from_json(&raw).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn changes_are_read_with_where_they_go_on() {
    let of = changes::Of::Range("0".into());
    let page = changes::page(
        &container(),
        &of,
        &changes::Start::Beginning,
        &Paging::default(),
    );
    let read =
        |status, headers: &[(&str, &str)], body: &str| (page.read)(&answer(status, headers, body));
    let etag = [("ETag", "\"57\"")];
    let some = read(
        200,
        &etag,
        r#"{"_rid":"r=","Documents":[{"n":1.10,"_lsn":5}],"_count":1}"#,
    )
    .unwrap();
    assert_eq!(some.items[0].get(), r#"{"n":1.10,"_lsn":5}"#);
    assert_eq!(
        (some.next.as_deref(), some.rid.as_deref(), some.caught_up),
        (Some("\"57\""), Some("r="), false)
    );
    let none = read(304, &etag, "").unwrap();
    assert_eq!(
        (none.items.len(), none.next.as_deref(), none.caught_up),
        (0, Some("\"57\""), true)
    );
    // Without a place to go on the same page would come for ever.
    assert!(read(200, &[], r#"{"Documents":[]}"#).is_err());
    for bad in ["", "{}", "[]", r#"{"Documents":7}"#] {
        assert!(read(200, &etag, bad).is_err(), "{bad}");
    }
}

#[test]
fn sizes_are_read_from_headers() {
    let samples = &json("fixtures/data-plane/query_wire_samples.json")["quota_headers"];
    let text = |name: &str| samples[name].as_str().unwrap();
    let progress = "x-ms-documentdb-collection-index-transformation-progress";
    let headers = [
        ("x-ms-resource-usage", text("x-ms-resource-usage")),
        ("x-ms-resource-quota", text("x-ms-resource-quota")),
        (progress, "100"),
    ];
    let read = cosmos::containers::quota(&container()).read;
    let sizes = read(&answer(200, &headers, "{}")).unwrap();
    assert_eq!(
        sizes.get(),
        concat!(
            r#"{"indexTransformationProgress":100,"#,
            r#""quota":{"collectionSize":10485760,"documentSize":10240,"documentsCount":-1,"documentsSize":10485760},"#,
            r#""usage":{"collectionSize":1408,"documentSize":1,"documentsCount":2000,"documentsSize":884}}"#
        )
    );
    let none = read(&answer(200, &[("x-ms-resource-usage", "a=b;c;=;")], "{}")).unwrap();
    assert_eq!(
        none.get(),
        r#"{"indexTransformationProgress":null,"quota":{},"usage":{"":"","a":"b"}}"#
    );
    // The sample of query metrics has the same form: names and numbers.
    let metrics = &json("fixtures/data-plane/query_wire_samples.json")["query_metrics_header"];
    let headers = [("x-ms-resource-usage", metrics["value"].as_str().unwrap())];
    let metrics = read(&answer(200, &headers, "{}")).unwrap();
    assert!(
        metrics.get().contains(r#""retrievedDocumentCount":2000"#),
        "{metrics}"
    );
}

#[test]
fn what_a_procedure_returns_is_untouched() {
    let arguments = serde_json::value::RawValue::from_string("[]".into()).unwrap();
    let key = PartitionKey::from_text("a");
    let read = cosmos::procedures::execute(&container(), &name("p"), &key, &arguments, true).read;
    let log = [("x-ms-documentdb-script-log-results", "one%0Atwo%20%C3%BC%")];
    let done = read(&answer(200, &log, r#"[1.10, "x"]"#)).unwrap();
    assert_eq!(
        (done.result.get(), done.log.as_deref()),
        (r#"[1.10, "x"]"#, Some("one\ntwo ü%"))
    );
    let silent = read(&answer(200, &[], "")).unwrap();
    assert_eq!((silent.result.get(), silent.log), ("null", None));
    assert!(read(&answer(200, &[], "<html>")).is_err());
}

#[test]
fn an_item_by_its_own_link_is_one_of_rids() {
    let link = |text: &str| cosmos::Link::of_self(text);
    let good = link("dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/3JMBAIm-Q3MBAAAAAAAAAA==/").unwrap();
    assert_eq!(good.text(), "3jmbaim-q3mbaaaaaaaaaa==");
    for bad in [
        "",
        "dbs/3JMBAA==",
        "dbs/3JMBAA==/colls/3JMBAIm-Q3M=",
        "dbs/shop/colls/orders/docs/1",
        "dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/..",
        "dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/3JMBAIm-Q3M?AAAAAAAAAA==",
        "dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/3JMBAIm-Q3MBAAAAAAAAAA==/x",
    ] {
        assert!(link(bad).is_err(), "{bad}");
    }
}

// ---- Names and signatures

#[test]
fn names_are_encoded_once_or_refused() {
    let vectors = json("fixtures/data-plane/url_escape_vectors.json");
    for row in vectors["rows"].as_array().unwrap() {
        let (id, segment) = (
            row["id"].as_str().unwrap(),
            row["segment"].as_str().unwrap(),
        );
        assert_eq!(percent_encode(id), segment, "{id}");
        let illegal = row["documented_illegal"] == true || row["sdk_illegal"] == true;
        match Name::new(id) {
            Ok(name) => assert_eq!((name.segment().as_str(), illegal), (segment, false), "{id}"),
            Err(_) => assert!(illegal, "{id}"),
        }
    }
    for bad in [
        "",
        ".",
        "..",
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "a ",
        &"x".repeat(1024),
    ] {
        assert!(Name::new(bad).is_err(), "{bad:?}");
    }
    for good in ["...", ".a", "a.", " a", "%2E%2E", "%2e", &"x".repeat(1023)] {
        assert!(Name::new(good).is_ok(), "{good:?}");
    }
    let both = &vectors["sign_vs_send"];
    let place = common::account()
        .database(&name("db"))
        .container(&name("c"));
    // The vector's own id holds a slash, so it has no address by name; its link names what can be sent and signed.
    assert!(Name::new(both["id"].as_str().unwrap()).is_err());
    let signed = both["link_signed"].as_str().unwrap();
    let id = name(signed.rsplit('/').next().unwrap());
    assert_eq!(
        place.link().child("docs", &id).path(),
        both["url"].as_str().unwrap()
    );
    assert_eq!(
        place.link().child("docs", &id).text(),
        both["link_signed"].as_str().unwrap()
    );
}

fn check_signature(key: &MasterKey, row: &Value) {
    let text = |member: &str| {
        row[member]
            .as_str()
            .unwrap_or_else(|| panic!("{member} of {row}"))
    };
    let (method, kind) = (text("verb"), text("resource_type"));
    let (link, date) = (text("resource_link_signed"), text("x_ms_date"));
    let to_sign = master_key::text_to_sign(method, kind, link, date);
    assert_eq!(to_sign, text("string_to_sign"));
    let signature = key.signature(&to_sign);
    assert_eq!(signature, text("signature_base64"));
    let lower_hex = |header: &str| {
        let parts = header.split('%');
        let parts = parts
            .enumerate()
            .map(|(at, part)| match part.split_at_checked(2) {
                Some((hex, rest)) if at > 0 => format!("%{}{rest}", hex.to_lowercase()),
                _ => part.to_string(),
            });
        parts.collect::<String>()
    };
    let header = master_key::header(&signature);
    assert_eq!(
        lower_hex(header.expose()),
        text("authorization_header_lower_hex")
    );
    assert_eq!(header, key.authorization(method, kind, link, date));
}

#[test]
fn every_published_signature_is_ours() {
    let vectors = json("fixtures/data-plane/master_key_vectors.json");
    let published = &vectors["published_doc_sample"];
    check_signature(
        &MasterKey::new(published["key"].as_str().unwrap()).unwrap(),
        published,
    );
    let baseline = &vectors["dotnet_baseline"];
    let key = MasterKey::new(baseline["key_base64"].as_str().unwrap()).unwrap();
    let cases = baseline["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 45);
    for case in cases {
        check_signature(&key, case);
    }
}

// ---- Whatever comes

/// Every reader there is, fed with one answer; what it makes of it does not matter here.
fn read_with_everything(response: &Response) {
    let place = container();
    let endpoint = management();
    let _ = identity::read_token(response).map(|token| token.expires.moment(NOW));
    let _ = (instance::compute(&metadata()).read)(response);
    let _ = refusal::of(&identity_failure(response)).sentence();
    let _ = failure(response, Plane::Data).to_string();
    let _ = (arm::databases::list(&arm_account()).read)(response);
    let _ = (arm::containers::show(&arm_account(), &name("d"), &name("c")).read)(response);
    let _ = (arm::accounts::keys(&arm_account()).read)(response);
    if let Ok(resource) = (arm::accounts::show(&arm_account()).read)(response) {
        let _ = arm::groups::location(&resource);
        let _ = arm::throughput::current(&resource);
        let _ = arm::containers::Changes::default().applied(&resource);
        let _ = roles::name_if_same(&resource, "a", &name("a"), "a");
    }
    let _ = (items::list(&place, &Paging::default()).read)(response);
    let _ = (cosmos::account::read(&common::account()).read)(response);
    let of = changes::Of::Range("0".into());
    let feed = changes::page(&place, &of, &changes::Start::Now, &Paging::default());
    let _ = (feed.read)(response).map(|page| page.items.len());
    let (one, none) = (PartitionKey::none(), batch::Batch::default());
    let outcomes = (batch::atomic(&place, &one, &none, true).read)(response);
    let _ = outcomes.map(|outcomes| batch::guilty(&outcomes));
    let _ = (cosmos::containers::quota(&place).read)(response);
    let body = String::from_utf8_lossy(&response.body);
    let _ = changes::State::from_json(&body).map(|state| state.to_json());
    let _ = cosmos::session::Token::parse(&body).map(|token| token.to_string());
    let _ = cosmos::patch::Patch::from_json(&body).map(|patch| patch.body());
    if let Ok(Some(call)) = started(response).progress(&endpoint) {
        let _ = (call.read)(response).map(|progress| format!("{progress:?}"));
    }
    let link = [("azure-asyncoperation", "https://management.azure.com/op")];
    let _ = (progress(&started(&answer(202, &link, ""))).read)(response);
    let mask = rawcosmos::show::Mask::default();
    let _ = rawcosmos::show::response(response, &mask);
}

#[test]
fn no_answer_stops_the_program() {
    let mut bodies = Vec::new();
    for folder in [
        "fixtures/identity/answers",
        "fixtures/arm/errors",
        "fixtures/arm/recorded",
    ] {
        for file in common::names(folder) {
            bodies.push(fixture(&format!("{folder}/{file}")).into_bytes());
        }
    }
    // A small generator of fixed seed: the same damage on every machine.
    let mut state = 7_u64;
    let mut random = move |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below.max(1)
    };
    for body in bodies {
        for _ in 0..25 {
            let mut damaged = body.clone();
            damaged.truncate(random(damaged.len() + 1));
            for _ in 0..random(4) {
                let (at, byte) = (
                    random(damaged.len()),
                    [b'"', b'{', b'\\', 0, 0xff, b'9'][random(6)],
                );
                if let Some(place) = damaged.get_mut(at) {
                    *place = byte;
                }
            }
            let text = String::from_utf8_lossy(&damaged).replace(['\r', '\n'], " ");
            let headers = [
                ("azure-asyncoperation", text.as_str()),
                ("retry-after", &text),
                ("x-ms-continuation", &text),
            ];
            read_with_everything(&answer(200, &headers, damaged.as_slice()));
            read_with_everything(&answer(404, &[], damaged));
        }
    }
}
