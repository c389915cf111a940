//! The client's side of a query over several ranges against answers in odd shapes: those of other servers, of splits
//! at any moment, of pages that lead nowhere.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod common;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{FakeClock, KEY, answer, container, json};
use rawcosmos::authorize::master_key::MasterKey;
use rawcosmos::cosmos::Paging;
use rawcosmos::cosmos::query::plan::Plan;
use rawcosmos::cosmos::query::state::State;
use rawcosmos::cosmos::query::{self, Query};
use rawcosmos::error::{Broken, Error};
use rawcosmos::exchange::query::{Asked, Spent};
use rawcosmos::exchange::{Client, Credential, Transport};
use rawcosmos::message::{Request, Response};
use serde_json::{Value, json as js};

// ---- A server that says what a test wants it to say

#[derive(Default)]
struct Server {
    plan: Value,
    /// Answered in turn; the last one for ever.
    ranges: Vec<Value>,
    /// By range and continuation.
    pages: BTreeMap<(String, String), Answer>,
    asked: Mutex<Vec<Request>>,
}

enum Answer {
    Rows(Value, &'static str),
    Gone(u32),
}

impl Server {
    fn new(plan: Value, ranges: Value) -> Server {
        Server {
            plan,
            ranges: vec![ranges],
            ..Server::default()
        }
    }

    /// Rows of a range, and the continuation behind them.
    fn rows(mut self, range: &str, from: &str, rows: Value, next: &'static str) -> Server {
        let place = (range.to_string(), from.to_string());
        self.pages.insert(place, Answer::Rows(rows, next));
        self
    }

    fn gone(mut self, range: &str, from: &str, substatus: u32) -> Server {
        let place = (range.to_string(), from.to_string());
        self.pages.insert(place, Answer::Gone(substatus));
        self
    }

    fn then(mut self, ranges: Value) -> Server {
        self.ranges.push(ranges);
        self
    }

    /// Range and continuation of each page that was asked for.
    fn pages_asked(&self) -> Vec<(String, String)> {
        let asked = self.asked.lock().unwrap();
        let pages = asked.iter().filter(|request| is_page(request));
        pages.map(place).collect()
    }

    fn request(&self, at: usize) -> Request {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|r| is_page(r)).nth(at).unwrap().clone()
    }
}

fn header(request: &Request, name: &str) -> String {
    let found = request.headers.iter().find(|(known, _)| *known == name);
    found.map_or(String::new(), |(_, value)| value.expose().to_string())
}

fn place(request: &Request) -> (String, String) {
    let range = header(request, "x-ms-documentdb-partitionkeyrangeid");
    (range, header(request, "x-ms-continuation"))
}

fn is_page(request: &Request) -> bool {
    request.url.expose().ends_with("/docs")
        && header(request, "x-ms-cosmos-is-query-plan-request").is_empty()
}

impl Transport for Server {
    fn send(&self, request: &Request) -> Result<Response, Broken> {
        let mut asked = self.asked.lock().unwrap();
        let before = asked
            .iter()
            .filter(|r| r.url.expose().ends_with("/pkranges"));
        let before = before.count();
        asked.push(request.clone());
        if request.url.expose().ends_with("/pkranges") {
            let ranges = self.ranges.get(before).or(self.ranges.last()).unwrap();
            let body = js!({"PartitionKeyRanges": ranges}).to_string();
            return Ok(answer(200, &[], body));
        }
        if !is_page(request) {
            return Ok(answer(200, &[], self.plan.to_string()));
        }
        let place = place(request);
        Ok(match self.pages.get(&place) {
            None => panic!("not to be asked for: {place:?}"),
            Some(Answer::Gone(substatus)) => {
                answer(410, &[("X-Ms-Substatus", &substatus.to_string())], "")
            }
            Some(Answer::Rows(rows, next)) => {
                let body = js!({"_count": 0, "Documents": rows, "_rid": ""}).to_string();
                let charge = ("X-MS-REQUEST-CHARGE", "1.5");
                let metrics = ("x-ms-documentdb-query-metrics", "n=1");
                match *next {
                    "" => answer(200, &[charge, metrics], body),
                    next => answer(200, &[charge, ("X-MS-Continuation", next), metrics], body),
                }
            }
        })
    }
}

/// What came of a query: its rows, as one text, and what it took.
type Came = Result<(String, Spent), Error>;

