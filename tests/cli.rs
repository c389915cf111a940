//! Words in; standard output, standard error and exit code out.
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use rawcosmos::cli::commands::COMMANDS;
use rawcosmos::sandbox::world::Item;
use serde_json::{Value, json};
use support::lines::{CONVERSATIONS, toward};
use support::service::{Service, reply};
use support::wire::Wire;
use support::{BINARY, Place, Run, Scratch, nobody};

// ---- Words

#[test]
fn help_is_an_answer() {
    for command in COMMANDS {
        let asked = [
            format!("help {}", command.words),
            format!("{} --help", command.words),
            format!("-h {}", command.words),
        ];
        let texts = asked.map(|line| Run::line(&line).go().ok());
        for text in &texts {
            assert_eq!((&text.out, text.err.as_str()), (&texts[0].out, ""));
            assert!(
                text.out.contains(&format!("rawcosmos {}", command.words)),
                "{text:#?}"
            );
        }
    }
    let whole = Run::line("").go().ok();
    assert_eq!(whole.out, Run::line("--help").go().ok().out);
    for topic in ["options", "environment", "exit-codes", "roles", "output"] {
        assert!(
            whole.out.contains(&format!("rawcosmos help {topic}")),
            "{topic}"
        );
        assert!(Run::line(&format!("help {topic}")).go().ok().out.len() > 200);
    }
    Run::line("help nonsense").go().ends(2).prints("");
    for line in ["--version", "-V", "item read --version"] {
        let version = Run::line(line).go().ok().says("");
        assert!(
            version
                .out
                .starts_with(concat!("rawcosmos ", env!("CARGO_PKG_VERSION")))
        );
    }
}

#[test]
fn what_a_refusal_means_is_told_without_one() {
    let list = Run::line("explain").go().ok();
    for topic in rawcosmos::cli::explain::topics::all() {
        assert!(
            list.out.contains(&format!("\n  {} ", topic.name)),
            "{list:#?}"
        );
        let told = Run::line(&format!("explain {}", topic.name)).go().ok();
        let help = Run::line(&format!("help {}", topic.name)).go().ok();
        assert_eq!((&told.out, told.err.as_str()), (&help.out, ""));
    }
    let refused = Run::line("explain 403/5301").go().ok();
    assert!(
        refused
            .out
            .starts_with("data plane 403/5301 RbacUnauthorizedMetadataRequest\n  what  ")
    );
    let rows = Run::line("explain arm 404 -o ndjson").go().ok().rows();
    assert!(
        rows.iter()
            .any(|row| row["what"] == "there is no such resource group")
    );
    let list = Run::line("explain 401 -o json").go().ok().json();
    assert_eq!(list.as_array().unwrap().last().unwrap()["answer"], "401");
    let topic = Run::line("explain ru -o json --get /topic").go().ok();
    assert_eq!(topic.json(), json!(["ru"]));
    Run::line("explain nonsense")
        .go()
        .ends(2)
        .prints("")
        .says("rawcosmos explain");
    Run::line("explain a b c d").go().ends(2).prints("");
}

