//! probe
#![cfg(feature = "sandbox")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]
mod support;
use rawcosmos::sandbox::{
    Options,
    faults::{self, Fault},
};
use support::*;

#[test]
fn probe() {
    let mut names: Vec<String> = faults::names().map(String::from).collect();
    names.extend(
        [
            "imds.410",
            "imds.429",
            "imds.500",
            "arm.429",
            "arm.503",
            "429",
            "503",
            "429:2",
            "imds.410:1",
            "arm.read.403",
            "account.500",
        ]
        .map(String::from),
    );
    let names = names
        .into_iter()
        .map(|n| match n.as_str() {
            "delay" => "delay=2s".into(),
            "clock-skew" => "clock-skew=-10m".into(),
            "stale-session" => "stale-session:1".into(),
            "lock-busy" => "lock-busy:1".into(),
            _ => n,
        })
        .collect::<Vec<String>>();
    let q = std::sync::Mutex::new(names);
    let only = std::env::var("ONLY").ok();
    std::thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                loop {
                    let Some(n) = q.lock().unwrap().pop() else {
                        break;
                    };
                    if only.as_ref().is_some_and(|o| !n.contains(o.as_str())) {
                        continue;
                    }
                    let place = Place::with(Options {
                        partitions: 1,
                        ..Options::default()
                    });
                    place.container("orders", &["/pk"]);
                    place.grant();
                    place.sandbox.add_fault(Fault::parse(&n).unwrap());
                    let host = if n.starts_with("arc") {
                        Some("arc")
                    } else if n.starts_with("assertion") {
                        Some("aks")
                    } else {
                        None
                    };
                    let place = match host {
                        None => place,
                        Some(h) => {
                            let p = Place::with(Options {
                                host: rawcosmos::sandbox::host::Host::parse(h).unwrap(),
                                faults: vec![Fault::parse(&n).unwrap()],
                                ..Options::default()
                            });
                            p.container("orders", &["/pk"]);
                            p.grant();
                            p
                        }
                    };
                    let ran = place.run("doctor -d shop -c orders --probe-write");
                    let mut out = format!("=== {n}: exit {} in {:?}\n", ran.code, ran.took);
                    for line in ran.out.lines() {
                        if !line.contains(" ok  ") && !line.contains("skip  needs") {
                            out += line;
                            out += "\n";
                        }
                    }
                    if !ran.err.is_empty() {
                        out += &ran.err;
                    }
                    eprintln!("{out}");
                }
            });
        }
    });
}
