//! The files a command reads, fills and replaces, by the real binary: none is lost, none is taken for another one.
#![cfg(all(feature = "sandbox", unix))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{BINARY, Place, Ran, Scratch};

// ---- A container with items in it, and a folder

struct Bench {
    place: Place,
    folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// An item a line, as many as asked for.
fn items(count: usize) -> String {
    let line = |n| format!("{{\"id\":\"{n}\",\"pk\":\"k{}\"}}\n", n % 7);
    (0..count).map(line).collect()
}

impl Bench {
    fn new(count: usize) -> Bench {
        let scratch = Scratch::new("");
        let folder = PathBuf::from(format!("{}.files", scratch.path()));
        fs::create_dir_all(&folder).unwrap();
        let bench = Bench {
            place: Place::furnished(&[]),
            folder,
        };
        bench.write("in.ndjson", &items(count));
        if count > 0 {
            bench.run("import in.ndjson").ok();
        }
        bench
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.file(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.file(name)).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let found = fs::read_dir(&self.folder).unwrap();
        let names = found.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    fn command(&self, line: &str) -> Command {
        let run = self.place.prepare(line);
        let run = run
            .env("RAWCOSMOS_DATABASE_NAME", "shop")
            .env("RAWCOSMOS_CONTAINER_NAME", "orders");
        let mut command = run.command();
        command.current_dir(&self.folder).stdin(Stdio::null());
        command
    }

    /// Runs in the folder.
    fn run(&self, line: &str) -> Ran {
        ran(line, &mut self.command(line))
    }

    /// Runs in the folder, by a shell, with what it connects the streams to.
    fn shell(&self, line: &str, streams: &str) -> Ran {
        let whole = self.command(line);
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &format!("exec \"$0\" \"$@\" {streams}"), BINARY]);
        command.args(whole.get_args()).env_clear();
        command.envs(
            whole
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        command.current_dir(&self.folder);
        ran(line, &mut command)
    }