#[test]
fn mistakes_are_named_and_nothing_is_sent() {
    let deaf = Wire::deaf();
    for (line, said) in [
        ("databse list", "did you mean database list?"),
        ("database lst", "did you mean database list?"),
        ("nonsense", "rawcosmos help"),
        ("item", "item create"),
        ("item read --ids 1", "did you mean --id"),
        (
            "item read --partition-kee 1",
            "did you mean --partition-key?",
        ),
        ("item read -x", "-x"),
        ("item read --throughput 400", "not an option of item read"),
        ("item read -i", "needs a value"),
        ("whoami --quiet=1", "takes no value"),
        ("whoami now", "does not take"),
        ("database list -- --x", "does not take \"--x\""),
        ("whoami -o xml", "xml"),
        ("whoami --get a/b", "a/b"),
        ("whoami --trace=loud", "loud"),
        ("whoami --identity-source magic", "magic"),
        ("whoami --client-id a --object-id b", "exclude"),
        ("whoami --key-file /nowhere/at/all", "/nowhere/at/all"),
        ("whoami --cacert /nowhere/at/all", "/nowhere/at/all"),
        ("token --plane both", "both"),
        ("token --raw --auth-header", "exclude"),
        ("token --audience ''", "empty"),
        ("database create", "--name"),
        ("container create -d a -n b -p /x -p /x", "each once"),
        ("container create -d a -n b -p /x --ttl 0", "--ttl"),
        ("database create -n a --throughput x", "whole number"),
        ("database delete -n a", "--yes"),
        ("grant", "--role"),
        ("grant --role owner", "owner"),
        ("grant --role operator --scope /dbs/shop", "/dbs/shop"),
        ("grant --role operator --principal-type Robot", "Robot"),
        ("grant --role operator --principal me", "GUID"),
        ("account create -n Not_A_Name", "lower-case"),
        (
            "account create -n contoso --serverless --free-tier",
            "exclude",
        ),
        ("account delete -n contoso", "--yes"),
        ("account show -n one -a other", "exclude"),
        ("account keys --raw", "--kind"),
        ("account keys --kind master", "master"),
        ("group create -n contoso", "--location"),
        ("group delete -n contoso", "--yes"),
        ("group show -n one -g other", "exclude"),
        ("container update -d a -n b", "nothing to change"),
        ("container update -d a -n b --ttl 0", "--ttl"),
        ("container update -d a -n b --ttl soon", "whole number"),
        ("throughput update -d a", "nothing to change"),
        (
            "throughput update -d a --throughput 1 --max-throughput 1",
            "exclude",
        ),
        ("throughput migrate -d a --to free", "free"),
        ("role list --plane both", "both"),
        ("role list --principal me", "GUID"),
        (
            "role definitions --plane data --principal self",
            "not an option",
        ),
        ("grant --role data-reader --principal me", "GUID"),
        ("grant --role data-reader --scope ''", "empty"),
        ("grant --role data-reader --wait x", "whole number"),
        ("grant --role data-reader --scope dbs/shop/x", "scope"),
        ("container", "container create, container update"),
        ("query 'SELECT 1' extra -d a -c b", "extra"),
        ("query -f x 'SELECT 1' -d a -c b", "exclude"),
        ("query '' -d a -c b", "which query"),
        ("query -f /dev/null -d a -c b", "which query"),
        ("item patch -d a -c b -i 1 -k k", "what is to change"),
        ("item patch -d a -c b -i 1 -k k --set /a", "/PATH=VALUE"),
        ("item patch -d a -c b -i 1 -k k --set a=1", "begins with /"),
        (
            "item patch -d a -c b -i 1 -k k --set /a=hi",
            "--set '/a=\"hi\"'",
        ),
        ("item patch -d a -c b -i 1 -k k --incr '/a=\"1\"'", "number"),
        (
            "item patch -d a -c b -i 1 -k k --move /a=/a/b",
            "into itself",
        ),
        ("item patch -d a -c b -i 1 -k k --set /a=1 -b []", "exclude"),
        (
            "item patch -d a -c b -i 1 -k k --remove /1 --remove /2 --remove /3 --remove /4 --remove /5 --remove /6 --remove /7 --remove /8 --remove /9 --remove /10 --remove /11",
            "at most ten",
        ),
        ("item batch -d a -c b -k k -b []", "no operations"),
        ("item batch -d a -c b -b []", "--partition-key"),
        ("item batch -d a -c b -k k -b [{}]", "operationType"),
        ("item batch -d a -c b -k k -b '{} x'", "not JSON"),
        (
            "item create -d a -c b -k k -b '{\"id\":\"a/b\"}'",
            "--any-id",
        ),
        (
            "item create -d a -c b -k k -b '{\"id\":\"1\",\"ttl\":1}' --ttl 5",
            "has a ttl",
        ),
        (
            "item create -d a -c b -k k -b '{\"id\":\"1\"}' --ttl 0",
            "--ttl",
        ),
        (
            "item create -d a -c b -k k -b '{\"id\":\"1\"}' --indexing some",
            "include or exclude",
        ),
        (
            "item read -d a -c b -i 1 -k k --consistency weak",
            "Eventual",
        ),
        (
            "item read --self dbs/shop/colls/orders/docs/1 -k k",
            "_self",
        ),
        (
            "item read --self dbs/3JMBAA==/colls/3JMBAIm-Q3M=/docs/3JMBAIm-Q3MBAAAAAAAAAA==",
            "--partition-key",
        ),
        (
            "item read -d a -c b --keys /nowhere/at/all",
            "/nowhere/at/all",
        ),
        ("item read -d a -c b --keys /dev/null -i 1", "leave --id"),
        (
            "item delete -d a -c b --all-in-partition",
            "--partition-key",
        ),
        ("item delete -d a -c b --all-in-partition -k k", "--yes"),
        (
            "item delete -d a -c b --all-in-partition -k k -i 1 -y",
            "exclude",
        ),
        ("changes -d a -c b --from yesterday", "2026-01-02T03:04:05Z"),
        ("changes -d a -c b --state /dev/null", "state"),
        ("procedure execute -d a -c b -n p -k k --args {}", "list"),
        ("api", "for example"),
        ("api data GET", "for example"),
        ("api both GET /dbs", "arm or data"),
        ("api data FETCH /dbs", "method"),
        ("api data GET dbs", "begin with one /"),
        ("api data GET /dbs/..", "step"),
        ("api data GET /dbs --header x", "NAME=VALUE"),
        ("api data GET /dbs --header authorization=x", "always ours"),
        ("api data GET /dbs --header 'a b=x'", "name of a header"),
        (
            "query 'SELECT 1' -d a -c b --session-file /dev/null",
            "not a regular file",
        ),
        ("sandbox start --partitions 0", "1 to 1000"),
        ("sandbox start --port 99999", "in range"),
        ("sandbox start --fault trunkate", "truncate"),
        ("sandbox start --host azure", "app-service"),
        ("sandbox run --cloud AzureCloud -- true", "usgov"),
        ("sandbox start --azure-role boss", "account-contributor"),
        ("sandbox run", "which command"),
        ("tour --sandbox --step 99", "steps 1 to"),
        ("tour --sandbox --format pdf", "text, md or html"),
        ("tour --live --sandbox", "exclude"),
    ] {
        let said_so = toward(&deaf.origin, Run::line(line)).go();
        said_so.ends(2).prints("").says(said);
    }
    assert_eq!(deaf.connections(), 0);
}

#[test]
fn plain_http_goes_to_this_machine_only() {
    for option in ["--endpoint", "--arm-endpoint"] {
        for (url, said) in [
            ("http://example.invalid", "clear"),
            ("http://127.0.0.1.example.invalid", "clear"),
            ("ftp://127.0.0.1", "https"),
            ("https://user:word@127.0.0.1", "user name"),
            ("https://127.0.0.1/path", "path"),
            ("nonsense", "nonsense"),
        ] {
            let run = Run::line(&format!(
                "database list -a x --subscription s -g g {option} {url}"
            ));
            let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
            let run = match option {
                "--endpoint" => run.env("RAWCOSMOS_KEY_FILE", key.path()),
                _ => run,
            };
            run.env("RAWCOSMOS_IMDS_ENDPOINT", nobody())
                .go()
                .ends(2)
                .prints("")
                .says(said);
        }
    }
}

