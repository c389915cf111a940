//! The parts of the page. Each `{}` is the place of a text.

/// Everything before the list of steps. Nothing is fetched, whatever is in it. Takes where the tour led.
pub const HEAD: &str = concat!(
    r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>The rawcosmos tour</title>
<style>
"#,
    include_str!("page.css"),
    r#"</style>
</head>
<body>
<header>
<h1>The rawcosmos tour</h1>
<p>What this machine and Azure Cosmos DB said to each other, {}. Solid arrows are requests, dashed ones their answers. Open a pair for all of its text, the reason of each header, and a line to do it by hand. Secrets are masked.</p>
<p>✓ done, ↻ to be asked again, ✕ refused or no answer</p>
</header>
<nav aria-label="Steps">
<ol>
"#
);

/// Between the list of steps and the first step: who talks. Takes the name of where the identity comes from.
pub const LANES: &str = r#"</ol>
</nav>
<main>
<ul>
<li class="p0">This machine<small>rawcosmos</small></li>
<li class="p1">Identity<small>{}</small></li>
<li class="p2">ARM<small>management plane</small></li>
<li class="p3">Cosmos DB<small>data plane</small></li>
</ul>
"#;

/// After everything.
pub const END: &str = "</main>
</body>
</html>
";

/// Why the tour ended early. Takes the error.
pub const FAILURE: &str = r#"<section class="n bad">
<h2>✕ The tour ends here</h2>
<pre>{}</pre>
</section>
"#;

/// A request. Takes its lane, the lane's name, method, a sign where the target is cut, and the target.
pub const ARROW: &str = r#"<li>
<details class="p{}">
<summary class="x">
<span><b>{}</b> <code>{} {}{}</code></span><span class="a"></span>
"#;

/// In the place of an answer. Takes what happened.
pub const NO_ANSWER: &str = "<span class=\"bad\"><b>✕ no answer</b> · {}</span>\n";

/// Where an exchange in full begins. Takes what its plane is.
pub const UNFOLDED: &str = r#"</summary>
<div class="n">
<p>{}</p>
<h3>Request</h3>
"#;

/// Where an exchange in full ends. Takes a remark and a line for a shell.
pub const BY_HAND: &str = r#"<h3>Do it yourself{}</h3>
<pre>{}</pre>
</div>
</details>
"#;

/// After an answer that asks for patience. Takes milliseconds.
pub const WAIT: &str = "<p class=\"w\"><span>↻ wait {} ms, as it says</span></p>\n";

/// A body once more. Takes it.
pub const INDENTED: &str = r#"<details>
<summary>The body, indented</summary>
<pre>{}</pre>
</details>
"#;

/// An entry of the list of steps. This one and the next two take a number twice, and a title.
pub const LINK: &str = "<li value=\"{}\"><a href=\"#s{}\">{}</a></li>\n";

/// A step that was not come to.
pub const MISSED: &str = "<p class=\"n\" id=\"s{}\">{}. {}: not reached</p>\n";

/// Where a step begins. Takes its goal as well.
pub const STEP: &str = r#"<section id="s{}">
<div class="n">
<h2>{}. {}</h2>
<p>{}</p>
</div>
"#;

/// What to see in a step. Takes it.
pub const NOTICE: &str = "<p class=\"n\"><strong>Notice:</strong> {}</p>\n";

/// How an answer begins. Takes the kind of it, a sign for that, status and reason.
pub const STATUS: &str = r#"<span class="{}"><b>{} {} {}</b>"#;

/// Where an answer ends, and its arrow.
pub const BACK: &str = "</span><span class=\"a r\"></span>\n";

/// Before the exchanges that took back what the tour had made.
pub const UNDONE: &str = r#"<section>
<h2 class="n">Taking back what it had made</h2>
"#;