/// How it is asked.
#[derive(Clone, Default)]
struct How {
    parallel: usize,
    between: Option<(String, String)>,
    most: Option<u64>,
    /// Where to go on, and after how many rows to stop.
    state: Option<State>,
    stop: Option<usize>,
}

fn ask(server: &dyn Transport, text: &str, how: How) -> (Came, Option<State>) {
    let clock = FakeClock::new();
    let credential = Credential::Key(MasterKey::new(KEY).unwrap());
    let client = Client::new(server, &clock, credential);
    let (container, query) = (container(), Query::new(text));
    let plan = match client.run(&query::plan_of(&container, &query)) {
        Ok(plan) => plan.value.expect("a plan"),
        Err(error) => return (Err(error), None),
    };
    let asked = Asked {
        container: &container,
        query: &query,
        plan: &plan,
        key: None,
        between: how.between,
        paging: Paging::default(),
        most: how.most,
        parallel: how.parallel,
        metrics: true,
        heard: None,
    };
    let (mut all, mut kept) = (Vec::new(), None);
    let done = client.merged(&asked, how.state, &mut |rows| {
        while how.stop.is_none_or(|stop| all.len() < stop)
            && let Some(row) = rows.row()?
        {
            all.push(row.to_string());
        }
        kept = rows.state();
        Ok(())
    });
    (done.map(|spent| (all.join(" "), spent)), kept)
}

fn rows_of(server: &Server, text: &str) -> String {
    let mut found = [1, 4].map(|parallel| {
        let how = How {
            parallel,
            ..How::default()
        };
        ask(server, text, how).0.unwrap().0
    });
    assert_eq!(found[0], found[1], "{text}");
    std::mem::take(&mut found[0])
}

fn two() -> Value {
    js!([{"id": "0", "minInclusive": "", "maxExclusive": "1F"}, {"id": "1", "minInclusive": "1F", "maxExclusive": "FF"}])
}

fn plan(info: Value) -> Value {
    js!({"partitionedQueryExecutionInfoVersion": 2, "queryInfo": info,
        "queryRanges": [{"min": "", "max": "FF", "isMinInclusive": true, "isMaxInclusive": false}]})
}

fn by_n(pairs: &[(i64, &str)]) -> Value {
    let row =
        |(n, id): &(i64, &str)| js!({"payload": id, "orderByItems": [{"item": n}], "_rid": id});
    pairs.iter().map(row).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs.map(|(a, b)| (a.to_string(), b.to_string())).collect()
}

const BY_N: &str = "SELECT VALUE c.id FROM c ORDER BY c.n";

fn ordered() -> Value {
    plan(
        js!({"orderBy": ["Ascending"], "rewrittenQuery": "SELECT {documentdb-formattableorderbyquery-filter}"}),
    )
}

// ---- Shapes