#[test]
fn options_stand_anywhere() {
    let place = Place::furnished(&[]);
    place
        .orders(r#"item create -b '{"id":"-1","pk":"--x"}'"#)
        .ok();
    let read = place
        .run("item read -d shop -c orders -i -1 -k --x")
        .ok()
        .out;
    for line in [
        "-d shop --container-name=orders item -i=-1 read -k=--x",
        "--database-name shop item --id -1 read --partition-key --x --container-name orders",
        "-d nowhere -d shop item get -c orders -i -1 -k --x",
    ] {
        place.run(line).ok().prints(&read);
    }
    let told = place
        .run("item read -v -d shop -c orders -i -1 -k --x")
        .ok();
    told.says("RAWCOSMOS_ENDPOINT").prints(&read);
}

#[test]
fn what_comes_from_files_is_taken_as_it_comes() {
    let place = Place::furnished(&[]);
    let made = place.prepare("item create -d shop -c orders -k mark -b @-");
    made.input("\u{feff}{\"id\":\"bom\",\"pk\":\"mark\"}")
        .go()
        .ok();
    let odd = place.prepare("item create -d shop -c orders -k mark -b @-");
    let refused = odd.input(b"\xff".as_slice()).go().ends(2);
    refused.says("standard input: it is not UTF-8");
    let twice = place.prepare("item create -d shop -c orders -k mark -b @- --key-file -");
    twice.input(place.key()).go().ends(2).says("once only");
}

#[test]
fn a_byte_order_mark_is_skipped_at_every_text_input() {
    let place = Place::furnished(&[]);
    for line in [
        r#"item create -d shop -c orders -b {"id":"m1","pk":"a"}"#,
        r#"item create -d shop -c orders -b {"id":"m2","pk":"a"}"#,
    ] {
        place.run(line).ok();
    }
    let keys = place.prepare("item read -d shop -c orders --keys -");
    let keys = keys
        .input("\u{feff}[\"m1\",\"a\"]\n[\"m2\",\"a\"]\n")
        .go()
        .ok();
    assert_eq!(keys.rows().len(), 2);
    let query = place.prepare("query -d shop -c orders -k a --file -");
    let query = query.input("\u{feff}SELECT VALUE c.id FROM c").go().ok();
    assert_eq!(query.rows(), ["m1", "m2"]);
    let key = place.prepare("item read -d shop -c orders -i m1 -k a --key-file -");
    key.input(format!("\u{feff}{}\r\n", place.key())).go().ok();
    let patch = place.prepare("item patch -d shop -c orders -i m1 -k a -b @-");
    let patch = patch.input("\u{feff}[{\"op\":\"set\",\"path\":\"/n\",\"value\":1}]");
    patch.go().ok();
    let policy = place.prepare("container create -d shop -n marked -p /pk --idx @-");
    policy
        .input("\u{feff}{\"indexingMode\":\"none\"}")
        .go()
        .ok();
}

#[cfg(unix)]
#[test]
fn a_text_input_without_an_end_is_refused() {
    let place = Place::furnished(&[]);
    for line in [
        "item create -d shop -c orders -b @/dev/zero",
        "query -d shop -c orders --file /dev/zero",
        "item read -d shop -c orders -i a -k a --key-file /dev/zero",
        "item read -d shop -c orders -i a -k a --token-file /dev/zero",
    ] {
        place.run(line).ends(2).says("it is longer than");
    }
}

#[cfg(unix)]
#[test]
fn words_that_are_not_utf_8_are_refused() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let odd = OsStr::from_bytes(b"\xff\xfe");
    Run::new([OsStr::new("item"), odd])
        .go()
        .ends(2)
        .says("UTF-8");
    Run::new([
        OsStr::new("item"),
        OsStr::new("read"),
        OsStr::new("-i"),
        odd,
    ])
    .go()
    .ends(2)
    .says("UTF-8");
    // A variable that is not UTF-8 counts as unset.
    let run = Run::line("whoami").env("RAWCOSMOS_OUTPUT", odd);
    run.env("RAWCOSMOS_IMDS_ENDPOINT", nobody()).go().ends(8);
}

// ---- Secrets

#[test]
fn a_token_is_printed_only_where_it_is_asked_for() {
    let place = Place::new(&[]);
    let raw = place.run("token --raw").ok();
    let token = raw.out.trim_end();
    assert_eq!(token.split('.').count(), 3);
    let arm = place.run("token --raw --plane arm").ok().out;
    assert_ne!(arm.trim_end(), token);
    place
        .run("token --auth-header --plane arm")
        .ok()
        .prints(&format!("authorization: Bearer {arm}"));
    let header = place.run("token --auth-header").ok();
    assert_eq!(
        header.out.trim_end(),
        format!("authorization: type%3Daad%26ver%3D1.0%26sig%3D{token}")
    );
    let shown = place.run("token -v --trace=body").ok();
    assert!(
        !shown.out.contains("eyJ") && !shown.err.contains("eyJ"),
        "{shown:#?}"
    );
    place.run("token --raw --dry-run").ok().shows("GET");
    // Not a secret in the environment, whatever it is called.
    place
        .prepare("token")
        .env("RAWCOSMOS_RAW", "1")
        .go()
        .ok()
        .shows("\"audience\"");
}

#[test]
fn a_key_is_printed_only_where_it_is_asked_for() {
    let place = Place::new(&[]);
    let raw = place.run("account keys --kind primary --raw --trace=body");
    let raw = raw.ok().prints(&format!("{}\n", place.key()));
    assert!(!raw.err.contains(&place.key()), "{raw:#?}");
    let listed = place.run("account keys -o json --trace=body").ok();
    assert_eq!(listed.json().as_array().unwrap().len(), 4);
    assert!(!listed.out.contains(&place.key()) && !listed.err.contains(&place.key()));
    place
        .prepare("account keys")
        .env("RAWCOSMOS_RAW", "1")
        .go()
        .ok()
        .shows("sha256");
}

#[test]
fn more_throughput_is_not_bought_without_asking() {
    let place = Place::new(&[]);
    let container = "-d d -c c";
    place.run("database create -n d").ok();
    place
        .run("container create -d d -n c -p /pk --throughput 500")
        .ok();
    let line = format!("throughput update {container} --throughput 1000");
    let asked = place.run(&line).ends(2).prints("");
    asked.says("from 500 RU/s to 1000 RU/s").says("--yes");
    let now = format!("throughput show {container} --get /throughput");
    place.run(&now).ok().prints("500\n");
    place.run(&format!("{line} -y")).ok();
    place.run(&now).ok().prints("1000\n");
    place
        .run(&format!("throughput update {container} --throughput 400"))
        .ok();
    let other = format!("throughput update {container} --max-throughput 4000 -y");
    let other = place.run(&other).ends(6);
    other.says("rawcosmos throughput migrate -d d -c c --to autoscale");
    let migrate = format!("throughput migrate {container} --to autoscale");
    place.run(&migrate).ends(2).says("--yes");
    let moved = place.run(&format!("{migrate} -y")).ok();
    moved.shows("\"maxThroughput\"");
}

// ---- Seeing without sending

#[test]
fn a_rehearsal_opens_nothing() {
    let deaf = Wire::deaf();
    let key = Scratch::new("c2VjcmV0LXNlY3JldC1zZWNyZXQ=");
    for line in CONVERSATIONS {
        for view in ["", "-o json", "--curl", "--explain", "--trace=url -v"] {
            for keyed in [false, true] {
                let run = toward(&deaf.origin, Run::line(&format!("{line} --dry-run {view}")));
                let run = match keyed {
                    true => run.env("RAWCOSMOS_KEY_FILE", key.path()),
                    false => run,
                };
                let ran = run.go();
                if keyed && ran.code == 2 {
                    assert!(ran.err.contains("key"), "{ran:#?}");
                    continue;
                }
                let ran = ran.ok();
                // It looks at its input instead, and has nothing to ask.
                if line.starts_with("import") {
                    assert!(ran.out.contains("\"fine\":2"), "{ran:#?}");
                    continue;
                }
                assert!(!ran.out.contains("HTTP/1.1 200"), "{ran:#?}");
                assert!(ran.out.contains("127.0.0.1:"), "{ran:#?}");
                if view == "-o json" {
                    assert!(
                        ran.rows()
                            .iter()
                            .all(|row| row["request"]["url"].is_string())
                    );
                }
            }
        }
    }
    // Subscription and group would have to be asked for; their place is taken.
    let run =
        Run::line("database list --dry-run -a x").env("RAWCOSMOS_IMDS_ENDPOINT", &deaf.origin);
    run.env("RAWCOSMOS_ARM_ENDPOINT", &deaf.origin)
        .go()
        .ok()
        .shows("/subscriptions/");
    assert_eq!(deaf.connections(), 0);
}

