//! Replicas that lag, and a second region.

use super::super::handle_second;
use super::*;

fn two_regions() -> Bench {
    let mut bench = filled(1, 1);
    bench.world.regions.second = Some("http://127.0.0.1:2".into());
    bench
}

fn second(bench: &mut Bench, method: &str, target: &str, body: &str) -> Response {
    let date = date::format(bench.now);
    let headers = [
        ("x-ms-date", date.as_str()),
        ("authorization", &sign(method, target, &date)),
        pk(r#"["k0"]"#),
    ];
    let request = Request {
        method: method.into(),
        target: target.into(),
        headers: headers
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
        body: body.into(),
    };
    let now = OffsetDateTime::from_unix_timestamp(bench.now).unwrap();
    handle_second(&mut bench.world, &request, now)
}

#[test]
fn a_replica_that_lags_is_known_by_the_session() {
    let mut bench = filled(1, 2);
    let key = pk(r#"["k1"]"#);
    let path = format!("{DOCS}/1");
    let put = bench.send("PUT", &path, &[key], r#"{"id":"1","pk":"k1","n":"new"}"#);
    let token = header(&put, "x-ms-session-token").unwrap().to_owned();
    let session = ("x-ms-session-token", token.as_str());
    type Ask = fn(&mut Bench, &[(&str, &str)]) -> Response;
    let asks: [Ask; 3] = [
        |bench, headers| bench.send("GET", &format!("{DOCS}/1"), headers, ""),
        |bench, headers| bench.query(headers, "SELECT * FROM c WHERE c.id = '1'"),
        |bench, headers| bench.send("GET", DOCS, headers, ""),
    ];
    for ask in asks {
        bench.world.trouble.lag = true;
        assert_eq!(outcome(&ask(&mut bench, &[key, session])), (404, 1002));
        bench.world.trouble.lag = true;
        let old = ask(&mut bench, &[key]);
        assert!(text(&old).contains("\"n\":1,"), "{}", text(&old));
        let new = ask(&mut bench, &[key, session]);
        assert!(text(&new).contains("\"n\":\"new\""), "{}", text(&new));
    }
    bench.send("DELETE", &path, &[key], "");
    bench.world.trouble.lag = true;
    assert_eq!(bench.send("GET", &path, &[key], "").status, 200);
    assert_eq!(bench.send("GET", &path, &[key], "").status, 404);
}

#[test]
fn tokens_have_the_forms_of_one_region_and_of_two() {
    let mut bench = filled(1, 1);
    let path = format!("{DOCS}/0");
    let key = pk(r#"["k0"]"#);
    let token = |bench: &mut Bench| {
        let read = bench.send("GET", &format!("{DOCS}/0"), &[pk(r#"["k0"]"#)], "");
        header(&read, "x-ms-session-token").unwrap().to_owned()
    };
    assert_eq!(token(&mut bench), "0:-1#2");
    bench.world.regions.second = Some("http://127.0.0.1:2".into());
    assert_eq!(token(&mut bench), "0:1#2#1=-1#2=-1");
    bench.world.regions.fail_over();
    assert_eq!(token(&mut bench), "0:2#2#1=-1#2=-1");
    for (sent, wanted) in [
        ("0:2#2#1=-1#2=-1", (200, 0)),
        ("0:2#3#1=-1#2=-1", (404, 1002)),
        ("0:2", (200, 0)),
        ("7:1#9,0:1#1", (200, 0)),
        ("7:1#9,0:1#9", (404, 1002)),
        ("0:", (400, 0)),
        ("x:1#2", (400, 0)),
    ] {
        let read = bench.send("GET", &path, &[key, ("x-ms-session-token", sent)], "");
        assert_eq!(outcome(&read), wanted, "{sent}");
    }
}

#[test]
fn one_region_takes_the_writes() {
    let mut bench = two_regions();
    let account = body(&bench.send("GET", "/", &[], ""));
    let origins = |list: &Value| -> Vec<String> {
        let all = list.as_array().unwrap().iter();
        all.map(|one| one["databaseAccountEndpoint"].as_str().unwrap().to_owned())
            .collect()
    };
    let (one, two) = ("http://127.0.0.1:1/", "http://127.0.0.1:2/");
    assert_eq!(origins(&account["readableLocations"]), [one, two]);
    assert_eq!(origins(&account["writableLocations"]), [one]);
    let item = format!("{DOCS}/0");
    let text = r#"{"id":"0","pk":"k0"}"#;
    assert_eq!(second(&mut bench, "GET", &item, "").status, 200);
    assert_eq!(outcome(&second(&mut bench, "PUT", &item, text)), (403, 3));
    assert_eq!(outcome(&second(&mut bench, "POST", "/dbs", "{}")), (403, 3));
    bench.world.regions.fail_over();
    let account = body(&second(&mut bench, "GET", "/", ""));
    assert_eq!(account["id"], "acct-sandbox2");
    assert_eq!(origins(&account["readableLocations"]), [two, one]);
    assert_eq!(origins(&account["writableLocations"]), [two]);
    assert_eq!(second(&mut bench, "PUT", &item, text).status, 200);
    let first = bench.send("PUT", &item, &[pk(r#"["k0"]"#)], text);
    assert_eq!(outcome(&first), (403, 3));
    assert_eq!(bench.send("GET", &item, &[pk(r#"["k0"]"#)], "").status, 200);
    let query = bench.query(&[CROSS], "SELECT * FROM c");
    assert_eq!(query.status, 200);
}

#[test]
fn a_region_can_leave() {
    let mut bench = two_regions();
    bench.world.regions.gone = true;
    let item = format!("{DOCS}/0");
    assert_eq!(outcome(&second(&mut bench, "GET", &item, "")), (403, 1008));
    assert_eq!(outcome(&second(&mut bench, "GET", "/", "")), (403, 1008));
    let account = body(&bench.send("GET", "/", &[], ""));
    assert_eq!(account["readableLocations"].as_array().unwrap().len(), 1);
    assert_eq!(bench.send("GET", &item, &[pk(r#"["k0"]"#)], "").status, 200);
    bench.world.regions.second = None;
    assert_eq!(bench.send("GET", &item, &[pk(r#"["k0"]"#)], "").status, 200);
}
