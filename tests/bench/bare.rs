//! What every row is measured against, each as a process of its own: the same exchanges by the same HTTP client, with
//! headers and bodies that are ready before the first is sent.

use std::process::Command;

use rawcosmos::authorize::http_date;
use ureq::config::AutoHeaderValue;

use crate::{load, order, reads, start};

/// This very program, in a role.
pub fn role(name: &str, words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env_clear().args(["--role", name]).args(words);
    command
}

pub fn play(role: &str, words: &[String]) {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (role, words.as_slice()) {
        ("nothing", []) => println!("nothing"),
        ("cold read", [imds, cosmos]) => start::bare(imds, cosmos),
        ("reads", [imds, cosmos, count]) => reads::bare(imds, cosmos, count.parse().unwrap()),
        ("reads by the library", [imds, cosmos, count]) => {
            reads::ours(imds, cosmos, count.parse().unwrap());
        }
        ("pages", [cosmos]) => order::bare(cosmos),
        ("import", [imds, cosmos, batches]) => load::import(imds, cosmos, batches),
        ("export", [imds, cosmos, _]) => load::export(imds, cosmos),
        other => panic!("{other:?}"),
    }
}

pub type Headers = Vec<(&'static str, String)>;

/// ureq, told to send nothing of its own and to follow nothing.
pub fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .accept(AutoHeaderValue::None)
        .accept_encoding(AutoHeaderValue::None)
        .user_agent(AutoHeaderValue::None)
        .build()
        .into()
}

/// The body of what is there.
pub fn get(agent: &ureq::Agent, url: &str, headers: &Headers) -> Vec<u8> {
    page(agent, url, headers).0
}

/// The same, and where it goes on.
pub fn page(
    agent: &ureq::Agent,
    url: &str,
    headers: &[(&'static str, String)],
) -> (Vec<u8>, Option<String>) {
    let mut request = agent.get(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut answer = request.call().unwrap();
    assert_eq!(answer.status(), 200, "{url}");
    let next = answer.headers().get("x-ms-continuation");
    let next = next.map(|next| next.to_str().unwrap().to_string());
    let body = answer
        .body_mut()
        .with_config()
        .limit(1 << 30)
        .read_to_vec()
        .unwrap();
    (body, next)
}

/// The body of the answer.
pub fn post(agent: &ureq::Agent, url: &str, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut request = agent.post(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let mut answer = request.send(body).unwrap();
    assert!(answer.status().is_success(), "{url}: {answer:?}");
    answer
        .body_mut()
        .with_config()
        .limit(1 << 30)
        .read_to_vec()
        .unwrap()
}

/// The headers that every request to the data plane has, with a token of the metadata service.
pub fn headers(agent: &ureq::Agent, imds: &str) -> Headers {
    let url = format!(
        "{imds}/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fcosmos.azure.com"
    );
    let answer = get(agent, &url, &vec![("metadata", "true".to_string())]);
    let text = String::from_utf8(answer).unwrap();
    let (_, rest) = text.split_once("\"access_token\":\"").unwrap();
    let token = rest.split('"').next().unwrap();
    let signed = format!("type%3Daad%26ver%3D1.0%26sig%3D{token}");
    with(signed)
}

/// The same with any proof of who asks.
pub fn with(authorization: String) -> Headers {
    let date = http_date(time::OffsetDateTime::now_utc());
    vec![
        ("user-agent", rawcosmos::message::USER_AGENT.to_string()),
        ("accept", "application/json".to_string()),
        ("x-ms-version", rawcosmos::cosmos::VERSION.to_string()),
        ("x-ms-date", date),
        ("authorization", authorization),
    ]
}