#[test]
fn a_trace_is_on_standard_error() {
    let place = Place::furnished(&[]);
    place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
    let plain = place.orders("item read -i 1 -k a -q").ok().says("").out;
    for view in [
        "--trace",
        "--trace=url",
        "--trace=headers",
        "--trace=json",
        "--explain",
        "--curl",
        "-v",
    ] {
        let seen = place
            .orders(&format!("item read -i 1 -k a -q {view}"))
            .ok()
            .prints(&plain);
        assert!(seen.err.contains("127.0.0.1:"), "{seen:#?}");
    }
    assert_eq!(place.orders("item read -i 1 -k a -q").ok().err, "");
    let traced = place.orders("item read -i 1 -k a -q --trace=json").ok();
    let lines: Vec<Value> = traced
        .err
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let planes: Vec<&str> = lines
        .iter()
        .map(|l| l["request"]["plane"].as_str().unwrap())
        .collect();
    assert_eq!(planes, ["identity", "data"]);
    assert!(lines.iter().all(|line| line["response"]["status"] == 200));
    let explained = place.orders("item read -i 1 -k a --explain").ok();
    explained
        .says("items/read")
        .says("never Bearer")
        .says("> metadata: true");
}

/// A shell, where there is one.
fn shell() -> Option<&'static Path> {
    let sh = Path::new("/bin/sh");
    sh.exists().then_some(sh)
}

/// The words a shell makes of a line: the program is a function that prints what it is given.
fn words_of(line: &str) -> Vec<String> {
    let script = format!(
        "curl() {{ printf '%s\\036' \"$@\"; }}\nrawcosmos() {{ printf 'a: TOKEN'; }}\n{line}\n"
    );
    let ran = Command::new(shell().unwrap())
        .arg("-c")
        .arg(script)
        .env_clear()
        .output()
        .unwrap();
    assert!(ran.status.success(), "{line}: {ran:?}");
    let text = String::from_utf8(ran.stdout).unwrap();
    text.split_terminator('\u{1e}')
        .map(str::to_string)
        .collect()
}

#[test]
fn a_curl_line_survives_the_shell() {
    if shell().is_none() {
        return;
    }
    let place = Place::furnished(&[]);
    let body = "{\"id\":\"it's\",\"pk\":\"$(touch x) `id` \\\" \\\\ * ~ !\",\"n\":\"a\\nb ☃\"}";
    let words = [
        "item", "upsert", "-d", "shop", "-c", "orders", "--curl", "-b", body,
    ];
    let seen = Run::new(words).envs(place.variables()).go().ok();
    let lines: Vec<&str> = seen.err.split("curl ").skip(1).collect();
    assert_eq!(lines.len(), 3, "token, container, item: {seen:#?}");
    let write = seen.err.rsplit("curl ").next().unwrap();
    let write = write.split("1 item").next().unwrap();
    let words = words_of(&format!("curl {write}"));
    let at = words
        .iter()
        .position(|word| word == "--data-binary")
        .unwrap();
    assert_eq!(words[at + 1], body);
    assert!(words.contains(&"a: TOKEN".to_string()), "{words:?}");
    assert!(
        words
            .last()
            .unwrap()
            .ends_with("/dbs/shop/colls/orders/docs")
    );
}

#[test]
fn a_curl_line_asks_for_the_token_of_the_same_identity() {
    let place = Place::furnished(&[]);
    let line = "item read -d shop -c orders -i 1 -k 1 --curl --dry-run --client-id 5a0db0c5-0000-4000-8000-0000000000c1 --data-audience 'https://x y'";
    let shown = place.run(line).ok().out;
    let asked = "\"$(rawcosmos token --plane data --auth-header --yes --client-id 5a0db0c5-0000-4000-8000-0000000000c1 --data-audience 'https://x y')\"";
    assert!(shown.contains(asked), "{shown}");
}

#[test]
fn a_curl_line_does_what_it_shows() {
    let curl = ["/usr/bin/curl", "/bin/curl"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let (Some(_), Some(sh)) = (curl, shell()) else {
        return;
    };
    let place = Place::furnished(&[]);
    let folder = Path::new(BINARY).parent().unwrap().to_str().unwrap();
    for (line, status) in [
        (
            r#"item create -d shop -c orders -b '{"id":"a b","pk":"ü"}' -k ü"#,
            "201",
        ),
        ("item read -d shop -c orders -i 'a b' -k ü", "200"),
        (
            "query 'SELECT * FROM c WHERE c.pk = @p' --param p=ü -d shop -c orders",
            "200",
        ),
        ("database create -n more", "202"),
        ("token --plane arm", "200"),
    ] {
        let shown = place.run(&format!("{line} --curl --dry-run")).ok().out;
        let mut command = Command::new(sh);
        command
            .arg("-c")
            .arg(&shown)
            .env_clear()
            .envs(place.variables());
        let ran = command
            .env("PATH", format!("{folder}:/usr/bin:/bin"))
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&ran.stdout);
        let last = text.rsplit("HTTP/1.1 ").next().unwrap();
        assert!(last.starts_with(status), "{line}: {ran:?}\n{shown}");
        assert_eq!(ran.stderr, b"", "{line}: {ran:?}");
    }
    place.run("item read -d shop -c orders -i 'a b' -k ü").ok();
}

// ---- Streams