#[test]
fn rows_of_several_ranges_are_merged_past_empty_pages() {
    let server = Server::new(ordered(), two())
        .rows("0", "", js!([]), "a")
        .rows("0", "a", by_n(&[(1, "p"), (3, "q")]), "b")
        .rows("0", "b", js!([]), "c")
        .rows("0", "c", by_n(&[(3, "r"), (5, "s")]), "")
        .rows("1", "", by_n(&[(0, "t"), (3, "u")]), "d")
        .rows("1", "d", by_n(&[(4, "v")]), "");
    assert_eq!(rows_of(&server, BY_N), r#""t" "p" "q" "r" "u" "v" "s""#);
    let body = server.request(0).body.unwrap();
    assert_eq!(body.expose(), r#"{"query":"SELECT true","parameters":[]}"#);
    let how = How {
        parallel: 1,
        ..How::default()
    };
    let spent = ask(&server, BY_N, how).0.unwrap().1;
    assert_eq!((spent.pages, spent.charge), (6, Some(9.0)));
    assert_eq!(spent.metrics.lines(), ["range 0: n=4", "range 1: n=2"]);
    // Without threads a page is asked for when it is needed and not before.
    let asked = server.pages_asked();
    let last = [
        ("0", ""),
        ("0", "a"),
        ("1", ""),
        ("0", "b"),
        ("0", "c"),
        ("1", "d"),
    ];
    assert_eq!(asked[asked.len() - 6..], pairs(&last));
}

#[test]
fn plans_of_other_servers_are_understood() {
    let numbers = js!([{"id": 0, "minInclusive": "", "maxExclusive": "1F"}, {"id": 1, "minInclusive": "1F", "maxExclusive": "FF", "lsn": 3}]);
    // No version, nulls, numbers for booleans, `Avg`, ranges as arrays of partition keys.
    let average = js!({
        "queryInfo": {"aggregates": ["Avg"], "rewrittenQuery": null, "distinctType": "None", "top": null, "hasSelectValue": 1, "hasNonStreamingOrderBy": 0, "groupByAliasToAggregateType": {}},
        "queryRanges": [[[], [{"type": "Infinity"}]]]
    });
    let part = |sum: u32, count: u32| js!([[{"item": {"sum": sum, "count": count}}]]);
    let server = Server::new(average, numbers.clone())
        .rows("0", "", part(3, 2), "x")
        .rows("0", "x", part(1, 1), "")
        .rows("1", "", part(1, 1), "");
    assert_eq!(rows_of(&server, "SELECT VALUE AVG(c.n) FROM c"), "1.25");
    let body = server.request(0).body.unwrap();
    assert!(body.expose().contains("SELECT VALUE AVG(c.n) FROM c"));

    // A score that is known at the end alone.
    let score = js!({"queryInfo": {"orderBy": ["Descending"], "hasNonStreamingOrderBy": 1, "limit": 2, "offset": 1}});
    let server = Server::new(score, numbers)
        .rows("0", "", by_n(&[(1, "a"), (9, "b")]), "")
        .rows("1", "", by_n(&[(5, "c"), (9, "d"), (7, "e")]), "");
    assert_eq!(rows_of(&server, "SELECT …"), r#""d" "e""#);
}

#[test]
fn what_a_plan_does_not_say_plainly_is_no_plan() {
    for info in [
        js!({"orderBy": [1]}),
        js!({"orderBy": "Ascending"}),
        js!({"orderBy": ["Sideways"]}),
        js!({"aggregates": [7]}),
        js!({"aggregates": ["Median"]}),
        js!({"aggregates": ["Sum", "Count"]}),
        js!({"distinctType": 7}),
        js!({"distinctType": "Somewhat"}),
        js!({"dCountInfo": true}),
        js!({"groupByAliases": ["a"], "groupByAliasToAggregateType": {"a": 7}}),
        js!({"groupByAliases": [null]}),
        js!({"groupByExpressions": [{}]}),
        js!({"offset": -1}),
        js!({"limit": 1.5}),
        js!({"top": "5"}),
    ] {
        let error = Plan::read(&answer(200, &[], plan(info.clone()).to_string())).unwrap_err();
        assert!(matches!(error, Error::Answer { .. }), "{info} {error}");
    }
    // Names that are left out stand beside the aggregates too.
    let named = js!({"groupByAliasToAggregateType": {"n": "Count", "s": "Sum"}});
    let server = Server::new(plan(named), two())
        .rows(
            "0",
            "",
            js!([{"payload": {"n": {"item": 2}, "s": {"item": 3}}}]),
            "",
        )
        .rows(
            "1",
            "",
            js!([{"payload": {"s": {"item": 4}, "n": {"item": 1}}}]),
            "",
        );
    assert_eq!(rows_of(&server, "SELECT …"), r#"{"n":3,"s":7}"#);
}

#[test]
fn equal_arrays_are_one_row_although_others_stand_between_them() {
    let row = |value: Value| js!({"orderByItems": [{"item": value}], "payload": value});
    let rows = |all: &[Value]| Value::from_iter(all.iter().cloned().map(row));
    let mut info = ordered();
    info["queryInfo"]["distinctType"] = "Ordered".into();
    let server = Server::new(info, two())
        .rows(
            "0",
            "",
            rows(&[js!(1), js!("a"), js!([1]), js!([2]), js!({"x": 1})]),
            "",
        )
        .rows(
            "1",
            "",
            rows(&[js!(1.0), js!([2]), js!([1.0]), js!({}), js!({"x": 1})]),
            "",
        );
    assert_eq!(
        rows_of(&server, "SELECT DISTINCT VALUE c.n FROM c ORDER BY c.n"),
        r#"1 "a" [1] [2] {"x":1} {}"#
    );
}

#[test]
fn only_ranges_that_can_have_rows_are_asked() {
    let point = |min: &str, max: &str, closed: Value| {
        let interval = js!({"min": min, "max": max, "isMinInclusive": 1, "isMaxInclusive": closed});
        js!({"queryInfo": {"top": 5}, "queryRanges": [interval]})
    };
    for (min, max, closed, range) in [
        ("", "", js!(1), "0"),
        ("1F", "1F", js!(true), "1"),
        ("1e", "1F", js!(false), "0"),
        ("1F00", "1F00", js!(true), "1"),
    ] {
        let server = Server::new(point(min, max, closed), two()).rows(range, "", js!([1]), "");
        assert_eq!(
            rows_of(&server, "SELECT TOP 5 VALUE 1 FROM c"),
            "1",
            "{min}"
        );
    }
}

#[test]
fn nothing_is_asked_for_no_rows() {
    for info in [
        js!({"top": 0}),
        js!({"limit": 0, "offset": 3, "orderBy": ["Ascending"]}),
    ] {
        let server = Server::new(plan(info), two());
        assert_eq!(rows_of(&server, "SELECT …"), "");
        assert!(server.pages_asked().is_empty());
    }
    let server = Server::new(
        plan(js!({"top": 0, "dCountInfo": {"dCountAlias": "n"}})),
        two(),
    );
    assert_eq!(rows_of(&server, "SELECT …"), r#"{"n":0}"#);
}

#[test]
fn few_rows_are_asked_for_in_small_pages_and_no_further_than_needed() {
    let server = Server::new(plan(js!({"limit": 2, "offset": 1})), two()).rows(
        "0",
        "",
        js!([1, 2, 3, 4]),
        "more",
    );
    assert_eq!(rows_of(&server, "SELECT …"), "2 3");
    assert_eq!(header(&server.request(0), "x-ms-max-item-count"), "3");
    let server = Server::new(ordered(), two())
        .rows("0", "", by_n(&[(1, "a"), (2, "b")]), "more")
        .rows("1", "", by_n(&[(1, "c"), (4, "d")]), "more");
    let how = How {
        parallel: 1,
        most: Some(2),
        stop: Some(2),
        ..How::default()
    };
    assert_eq!(ask(&server, BY_N, how).0.unwrap().0, r#""a" "c""#);
    assert_eq!(header(&server.request(0), "x-ms-max-item-count"), "2");
    assert_eq!(server.pages_asked(), pairs(&[("0", ""), ("1", "")]));
}

#[test]
fn what_cannot_be_merged_is_refused_in_words() {
    let hybrid = js!({"queryInfo": null, "hybridSearchQueryInfo": {"skip": 0}});
    let server = Server::new(hybrid, two());
    let refused = ask(&server, "SELECT …", How::default()).0.unwrap_err();
    assert!(
        matches!(&refused, Error::Usage(why) if why.contains("RANK")),
        "{refused}"
    );
    let grouped = plan(
        js!({"groupByExpressions": ["c.a"], "groupByAliases": ["a"], "groupByAliasToAggregateType": {"a": null}}),
    );
    let text = "SELECT c.a FROM c GROUP BY c.a ORDER BY COUNT(1)";
    let server = Server::new(grouped, two());
    let refused = ask(&server, text, How::default()).0.unwrap_err();
    assert!(
        matches!(&refused, Error::Usage(why) if why.contains("COUNT(1)")),
        "{refused}"
    );
    assert!(server.pages_asked().is_empty());
    let counted = plan(js!({"aggregates": ["Count"]}));
    let how = How {
        state: Some(State::new("rid", "x")),
        ..How::default()
    };
    let refused = ask(&Server::new(counted, two()), "x", how).0.unwrap_err();
    assert!(matches!(&refused, Error::Usage(_)), "{refused}");
}

#[test]
fn rows_in_another_shape_than_the_plan_says_are_an_error() {
    for rows in [
        js!([7]),
        js!([{"payload": 1}]),
        js!([{"payload": 1, "orderByItems": 7}]),
        js!([{"payload": 1, "orderByItems": []}]),
        js!([{"payload": 1, "orderByItems": [7]}]),
        js!([{"payload": 1, "orderByItems": [{}, {}]}]),
    ] {
        let server = Server::new(ordered(), two())
            .rows("0", "", rows.clone(), "")
            .rows("1", "", js!([]), "");
        for parallel in [1, 2] {
            let how = How {
                parallel,
                ..How::default()
            };
            let error = ask(&server, BY_N, how).0.unwrap_err();
            assert!(matches!(error, Error::Answer { .. }), "{rows} {error}");
        }
    }
    // What is not there is undefined: the least, and no row where the row itself is it.
    let odd = js!([{"orderByItems": [{}], "payload": "a"}, {"orderByItems": [{"item": null}]}, {"orderByItems": [{"item": null}], "payload": "b"}]);
    let server = Server::new(ordered(), two())
        .rows("0", "", by_n(&[(0, "c")]), "")
        .rows("1", "", odd, "");
    assert_eq!(rows_of(&server, BY_N), r#""a" "b" "c""#);
}

#[test]
fn several_ranges_are_read_at_once_and_one_alone_where_that_is_wanted() {
    /// Takes its time, and counts how many requests are under way.
    struct Slow(Server, AtomicUsize, AtomicUsize);
    impl Transport for Slow {
        fn send(&self, request: &Request) -> Result<Response, Broken> {
            let now = self.1.fetch_add(1, Ordering::SeqCst) + 1;
            self.2.fetch_max(now, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(20));
            self.1.fetch_sub(1, Ordering::SeqCst);
            self.0.send(request)
        }
    }
    let most_at_once = |info: Value, parallel: usize| {
        let server = Server::new(plan(info), two())
            .rows("0", "", js!([[{"item": 1}]]), "a")
            .rows("0", "a", js!([[{"item": 1}]]), "")
            .rows("1", "", js!([[{"item": 1}]]), "");
        let slow = Slow(server, AtomicUsize::default(), AtomicUsize::default());
        let how = How {
            parallel,
            ..How::default()
        };
        ask(&slow, "SELECT …", how).0.unwrap();
        slow.2.into_inner()
    };
    assert_eq!(most_at_once(js!({"aggregates": ["Count"]}), 4), 2);
    assert_eq!(most_at_once(js!({"aggregates": ["Count"]}), 1), 1);
    // The first rows of any range will do.
    assert_eq!(most_at_once(js!({"top": 2}), 4), 1);
}

// ---- Splits and circles

fn three() -> Value {
    js!([
        {"id": "0", "minInclusive": "", "maxExclusive": "1F"},
        {"id": "1", "minInclusive": "1F", "maxExclusive": "FF"},
        {"id": "2", "minInclusive": "1F", "maxExclusive": "2F", "parents": ["1"]},
        {"id": "3", "minInclusive": "2F", "maxExclusive": "FF", "parents": ["1"]}
    ])
}

#[test]
fn children_of_a_split_range_go_on_where_it_was() {
    for substatus in [1002, 1007, 1008] {
        let server = Server::new(ordered(), two())
            .then(three())
            .rows("0", "", by_n(&[(1, "a"), (9, "b")]), "")
            .rows("1", "", by_n(&[(2, "c"), (3, "d")]), "t")
            .gone("1", "t", substatus)
            .rows("2", "t", by_n(&[(4, "e"), (8, "f")]), "u")
            .rows("2", "u", by_n(&[(9, "g")]), "")
            .rows("3", "t", by_n(&[(5, "h")]), "");
        for parallel in [1, 3] {
            server.asked.lock().unwrap().clear();
            let how = How {
                parallel,
                ..How::default()
            };
            let (rows, _) = ask(&server, BY_N, how).0.unwrap();
            assert_eq!(rows, r#""a" "c" "d" "e" "h" "f" "b" "g""#, "{substatus}");
        }
    }
}

#[test]
fn a_range_that_was_merged_is_read_in_parts() {
    let one = js!([{"id": "5", "minInclusive": "", "maxExclusive": "FF", "parents": ["0", "1"]}]);
    let server = Server::new(plan(js!({"distinctType": "Unordered"})), two())
        .then(one)
        .gone("0", "", 1002)
        .rows("1", "", js!([1, 2]), "t")
        .gone("1", "t", 1002)
        .rows("5", "", js!([3, 1.0]), "")
        .rows("5", "t", js!([4, 3]), "");
    let how = How {
        parallel: 1,
        ..How::default()
    };
    let (rows, _) = ask(&server, "SELECT DISTINCT …", how).0.unwrap();
    assert_eq!(rows, "3 1.0 2 4");
    let parts: Vec<[String; 3]> = (0..5)
        .map(|at| server.request(at))
        .filter(|request| place(request).0 == "5")
        .map(|request| {
            ["x-ms-read-key-type", "x-ms-start-epk", "x-ms-end-epk"]
                .map(|name| header(&request, name))
        })
        .collect();
    let part = |min: &str, max: &str| ["EffectivePartitionKeyRange", min, max].map(String::from);
    assert_eq!(parts, [part("", "1F"), part("1F", "FF")]);
}

#[test]
fn a_range_that_is_always_gone_or_goes_in_circles_ends_it() {
    for parallel in [1, 2] {
        let how = || How {
            parallel,
            ..How::default()
        };
        let server = Server::new(plan(js!({"aggregates": ["Count"]})), two())
            .gone("0", "", 1002)
            .rows("1", "", js!([[{"item": 1}]]), "");
        let error = ask(&server, "SELECT …", how()).0.unwrap_err();
        assert!(error.is_status(410), "{error}");
        let server = Server::new(plan(js!({"aggregates": ["Count"]})), two())
            .rows("0", "", js!([]), "x")
            .rows("0", "x", js!([]), "x")
            .rows("1", "", js!([]), "");
        let error = ask(&server, "SELECT …", how()).0.unwrap_err();
        assert!(error.to_string().contains("same continuation"), "{error}");
    }
}

#[test]
fn a_prefix_is_a_part_of_each_range_it_lies_in() {
    let server = Server::new(ordered(), two())
        .rows("0", "", by_n(&[(2, "a")]), "")
        .rows("1", "", by_n(&[(1, "b")]), "");
    let how = How {
        parallel: 1,
        between: Some(("1E".into(), "1FFF".into())),
        ..How::default()
    };
    assert_eq!(ask(&server, BY_N, how).0.unwrap().0, r#""b" "a""#);
    let part =
        |at| ["x-ms-start-epk", "x-ms-end-epk"].map(|name| header(&server.request(at), name));
    assert_eq!([part(0), part(1)], [["1E", "1F"], ["1F", "1FFF"]]);
}

// ---- Going on in another run

/// Every row of three pages in two ranges, which split in between.
fn resumed(make: &dyn Fn() -> Server, late: bool, wanted: &str, text: &str) {
    let wanted: Vec<&str> = wanted.split(' ').collect();
    for stop in 0..=wanted.len() {
        for again in stop..=wanted.len() {
            let mut all = Vec::new();
            let mut state = Some(State::new("rid", text));
            // The first run sees two ranges, the others three.
            for (run, stop) in [stop, again - stop, 100].into_iter().enumerate() {
                let mut server = make();
                if run > 0 && late {
                    server = server.gone("1", "", 1002).gone("1", "u", 1002);
                } else if run > 0 {
                    server.ranges.remove(0);
                }
                let kept = state.as_ref().map(State::to_json).unwrap();
                let how = How {
                    parallel: 1 + run,
                    state: Some(State::from_json(&kept).unwrap()),
                    stop: Some(stop),
                    ..How::default()
                };
                let (came, left) = ask(&server, text, how);
                let rows = came.unwrap().0;
                all.extend(
                    rows.split(' ')
                        .filter(|row| !row.is_empty())
                        .map(String::from),
                );
                state = left;
            }
            assert_eq!(all, wanted, "stopped after {stop} and {again}");
            assert!(state.unwrap().left.is_empty());
        }
    }
}

#[test]
fn a_query_goes_on_where_another_run_stopped_splits_included() {
    let make = || {
        Server::new(ordered(), two())
            .then(three())
            .rows("0", "", by_n(&[(1, "a"), (4, "b"), (9, "c")]), "")
            .rows(
                "1",
                "",
                by_n(&[(2, "d"), (3, "e"), (3, "e"), (5, "f")]),
                "t",
            )
            .gone("1", "t", 1002)
            // The same rows as the children have them, on pages of their own.
            .rows("2", "", by_n(&[(3, "e"), (5, "f")]), "t")
            .rows("3", "", by_n(&[(2, "d")]), "u")
            .rows("3", "u", by_n(&[(3, "e")]), "t")
            .rows("2", "t", by_n(&[(6, "g")]), "")
            .rows("3", "t", by_n(&[(7, "h")]), "")
    };
    let wanted = r#""a" "d" "e" "e" "b" "f" "g" "h" "c""#;
    resumed(&make, false, wanted, BY_N);
    // Or they split once more runs have begun, before anything is read.
    resumed(&make, true, wanted, BY_N);
}

#[test]
fn a_row_that_is_written_in_another_way_is_still_the_one_that_was_given() {
    let row = |n: Value, of: Value| js!({"orderByItems": [{"item": n}], "payload": [n, of]});
    let run = |server: Server, state, stop| {
        let how = How {
            state,
            stop,
            ..How::default()
        };
        let (came, left) = ask(&server.rows("1", "", js!([]), ""), BY_N, how);
        (came.unwrap().0, left)
    };
    let rows = js!([row(js!(1), js!(2.0)), row(js!(3), js!(-0.0))]);
    let server = Server::new(ordered(), two()).rows("0", "", rows, "");
    let state = State::new("rid", BY_N);
    let (rows, state) = run(server, Some(state), Some(1));
    assert_eq!(rows, "[1,2.0]");
    let rows = js!([row(js!(1.0), js!(2)), row(js!(3.0), js!(0))]);
    let server = Server::new(ordered(), two()).rows("0", "", rows, "");
    assert_eq!(run(server, state, None).0, "[3.0,0]");
}

#[test]
fn a_window_is_counted_over_all_runs() {
    let windowed = || plan(js!({"orderBy": ["Ascending"], "offset": 2, "limit": 3}));
    let make = || {
        Server::new(windowed(), two())
            .then(two())
            .rows("0", "", by_n(&[(1, "a"), (4, "b"), (9, "c")]), "")
            .rows("1", "", by_n(&[(2, "d"), (3, "e"), (5, "f")]), "")
    };
    let text = "SELECT … OFFSET 2 LIMIT 3";
    let mut state = Some(State::new("rid", text));
    let mut all = Vec::new();
    for _ in 0..5 {
        let how = How {
            parallel: 2,
            state: state.take(),
            stop: Some(1),
            ..How::default()
        };
        let (came, left) = ask(&make(), text, how);
        all.push(came.unwrap().0);
        state = left;
    }
    assert_eq!(all, [r#""e""#, r#""b""#, r#""f""#, "", ""]);
}

#[test]
fn rows_in_no_order_come_once_wherever_runs_stop() {
    let make = || {
        Server::new(plan(js!({"distinctType": "None"})), two())
            .then(two())
            .rows("0", "", js!(["a", "b"]), "p")
            .rows("0", "p", js!(["c"]), "")
            .rows("1", "", js!(["d", "e"]), "q")
            .rows("1", "q", js!(["f"]), "")
    };
    let text = "SELECT VALUE c.id FROM c";
    for (first, second) in (0..=6).flat_map(|first| (0..=6 - first).map(move |n| (first, n))) {
        let mut state = Some(State::new("rid", text));
        let mut all = Vec::new();
        for stop in [first, second, 100] {
            let how = How {
                parallel: 1,
                state: state.take(),
                stop: Some(stop),
                ..How::default()
            };
            let (came, left) = ask(&make(), text, how);
            let rows = came.unwrap().0;
            all.extend(rows.split_whitespace().map(String::from));
            state = left;
        }
        all.sort();
        let wanted = r#""a" "b" "c" "d" "e" "f""#;
        assert_eq!(all.join(" "), wanted, "stopped after {first} and {second}");
    }
}

// ---- The plans of the service's own generator

#[test]
fn every_recorded_plan_is_read_or_refused_in_words() {
    let recorded = json("fixtures/query/query_plan_baselines.json");
    let all = recorded
        .as_array()
        .or(recorded["queries"].as_array())
        .unwrap();
    let (mut read, mut refused) = (0, 0);
    for case in all.iter().filter(|case| case["queryInfo"].is_object()) {
        let body = js!({"queryInfo": case["queryInfo"], "queryRanges": []}).to_string();
        match Plan::read(&answer(200, &[], body)) {
            Ok(Some(_)) => read += 1,
            other => {
                refused += 1;
                println!("{}: {other:?}", case["query"]);
            }
        }
    }
    assert!(read > 300 && refused == 0, "{read} {refused}");
}