    fn items(&self) -> usize {
        let ran = self.run("query 'SELECT VALUE COUNT(1) FROM c'").ok();
        ran.out.trim().parse().unwrap()
    }
}

fn ran(line: &str, command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        line: line.to_string(),
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

// ---- One file under two names

#[test]
fn two_options_that_are_one_file_are_refused_before_anything_is_opened() {
    let bench = Bench::new(20);
    bench.write("body.json", r#"{"id":"new","pk":"a"}"#);
    bench.write("operations", r#"[{"operationType":"Read","id":"1"}]"#);
    bench.write("q.sql", "SELECT * FROM c");
    bench.write("keys", r#"["1","k1"]"#);
    bench.write("key", &bench.place.key());
    fs::hard_link(bench.file("in.ndjson"), bench.file("hard")).unwrap();
    symlink("in.ndjson", bench.file("soft")).unwrap();
    symlink("soft", bench.file("softer")).unwrap();
    symlink("absent", bench.file("dangling")).unwrap();
    fs::create_dir(bench.file("sub")).unwrap();
    let before = bench.names();
    for line in [
        "import in.ndjson --errors in.ndjson",
        "import in.ndjson --errors ./sub/../in.ndjson",
        "import in.ndjson --errors hard",
        "import in.ndjson --errors softer",
        "import soft --errors hard",
        "import in.ndjson --state in.ndjson",
        "import in.ndjson --state hard",
        "import in.ndjson --state a --errors a",
        "import in.ndjson --state a --errors ./a",
        "import in.ndjson --state dangling --errors absent",
        "import in.ndjson --state sub/../absent --errors dangling",
        "import in.ndjson --dry-run -p /pk --errors in.ndjson",
        "export out --state out",
        "export out --state sub/../out",
        "export out --state out.partial",
        "export out --session-file out",
        "export out --state s --session-file s",
        "export in.ndjson --state hard -y",
        "export q.sql -f q.sql -y",
        "query -f q.sql --state q.sql",
        "query -f q.sql --continuation q.sql",
        "query 'SELECT * FROM c' --state s --session-file s",
        "query 'SELECT * FROM c' --session-file key --key-file key",
        "query 'SELECT * FROM c' --state key --key-file key",
        "changes --state s --session-file s",
        "changes --state key --token-file key",
        "item create -b @body.json --session-file body.json",
        "item batch -k a -b @operations --session-file operations",
        "item read --keys keys --session-file keys",
    ] {
        bench.run(line).ends(2).says("are the same file");
        assert_eq!(bench.names(), before, "{line}");
        assert_eq!(bench.text("in.ndjson"), items(20), "{line}");
    }
    for (line, streams) in [
        ("changes --state s", ">s"),
        ("changes --state s", "2>s"),
        ("import in.ndjson --errors e", ">e"),
        ("import - --errors in.ndjson", "<in.ndjson"),
    ] {
        let ran = bench.shell(line, streams).ends(2);
        assert!(bench.text("in.ndjson") == items(20), "{ran:?}");
    }
    // Devices and pipes may be used twice, and so may a file that is only read.
    bench.run("export /dev/null --session-file n").ok();
    bench.run("item create -b @body.json --key-file key").ok();
    bench.shell("query 'SELECT * FROM c'", ">log 2>&1").ok();
}

// ---- Replaced

#[test]
fn a_file_that_is_replaced_keeps_its_mode_and_its_links() {
    let bench = Bench::new(50);
    let create =
        |n: u32| format!("item upsert -b '{{\"id\":\"u{n}\",\"pk\":\"a\"}}' --session-file");
    for (n, (line, name)) in [
        ("export @@ -y", "export"),
        ("export @@ -y --state export.state", "partial"),
        (
            "query 'SELECT * FROM c' --page-size 7 --state @@",
            "query.state",
        ),
        ("changes --page-size 7 --state @@", "changes.state"),
        ("import in.ndjson --mode upsert --state @@", "import.state"),
        (&create(1), "session"),
    ]
    .into_iter()
    .enumerate()
    {
        let line = |name: &str| match line.contains("@@") {
            true => line.replace("@@", name),
            false => format!("{line} {name}"),
        };
        // Where none was.
        bench.run(&line(name)).ok();
        let new = bench.mode(name);
        let private = if n < 2 { new } else { 0o600 };
        assert_eq!(new, private, "{name}");
        // Empty is as good as none.
        for mode in [0o600, 0o640, 0o666] {
            if name.contains("state") {
                bench.write(name, "");
            }
            bench.set_mode(name, mode);
            bench.run(&line(name)).ok();
            assert_eq!(bench.mode(name), mode, "{name}");
            assert!(bench.file(name).metadata().unwrap().len() > 0, "{name}");
        }
        let (soft, hard) = (format!("{name}.soft"), format!("{name}.hard"));
        symlink(name, bench.file(&soft)).unwrap();
        fs::hard_link(bench.file(name), bench.file(&hard)).unwrap();
        if name.contains("state") {
            bench.write(name, "");
        }
        bench.run(&line(&soft)).ok();
        assert!(bench.file(&soft).is_symlink(), "{name}");
        assert_eq!(bench.text(name), bench.text(&hard), "{name}");
        assert!(bench.file(name).metadata().unwrap().nlink() == 2, "{name}");
        // A link to a file that is not there yet.
        fs::remove_file(bench.file(name)).unwrap();
        bench.run(&line(&soft)).ok();
        assert!(bench.file(&soft).is_symlink(), "{name}");
        assert!(bench.file(name).metadata().unwrap().len() > 0, "{name}");
    }
    let left = |name: &String| name.starts_with('.') || name.ends_with(".partial");
    assert!(!bench.names().iter().any(left), "{:?}", bench.names());
}

#[test]
fn nothing_is_written_where_a_prepared_link_leads() {
    let bench = Bench::new(50);
    bench.write("victim", "precious");
    for name in [".out.new", ".s.new", ".out.partial", "out.partial"] {
        symlink("victim", bench.file(name)).unwrap();
    }
    bench.run("export out").ok();
    bench.run("changes --state s").ok();
    bench
        .run("export out --state st -y")
        .ends(1)
        .says("out.partial is not a regular file");
    assert_eq!(bench.text("victim"), "precious");
}

#[test]
fn what_a_killed_run_left_is_named_and_removed_by_the_next_one() {
    let bench = Bench::new(10);
    let left = ".s.rawcosmos-0123456789abcdef";
    let others = [
        ".t.rawcosmos-0123456789abcdef",
        ".s.rawcosmos-0123456789abcde",
        ".s.rawcosmos-0123456789abcdeg",
        ".s.rawcosmos-0123456789abcdef0",
        "s.rawcosmos-0123456789abcdef",
        ".s.new",
    ];
    for name in others.into_iter().chain([left]) {
        bench.write(name, "half");
    }
    let link = ".s.rawcosmos-aaaaaaaaaaaaaaaa";
    symlink("in.ndjson", bench.file(link)).unwrap();
    // Another run is at it.
    let used = ".s.rawcosmos-bbbbbbbbbbbbbbbb";
    bench.write(used, "half");
    let lock = File::open(bench.file(used)).unwrap();
    lock.lock().unwrap();
    let ran = bench
        .run("changes --state s")
        .ok()
        .says(&format!("removed {left}, "));
    assert!(!bench.file(left).exists());
    for name in others.into_iter().chain([link, used]) {
        assert!(bench.file(name).exists(), "{name}");
        assert!(!ran.err.contains(&format!("removed {name},")), "{name}");
    }
    drop(lock);
    bench.run("changes --state s").ok().says(used);
    assert!(!bench.file(used).exists());
}

// ---- Before the first request

#[test]
fn what_cannot_be_written_is_refused_before_the_first_request() {
    let bench = Bench::new(5);
    fs::create_dir(bench.file("folder")).unwrap();
    let item = r#"item create -b '{"id":"never","pk":"a"}' --session-file"#;
    for line in [
        &format!("{item} /nonexistent/s"),
        &format!("{item} folder"),
        &format!("{item} in.ndjson/s"),
        "changes --state /nonexistent/s",
        "changes --state folder",
        "query 'SELECT * FROM c' --state no/such/folder",
        "export folder",
        "export folder -y",
        "export no/such/folder",
        "export out --state no/such/folder",
        "import in.ndjson --errors no/such/folder",
        "import in.ndjson --errors folder",
        "import in.ndjson --state folder",
    ] {
        let ran = bench.run(line).ends(2).says("cannot write").prints("");
        assert!(!ran.err.contains("overwrite"), "{ran:?}");
    }
    assert_eq!(bench.items(), 5);
    assert_eq!(bench.names(), ["folder", "in.ndjson"]);
}

// ---- Shared session files

#[test]
fn twelve_commands_at_once_lose_no_token_and_none_goes_back() {
    let bench = Bench::new(0);
    let names: Vec<String> = (0..12).map(|n| format!("c{n}")).collect();
    for name in &names {
        bench.place.container(name, &["/pk"]);
    }
    let tokens = || -> Vec<(String, String)> {
        let known: Value = serde_json::from_str(&bench.text("s")).unwrap();
        let pair = |(url, token): (&String, &Value)| (url.clone(), token.as_str().unwrap().into());
        known.as_object().unwrap().iter().map(pair).collect()
    };
    let lsn = |token: &str| -> u64 {
        let digits = token.rsplit(['#', ':']).next().unwrap();
        digits.parse().unwrap()
    };
    let mut before: Vec<(String, String)> = Vec::new();
    for round in 0..3 {
        let children: Vec<_> = names
            .iter()
            .map(|name| {
                let line = format!(
                    "item create -c {name} -b '{{\"id\":\"{round}\",\"pk\":\"a\"}}' --session-file s"
                );
                let mut command = bench.command(&line);
                command.stdout(Stdio::null()).spawn().unwrap()
            })
            .collect();
        for mut child in children {
            assert_eq!(child.wait().unwrap().code(), Some(0));
        }
        let after = tokens();
        assert_eq!(after.len(), 12, "{after:?}");
        for (url, token) in &before {
            let (_, newer) = after.iter().find(|(known, _)| known == url).unwrap();
            assert!(lsn(newer) > lsn(token), "{url}: {token}, then {newer}");
        }
        before = after;
    }
    assert_eq!(bench.mode("s"), 0o600);
    assert_eq!(bench.names(), ["in.ndjson", "s"]);
}

// ---- Limits

#[test]
fn what_is_small_is_read_with_a_limit() {
    let bench = Bench::new(0);
    let huge = File::create(bench.file("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    for line in [
        "query -f %%",
        "query 'SELECT * FROM c' --state %%",
        "query 'SELECT * FROM c' --session-file %%",
        "query 'SELECT * FROM c' --key-file %%",
        "query 'SELECT * FROM c' --token-file %%",
        "changes --state %%",
        "export out --state %%",
        "import in.ndjson --state %%",
        "item create -b @%%",
        "item read --keys %%",
        "item batch -k a -b @%%",
        "procedure execute -n p -k a --args @%%",
        "container create -n other -p /pk --idx @%%",
        "api data POST /dbs -b @%%",
    ] {
        for file in ["/dev/zero", "huge"] {
            let line = line.replace("%%", file);
            let mut command = Command::new("/bin/sh");
            let whole = bench.command(&line);
            // Much less than a huge file would take.
            command.args(["-c", "ulimit -v 600000; exec \"$0\" \"$@\"", BINARY]);
            command.args(whole.get_args()).env_clear();
            command.envs(
                whole
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
            command.current_dir(&bench.folder).stdin(Stdio::null());
            ran(&line, &mut command).ends(2);
        }
    }
    let zero = OpenOptions::new().read(true).open("/dev/zero").unwrap();
    let mut command = bench.command("query -f -");
    ran("query -f - </dev/zero", command.stdin(zero))
        .ends(2)
        .says("it is longer than");
    assert!(Path::new("/dev/zero").exists());
}

// ---- Delivered

#[test]
fn a_state_does_not_count_what_was_not_delivered() {
    let bench = Bench::new(20);
    for line in [
        "changes --state s",
        "query 'SELECT * FROM c' --state s",
        "export - --state s",
    ] {
        bench
            .shell(line, ">&-")
            .ends(2)
            .says("standard output is closed");
        assert!(!bench.file("s").exists(), "{line}");
        bench
            .shell(line, ">/dev/full")
            .ends(1)
            .says("cannot write the output");
        let _ = fs::remove_file(bench.file("s"));
    }
    let first = bench.shell("changes --state s", ">/dev/full");
    assert_eq!(first.code, 1);
    let all = bench.run("changes --state s").ok();
    assert_eq!(all.out.lines().count(), 20);
}

#[test]
fn a_change_whose_output_cannot_be_written_is_said_to_be_done() {
    let bench = Bench::new(0);
    for (line, done) in [
        (
            r#"item create -b '{"id":"1","pk":"a"}'"#,
            "item \"1\" was created",
        ),
        (
            r#"item upsert -b '{"id":"1","pk":"a"}'"#,
            "item \"1\" was replaced",
        ),
        ("item patch -i 1 -k a --set /n=1", "PATCH "),
        (
            r#"item batch -k a -b '[{"operationType":"Read","id":"1"},{"operationType":"Delete","id":"1"}]'"#,
            "POST ",
        ),
        ("database create -n other", "PUT "),
    ] {
        bench
            .shell(line, ">/dev/full")
            .ends(9)
            .says("cannot write the output")
            .says(&format!("done before that: {done}"));
    }
}

// ---- Ids

#[test]
fn an_id_without_a_place_in_a_path_is_refused_at_every_entrance() {
    let bench = Bench::new(0);
    for id in ["x/y", "x\\\\y", "x?y", "x#y"] {
        let item = format!(r#"{{"id":"{id}","pk":"a"}}"#);
        bench.write("odd.ndjson", &format!("{item}\n"));
        for line in [
            format!("item create -b '{item}'"),
            format!("item upsert -b '{item}'"),
            format!(r#"item batch -k a -b '[{{"operationType":"Create","resourceBody":{item}}}]'"#),
            format!(r#"item batch -k a -b '{{"operationType":"Upsert","resourceBody":{item}}}'"#),
            format!(
                "api data POST /dbs/shop/colls/orders/docs -b '{item}' --header 'x-ms-documentdb-partitionkey=[\"a\"]'"
            ),
        ] {
            bench.run(&line).ends(2).says("--any-id");
        }
        bench.run("import odd.ndjson").ends(9);
        assert_eq!(bench.items(), 0, "{id}");
        let batch =
            format!(r#"item batch -k a -b '[{{"operationType":"Create","resourceBody":{item}}}]'"#);
        bench.run(&format!("{batch} --any-id")).ok();
        assert_eq!(bench.items(), 1, "{id}");
        bench
            .run(&format!("item delete -k a -i {}", id.replace("\\\\", "\\")))
            .ok();
    }
}

// ---- Damaged

#[test]
fn a_state_with_one_byte_changed_is_refused() {
    let bench = Bench::new(20);
    for (line, name) in [
        ("changes --state", "c"),
        ("import in.ndjson --mode upsert --state", "i"),
        (
            "query 'SELECT * FROM c' --page-size 3 --max-items 7 --state",
            "q",
        ),
    ] {
        let line = format!("{line} {name}");
        bench.run(&line).ok();
        let whole = bench.text(name);
        assert!(whole.contains("checksum"), "{whole}");
        let end = whole.find(",\"checksum").unwrap();
        for at in (1..end).step_by(end / 20) {
            let mut damaged = whole.clone().into_bytes();
            damaged[at] ^= 1;
            fs::write(bench.file(name), damaged).unwrap();
            bench.run(&line).ends(2).prints("");
        }
        bench.write(name, &whole);
        bench.run(&line).ok();
    }
    for settled in ["[0,5,7,970955161]", "[0,18446744073709551615]"] {
        bench.run("import in.ndjson --mode upsert --state old").ok();
        let whole = bench.text("old");
        let end = whole.find(",\"settled").unwrap();
        bench.write("old", &format!("{},\"settled\":{settled}}}", &whole[..end]));
        bench
            .run("import in.ndjson --mode upsert --state old")
            .ends(2);
        fs::remove_file(bench.file("old")).unwrap();
    }
}

// ---- Killed

/// Numbers that look random; `RAWCOSMOS_KILL_SEED` chooses others.
struct Dice(u64);

impl Dice {
    fn new() -> Dice {
        let seed = std::env::var("RAWCOSMOS_KILL_SEED").ok();
        Dice(seed.and_then(|seed| seed.parse().ok()).unwrap_or(7))
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % sides
    }
}

/// A command that writes files, and which ones: what it replaces and what it may leave for its next run.
const WRITERS: &[(&str, &[&str])] = &[
    ("export out -y", &["out"]),
    ("export out -y --state st", &["out", "st", "out.partial"]),
    ("changes --page-size 5 --state st", &["st"]),
    ("query 'SELECT * FROM c' --page-size 5 --state st", &["st"]),
    ("import in.ndjson --mode upsert --state st", &["st"]),
    (
        "import in.ndjson --mode upsert --state st --errors bad",
        &["st", "bad"],
    ),
    (
        "query 'SELECT * FROM c' --page-size 5 --session-file st",
        &["st"],
    ),
];

/// Kills each at some moments, and lets it come to its end.
#[test]
fn killed_at_any_moment_nothing_is_lost_or_left_and_modes_and_links_stay() {
    let bench = Bench::new(300);
    let mut dice = Dice::new();
    for (line, files) in WRITERS {
        for linked in [false, true] {
            fs::create_dir_all(bench.file("real")).unwrap();
            for name in files.iter().filter(|name| !name.ends_with(".partial")) {
                let place = bench.file("real").join(name);
                fs::write(&place, "").unwrap();
                fs::set_permissions(&place, fs::Permissions::from_mode(0o640)).unwrap();
                match linked {
                    true => symlink(&place, bench.file(name)).unwrap(),
                    false => fs::rename(&place, bench.file(name)).unwrap(),
                }
            }
            for _ in 0..4 {
                let mut command = bench.command(line);
                let mut child = command
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                std::thread::sleep(std::time::Duration::from_millis(5 + dice.roll(120)));
                let _ = child.kill();
                child.wait().unwrap();
            }
            bench.run(line).ok();
            let folder = if linked {
                bench.file("real")
            } else {
                bench.folder.clone()
            };
            for name in files.iter().filter(|name| folder.join(name).exists()) {
                let mode = fs::metadata(bench.file(name)).unwrap().permissions().mode();
                // A state that is gone with the end of its export is a new one the next time.
                let kept = mode & 0o777 == 0o640 || (*name == "st" && line.starts_with("export"));
                assert!(kept, "{line}: {name} {mode:o}");
                assert_eq!(bench.file(name).is_symlink(), linked, "{line}: {name}");
            }
            if files.contains(&"out") {
                assert_eq!(bench.text("out").lines().count(), 300, "{line}");
            }
            for name in bench.names().iter().chain(&names_in(&bench.file("real"))) {
                assert!(!name.contains(".rawcosmos-"), "{line}: {name}");
                assert!(!name.ends_with(".partial"), "{line}: {name}");
            }
            fs::remove_dir_all(bench.file("real")).unwrap();
            for name in *files {
                let _ = fs::remove_file(bench.file(name));
            }
        }
        assert_eq!(bench.items(), 300, "{line}");
    }
}

fn names_in(folder: &Path) -> Vec<String> {
    let found = fs::read_dir(folder).unwrap();
    found
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}