/// Fills the container `orders` behind the service's back: items of about 1 KB with the partition key `a`.
fn fill(place: &Place, count: usize) {
    place
        .orders(r#"item upsert -b '{"id":"00000","pk":"a"}'"#)
        .ok();
    place.sandbox.with_world(|world| {
        let shop = world.databases.get_mut("shop").unwrap();
        let ranges = &mut shop.containers.get_mut("orders").unwrap().ranges;
        let range = ranges
            .iter_mut()
            .find(|range| !range.items.is_empty())
            .unwrap();
        let ((hash, key, _), first) = range
            .items
            .iter()
            .next()
            .map(|(k, v)| (k.clone(), v.clone()))
            .unwrap();
        let padding = format!("\"pad\":\"{}\"", "x".repeat(1000));
        for number in 1..count {
            let id = format!("{number:05}");
            let text = first
                .text
                .replacen("\"00000\"", &format!("\"{id}\",{padding}"), 1);
            let item = Item {
                text,
                number: first.number + number as u64,
                ..first.clone()
            };
            range.items.insert((hash.clone(), key.clone(), id), item);
        }
    });
}

#[test]
fn formats_are_what_they_are_called() {
    let place = Place::furnished(&[]);
    for body in [
        r#"{"id":"1","pk":"a","n":{"x":[1,"é"]}}"#,
        r#"{"id":"2","pk":"a","n":"b,\"c\"\n"}"#,
    ] {
        place.orders(&format!("item create -b '{body}'")).ok();
    }
    let query = |view: &str| {
        place
            .orders(&format!("query 'SELECT c.id, c.n FROM c' -k a {view}"))
            .ok()
            .out
    };
    assert_eq!(query("").lines().count(), 2);
    assert_eq!(query("-o ndjson"), query(""));
    let array: Value = serde_json::from_str(&query("-o json")).unwrap();
    assert_eq!(array[0], json!({"id": "1", "n": {"x": [1, "é"]}}));
    assert!(query("-o table").starts_with("id"));
    assert!(query("-o csv").starts_with("id,n"), "{}", query("-o csv"));
    assert!(query("-o tsv").starts_with("id\tn"));
    assert_eq!(query("-o raw --get /id"), "1\n2\n");
    assert_eq!(query("--get /n/x/1"), "\"é\"\nnull\n");
    assert_eq!(query("-o none"), "");
    let by_variable = place.prepare("query 'SELECT c.id FROM c' -d shop -c orders -k a");
    let by_variable = by_variable
        .env("RAWCOSMOS_OUTPUT", "json")
        .env("RAWCOSMOS_QUIET", "1")
        .go()
        .ok();
    assert_eq!(by_variable.json(), json!([{"id": "1"}, {"id": "2"}]));
    assert_eq!(by_variable.err, "");
    // What is said of the rows comes after them.
    let both = place.prepare("query 'SELECT c.id FROM c' -d shop -c orders -k a -o table");
    let said = one_stream(both);
    assert!(said.starts_with("id") && said.contains("2 items"), "{said}");
    place
        .orders("query 'SELECT * FROM c' -k none -o json")
        .ok()
        .prints("[]\n");
    place
        .orders("item read -i 1 -k a --get /nothing")
        .ends(1)
        .prints("");
}

/// Both streams as a terminal would show them: in the order they were written.
fn one_stream(run: Run) -> String {
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut command = run.command();
    command
        .stdin(Stdio::null())
        .stdout(writer.try_clone().unwrap())
        .stderr(writer);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    child.wait().unwrap();
    text
}

#[test]
fn an_error_can_be_json() {
    let place = Place::furnished(&["no-data-role"]);
    let refused = place
        .orders("item read -i 1 -k a -o json -q")
        .ends(5)
        .prints("");
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    assert_eq!(error["error"]["exitCode"], 5);
    assert_eq!(error["error"]["status"], 403);
    assert!(
        error["error"]["fix"]
            .to_string()
            .contains("rawcosmos grant"),
        "{error}"
    );
}

#[test]
fn nobody_reads_on_and_that_is_fine() {
    let place = Place::furnished(&[]);
    fill(&place, 400);
    for (line, begins) in [
        (
            "query 'SELECT * FROM c' -d shop -c orders --page-size 20",
            "{\"id\":\"00000\"",
        ),
        ("tour --sandbox", "── step 1"),
        ("tour --sandbox --format html", "<!DOCTYPE html>"),
    ] {
        let mut child = place.prepare(line).start();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        reader.read_line(&mut first).unwrap();
        assert!(first.starts_with(begins), "{first}");
        drop(reader);
        let mut said = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut said).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{said}");
        assert!(!said.contains("error") && !said.contains("panic"), "{said}");
    }

    let mut child = Run::line("tour --sandbox").start();
    drop(child.stdout.take().unwrap());
    let ended = child.wait_with_output().unwrap();
    assert_eq!(
        (ended.status.code(), ended.stderr.as_slice()),
        (Some(0), &b""[..])
    );

    let mut child = place
        .prepare("item read -d shop -c orders -i 0 -k 0 --trace")
        .start();
    drop(child.stderr.take().unwrap());
    assert_eq!(child.wait().unwrap().code(), Some(3));
}

const CONTAINER: &str =
    r#"{"id":"orders","_rid":"r","partitionKey":{"paths":["/pk"],"kind":"Hash","version":2}}"#;

#[test]
fn rows_are_written_as_they_come() {
    // The second page is there once the row of the first has been seen.
    let (seen, gate) = std::sync::mpsc::channel();
    let gate = std::sync::Mutex::new(gate);
    let service = Service::new(move |asked| match asked.header("x-ms-continuation") {
        _ if asked.method == "GET" => reply(200, CONTAINER),
        None => {
            let more = vec![("x-ms-continuation", "more".to_string())];
            (200, more, r#"{"Documents":[{"id":"1"}]}"#.to_string())
        }
        Some(_) => {
            gate.lock().unwrap().recv().unwrap();
            reply(200, r#"{"Documents":[{"id":"2"}]}"#)
        }
    });
    let key = Scratch::new("c2VjcmV0LXNlY3JldC1zZWNyZXQ=");
    let line = "query 'SELECT * FROM c' -d shop -c orders -k a --page-size 1";
    let run = toward(&service.origin, Run::line(line)).env("RAWCOSMOS_KEY_FILE", key.path());
    let mut child = run.start();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    reader.read_line(&mut text).unwrap();
    seen.send(()).unwrap();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(unix)]
#[test]
fn closed_and_full_streams_are_no_surprise() {
    let place = Place::furnished(&[]);
    place.orders(r#"item create -b '{"id":"1","pk":"a"}'"#).ok();
    let in_shell = |line: &str, closed: &str| {
        let mut command = Command::new(shell()?);
        command
            .arg("-c")
            .arg(format!("exec \"$0\" {line} {closed}"))
            .arg(BINARY);
        command
            .env_clear()
            .envs(place.variables())
            .stdin(Stdio::null());
        Some(command.output().unwrap())
    };
    let read = "item read -d shop -c orders -i 1 -k a --trace";
    if let Some(ran) = in_shell(read, "2>&-") {
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
        assert!(ran.stdout.starts_with(b"{\"id\":\"1\""));
    }
    if let Some(ran) = in_shell(read, "0<&-") {
        assert_eq!(ran.status.code(), Some(0), "{ran:?}");
    }
    if !Path::new("/dev/full").exists() {
        return;
    }
    let query = "query 'SELECT * FROM c' -d shop -c orders";
    for line in [
        read,
        query,
        &format!("{query} -o json"),
        &format!("{query} -o table"),
        "--help",
        "help query",
        "--version",
        "tour",
        "token --raw",
    ] {
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = match line {
            "tour" => Run::line(line).command(),
            _ => place.prepare(line).command(),
        };
        let ran = command
            .stdin(Stdio::null())
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(1), "{line}: {ran:?}");
        let said = String::from_utf8_lossy(&ran.stderr);
        assert!(said.contains("cannot write"), "{line}: {said}");
    }
}

/// The most memory a query over so many items has held, in KiB, seen when only some of them are left to come.
#[cfg(target_os = "linux")]
fn peak(count: usize) -> u64 {
    let place = Place::furnished(&[]);
    fill(&place, count);
    let line = "query 'SELECT * FROM c' -d shop -c orders -k a --page-size 50";
    let mut child = place.prepare(line).start();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut text = String::new();
    // More than a pipe holds is left, so it is still there.
    for _ in 0..count - 150 {
        reader.read_line(&mut text).unwrap();
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), count);
    assert!(child.wait().unwrap().success());
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_stays_at_a_page_however_long_the_list() {
    let (short, long) = (peak(300), peak(3000));
    assert!(
        long < short + 1024,
        "{short} KiB for 300 items, {long} KiB for 3000"
    );
}

// ---- Surroundings

#[test]
fn without_a_metadata_service_it_says_so() {
    for line in [
        "whoami",
        "token",
        "item read -a x -d a -c b -i 1 -k 1",
        "database list -a x",
    ] {
        let run = Run::line(line).env("RAWCOSMOS_IMDS_ENDPOINT", nobody());
        let ran = run.go();
        assert!([4, 8].contains(&ran.code), "{ran:#?}");
        assert!(ran.says("identity").says("error:").out.is_empty());
    }
}

#[test]
fn a_stranger_in_its_place_is_told_apart() {
    // ARM's listener answers, but it is no metadata service.
    let place = Place::new(&[]);
    let arm = place.sandbox.with_world(|world| world.arm.clone());
    let ran = place
        .prepare("token")
        .env("RAWCOSMOS_IMDS_ENDPOINT", arm)
        .go();
    assert_eq!(ran.ends(4).out, "");
}

#[test]
fn proxies_and_certificates_do_not_reach_this_machine() {
    let place = Place::furnished(&[]);
    let proxy = Wire::deaf();
    let mut run = place.prepare("database list");
    for name in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
    ] {
        run = run.env(name, &proxy.origin);
    }
    run.env("SSL_CERT_FILE", "/nowhere/at/all")
        .go()
        .ok()
        .shows("shop");
    let named = place
        .prepare("query 'SELECT * FROM c' -d shop -c orders")
        .env("HTTP_PROXY", "nonsense://x y");
    named.go().ok();
    assert_eq!(proxy.connections(), 0);
}

/// A write to an account outside: its outcome is known, because nothing was sent.
fn outside(key: &Scratch) -> Run {
    let line = "item create -d d -c c -k 1 -b '{\"id\":\"1\"}' -a acct1 --key-file";
    Run::line(&format!("{line} {}", key.path()))
}

#[test]
fn a_proxy_or_a_certificate_that_is_of_no_use_is_named() {
    let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
    let down = || outside(&key).env("HTTPS_PROXY", nobody());
    down().go().ends(8).says("the proxy 127.0.0.1:");
    for file in ["/nowhere/at/all", "/dev/null"] {
        let run = down().env("SSL_CERT_FILE", file);
        run.go()
            .ends(2)
            .says("the root certificates cannot be used");
    }
}

/// Values that are no HTTP proxy, and what is said of them.
const ODD_PROXIES: &[(&str, &str)] = &[
    ("socks5h://u:hidden@127.0.0.1:1080", "SOCKS proxy"),
    ("socks5://127.0.0.1:1080", "SOCKS proxy"),
    ("socks4a://127.0.0.1:1080", "SOCKS proxy"),
    ("socks4://127.0.0.1", "SOCKS proxy"),
    ("SOCKS://127.0.0.1", "SOCKS proxy"),
    ("ftp://127.0.0.1", "the proxy's address is no URL"),
    ("unix:///run/proxy.sock", "the proxy's address is no URL"),
    ("://x", "the proxy's address is no URL"),
    ("::::", "the proxy's address is no URL"),
    ("http://", "the proxy's address is no URL"),
    ("http://:3128", "the proxy's address is no URL"),
    ("http://127.0.0.1:0", "the proxy's address is no URL"),
    ("http://127.0.0.1:99999", "the proxy's address is no URL"),
    (
        "http://u:hidden#x@127.0.0.1:1",
        "the proxy's address is no URL",
    ),
    (
        "http://u:hidden%ff@127.0.0.1:1",
        "the proxy's address is no URL",
    ),
    ("http://[::1", "the proxy's address is no URL"),
    ("http://a b", "the proxy's address is no URL"),
    ("http://pr\u{f6}xy.example", "the proxy's address is no URL"),
    ("\"http://127.0.0.1:1\"", "the proxy's address is no URL"),
];

#[test]
fn a_proxy_variable_of_any_value_ends_in_a_sentence() {
    let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
    for (index, (value, said)) in ODD_PROXIES.iter().enumerate() {
        let names = ["HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"];
        let name = names[index % names.len()];
        let ran = outside(&key).env(name, value).go().ends(2).says(said);
        assert!(ran.err.contains(name), "{ran:#?}");
        assert!(!ran.err.contains("hidden"), "{ran:#?}");
    }
    let bytes =
        <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"http://\xff".as_slice());
    let run = outside(&key).env("HTTPS_PROXY", bytes);
    run.go().ends(2).says("HTTPS_PROXY is not UTF-8");
    // These are proxies, where nothing listens.
    for value in [
        "127.0.0.1:1",
        " http://127.0.0.1:1/ ",
        "u:hidden@127.0.0.1:1",
        "http://u:hid@den@127.0.0.1:1",
        "http://:hidden@127.0.0.1:1",
        "https://[::1]:1",
        "HTTP://127.0.0.1:1?x#y",
    ] {
        let ran = outside(&key).env("HTTPS_PROXY", value).go().ends(8);
        assert!(ran.err.contains("the proxy "), "{value}: {ran:#?}");
        assert!(!ran.err.contains("hid"), "{ran:#?}");
    }
    // An empty one is none, and the next is looked at.
    let run = outside(&key).env("HTTPS_PROXY", " ");
    run.env("ALL_PROXY", "socks5://x")
        .go()
        .ends(2)
        .says("ALL_PROXY names");
}

#[test]
fn doctor_goes_on_behind_a_proxy_that_is_of_no_use() {
    let place = Place::furnished(&[]);
    let run = place.prepare("doctor --endpoint https://acct1.documents.azure.com");
    run.without("RAWCOSMOS_ACCOUNT_NAME")
        .without("RAWCOSMOS_ENDPOINT")
        .env("ALL_PROXY", "socks5h://127.0.0.1:1080")
        .go()
        .ends(2)
        .shows("the proxy is a SOCKS proxy, which is not supported")
        .shows("ALL_PROXY")
        .shows("17 write");
}

#[test]
fn no_proxy_is_honoured_with_a_port() {
    let key = Scratch::new("c2VjcmV0LXNlY3JldA==");
    let proxy = Wire::deaf();
    let line = "database list --endpoint https://127.0.0.1.invalid:8443 --retries 0 --key-file";
    for (excluded, connections) in [
        ("invalid:8443", 0),
        ("x .invalid", 0),
        ("*", 0),
        ("invalid:443", 1),
    ] {
        let before = proxy.connections();
        let run = Run::line(&format!("{line} {}", key.path()));
        run.env("HTTPS_PROXY", &proxy.origin)
            .env("NO_PROXY", excluded)
            .env("RAWCOSMOS_TIMEOUT", "2")
            .go()
            .ends(8);
        let used = proxy.connections() - before;
        assert_eq!(used.min(1), connections, "{excluded}");
    }
}

#[test]
fn the_names_other_tools_use_are_known() {
    let place = Place::furnished(&[]);
    let all = place.variables();
    let value = |name: &str| all.iter().find(|(n, _)| *n == name).unwrap().1.clone();
    let run = |line: &str| {
        Run::line(line)
            .env(
                "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                value("RAWCOSMOS_IMDS_ENDPOINT"),
            )
            .env("COSMOS_ENDPOINT", value("RAWCOSMOS_ENDPOINT"))
            .env("AZURE_SUBSCRIPTION_ID", value("RAWCOSMOS_SUBSCRIPTION"))
            .env("AZURE_RESOURCE_GROUP", value("RAWCOSMOS_RESOURCE_GROUP"))
            .env("RAWCOSMOS_ARM_ENDPOINT", value("RAWCOSMOS_ARM_ENDPOINT"))
            .env("AZURE_CLIENT_ID", "5a0db0c5-0000-4000-8000-0000000000c2")
    };
    let line = "database list -a sandbox-account -v";
    run(line)
        .go()
        .ok()
        .says("AZURE_SUBSCRIPTION_ID")
        .says("AZURE_CLIENT_ID")
        .says("AZURE_POD_IDENTITY_AUTHORITY_HOST")
        .shows("shop");
    // What an option overrules is not in use, and not told.
    let overruled = run("whoami -v --object-id 5a0db0c5-0000-4000-8000-0000000000a1")
        .go()
        .ok();
    assert!(!overruled.err.contains("AZURE_CLIENT_ID"), "{overruled:#?}");
    assert_eq!(
        run("whoami").go().ok().json()["clientId"],
        "5a0db0c5-0000-4000-8000-0000000000c2"
    );
    let own = run("whoami").env(
        "RAWCOSMOS_CLIENT_ID",
        "5a0db0c5-0000-4000-8000-0000000000c1",
    );
    assert_eq!(
        own.go().ok().json()["clientId"],
        "5a0db0c5-0000-4000-8000-0000000000c1"
    );
    let other = run("whoami --object-id 5a0db0c5-0000-4000-8000-0000000000a1");
    assert_eq!(
        other.go().ok().json()["clientId"],
        "5a0db0c5-0000-4000-8000-0000000000c1"
    );
    let empty = run("whoami").env("AZURE_CLIENT_ID", "").go().ok();
    assert_eq!(empty.json()["identity"], "system-assigned");
}

#[test]
fn an_endpoint_of_another_account_is_not_used() {
    let endpoint = "https://prod.documents.azure.com:443/";
    let run = |name: &str, endpoint: &str| {
        let line = format!("item delete -d a -c b -i 1 -k 1 --dry-run -a {name}");
        let run = Run::line(&line).env("COSMOS_ENDPOINT", endpoint);
        run.env("RAWCOSMOS_IMDS_ENDPOINT", nobody()).go()
    };
    run("test", endpoint).ends(2).prints("").says("prod");
    run("pro", endpoint).ends(2);
    run("PROD", endpoint)
        .ok()
        .shows("host: prod.documents.azure.com");
    run("prod", "https://prod-westeurope.documents.azure.com").ok();
    run("prod", "https://prod.privatelink.documents.azure.com").ok();
    run("prod", "https://10.0.0.1:8081").ok();
}

#[test]
fn a_group_that_is_not_said_is_found() {
    let place = Place::furnished(&[]);
    let bare = |line: &str| {
        let run = place.prepare(line).without("RAWCOSMOS_SUBSCRIPTION");
        run.without("RAWCOSMOS_RESOURCE_GROUP").go()
    };
    bare("database list -v")
        .ok()
        .shows("shop")
        .says("from the machine's metadata");
    bare("database list -a nothing-like-it")
        .ends(2)
        .says("--resource-group");
}

// ---- Tour and sandbox

/// How many processes have this in their environment.
#[cfg(target_os = "linux")]
fn marked(mark: &str) -> usize {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let environments = all.filter_map(|entry| std::fs::read(entry.path().join("environ")).ok());
    let has = |bytes: &Vec<u8>| bytes.split(|b| *b == 0).any(|v| v == mark.as_bytes());
    environments.filter(has).count()
}

#[test]
fn the_tour_leads_through_the_sandbox_and_leaves_nothing() {
    let mark = format!("MARK=tour-{}", std::process::id());
    let tour = Run::line("tour --sandbox").env("MARK", &mark[5..]);
    let tour = tour.go().ok();
    tour.err
        .lines()
        .for_each(|line| assert_eq!(line, "the data plane knows the grant"));
    for said in [
        "step 1 of ",
        "step 14 of 14",
        "403/5300",
        "403/5301",
        "9007199254740993",
        "RU",
        "curl -sS",
    ] {
        assert!(tour.out.contains(said), "{said}");
    }
    // What is to be done by hand is the change, not the last of the questions that followed it.
    for (step, method) in [
        (3, "PUT"),
        (4, "GET"),
        (5, "PUT"),
        (9, "PUT"),
        (14, "DELETE"),
    ] {
        let text = tour.out.split("── step ").nth(step).unwrap();
        let line = format!("curl -sS -i -X {method} ");
        assert!(text.contains(&line), "{step}: {text}");
    }
    assert!(!tour.out.contains("eyJ"), "a token");
    assert!(tour.out.matches("&<signature>").count() >= 2);
    #[cfg(target_os = "linux")]
    {
        assert_eq!(marked(&mark), 0, "processes left");
        let still = support::Owned(Run::line("sandbox start").env("MARK", &mark[5..]).start());
        assert_eq!(marked(&mark), 1, "a process is not seen");
        drop(still);
    }
    // Without an account there is nothing else it could mean.
    assert_eq!(
        Run::line("tour --step 7")
            .go()
            .ok()
            .out
            .matches("step ")
            .count(),
        1
    );
}

#[test]
fn a_step_of_the_tour_stands_alone() {
    let step = Run::line("tour --sandbox --step 7 --format md").go().ok();
    assert!(step.out.starts_with("## 7. "), "{step:#?}");
    assert_eq!(step.out.matches("\n## ").count(), 0);
    for fence in ["```http\n", "```sh\n", "**Notice:** "] {
        assert!(step.out.contains(fence), "{fence}");
    }
    assert_eq!(step.out.matches("```").count() % 2, 0);
    let plan = Run::line("tour --dry-run --step 3").go().ok();
    assert_eq!(plan.out.matches("It would ").count(), 1, "{plan:#?}");
    // What the machine is set to does not lead the tour out of the sandbox.
    let inside = Run::line("tour --sandbox --step 2").env("RAWCOSMOS_IMDS_ENDPOINT", nobody());
    inside
        .env("RAWCOSMOS_ENDPOINT", nobody())
        .env("AZURE_CLIENT_ID", "x")
        .go()
        .ok();
    for (name, value) in [
        ("RAWCOSMOS_ACCOUNT_NAME", "prod"),
        ("COSMOS_ENDPOINT", "https://prod.example.invalid"),
    ] {
        Run::line("tour")
            .env(name, value)
            .go()
            .ends(2)
            .prints("")
            .says("--live");
    }
}

#[test]
fn a_live_tour_asks_before_it_changes_anything() {
    let place = Place::new(&[]);
    place.run("tour --live").ends(2).says("--yes");
    assert!(place.sandbox.with_world(|world| world.databases.is_empty()));
    // With the group left out, finding the account asks the machine and ARM before the first step.
    let walked = place
        .prepare("tour --live --yes")
        .without("RAWCOSMOS_RESOURCE_GROUP")
        .go()
        .ok();
    let steps: Vec<&str> = walked.out.split("── step ").collect();
    assert!(
        steps[1].contains("> GET /metadata/instance/compute"),
        "{}",
        steps[1]
    );
    assert!(
        steps[2].contains("> GET /metadata/identity/oauth2/token"),
        "{}",
        steps[2]
    );
    walked.shows("step 14 of 14");
    let left = place
        .sandbox
        .with_world(|world| (world.databases.len(), world.role_assignments.len()));
    assert_eq!(left, (0, 0));
    place.run("database create -n tour-rawcosmos").ok();
    place
        .run("tour --live --yes")
        .ends(6)
        .says("tour-rawcosmos");
    assert_eq!(place.sandbox.with_world(|world| world.databases.len()), 1);
    // A tour that breaks off takes back what it made.
    place.fault("503");
    let broken = place.run("tour --live --yes --database-name other");
    assert_ne!(broken.code, 0);
    let left = place
        .sandbox
        .with_world(|world| (world.databases.len(), world.role_assignments.len()));
    assert_eq!(left, (1, 0), "{broken:#?}");
}

#[test]
fn a_sandbox_lends_itself_to_a_command() {
    let inside = |line: &str| {
        let words = support::words(&format!("sandbox run --partitions 2 -- {BINARY} {line}"));
        Run::new(words).go()
    };
    inside("database create -n shop")
        .ok()
        .says("made database shop");
    inside("database show -n shop").ends(3);
    inside("item read -d shop -c orders -i 1 -k 1").ends(5);
    inside("nonsense").ends(2);
    assert_eq!(
        inside("whoami -o raw --get /identity").ok().out,
        "system-assigned\n"
    );
    Run::line("sandbox run -- /nowhere/at/all")
        .go()
        .ends(127)
        .says("/nowhere/at/all");
    Run::new(["sandbox", "run", "--", env!("CARGO_MANIFEST_DIR")])
        .go()
        .ends(126);
    let faulty = format!("sandbox run --fault no-identity -- {BINARY} token");
    Run::line(&faulty).go().ends(4);
    if shell().is_some() {
        Run::line("sandbox run -- /bin/sh -c 'exit 42'")
            .go()
            .ends(42);
        Run::line("sandbox run -- /bin/sh -c 'kill -9 $$'")
            .go()
            .ends(137);
        let own = "rawcosmos whoami -q --get /machine -o raw";
        let seen = Run::new(["sandbox", "run", "--", "/bin/sh", "-c", own]).go();
        seen.ok().prints("sandbox-vm\n");
        let script = "test \"$RAWCOSMOS_ACCOUNT_NAME\" = sandbox-account && echo \"$RAWCOSMOS_ENDPOINT $KEPT\"";
        let seen = Run::new(["sandbox", "run", "--", "/bin/sh", "-c", script])
            .env("KEPT", "kept")
            .go()
            .ok();
        assert!(
            seen.out.starts_with("http://127.0.0.1:") && seen.out.ends_with(" kept\n"),
            "{seen:#?}"
        );
    }
}

#[test]
fn a_port_that_is_taken_is_said() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    Run::line(&format!("sandbox start --port {port}"))
        .go()
        .ends(1)
        .prints("")
        .says("sandbox");
}
