//! What an error body says: the code, the innermost sentence and the activity id, whatever wraps them.

use serde_json::Value;

#[derive(Default)]
pub(super) struct Said {
    pub code: String,
    pub message: String,
    pub activity: Option<String>,
    pub place: Option<(u64, u64)>,
    /// The body has a code and a message, as all refusals of the services do.
    pub coded: bool,
}

/// One reader for all known forms: ARM's `{"error":{…}}`, the resource provider's and the data plane's
/// `{"code","message"}`, the failed operation's `{"status":"Failed","error":{…}}`, and the identity
/// endpoints' `{"error","error_description"}` and `{"statusCode","message"}`. A message may itself hold such a body.
pub(super) fn read_body(body: &str) -> Said {
    let mut said = Said::default();
    let mut text = body.trim().to_string();
    for _ in 0..LAYERS {
        let Some(inner) = unwrap_once(&text, &mut said) else {
            break;
        };
        text = inner.trim().to_string();
    }
    let empty = text.is_empty();
    said.message = shorten(if empty { "(no message)" } else { &text });
    said
}

/// JSON in a message in JSON, each with its trailer: three of them have been seen.
const LAYERS: u32 = 8;

/// Takes one layer off: the message inside a JSON body, or a text without its label and trailer.
fn unwrap_once(text: &str, said: &mut Said) -> Option<String> {
    let bare = text.trim_start_matches("Message: ").trim_start();
    // JSON first: its texts hold trailers of their own.
    let mut values = serde_json::Deserializer::from_str(bare).into_iter::<Value>();
    if bare.starts_with('{')
        && let Some(Ok(value)) = values.next()
    {
        said.find_activity(bare.get(values.byte_offset()..).unwrap_or_default());
        return message_of(&value, said);
    }
    said.find_activity(bare);
    let head = bare.split("ActivityId: ").next().unwrap_or(bare);
    let head = head.trim_end().trim_end_matches(',');
    (head.len() < text.len()).then(|| head.to_string())
}

impl Said {
    fn find_activity(&mut self, text: &str) {
        let Some((_, id)) = text.split_once("ActivityId: ") else {
            return;
        };
        let id = id
            .split(|c: char| !c.is_ascii_hexdigit() && c != '-')
            .next();
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            self.activity.get_or_insert_with(|| id.to_string());
        }
    }
}

/// The sentence and the code in a JSON error body.
fn message_of(value: &Value, said: &mut Said) -> Option<String> {
    let error = match value.get("error") {
        Some(inner @ Value::Object(_)) => inner,
        _ => value,
    };
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| error.get(*name));
        found.map(|v| {
            v.as_str()
                .map_or_else(|| v.to_string(), |text| text.to_string())
        })
    };
    let outermost = said.code.is_empty();
    said.coded |= ["code", "message"]
        .iter()
        .all(|name| error.get(*name).is_some_and(Value::is_string));
    if outermost {
        let code = text(&["code", "error", "statusCode", "StatusCode"]);
        // The instance metadata puts a sentence where others have a code.
        said.code = code.filter(|code| !code.contains(' ')).unwrap_or_default();
    }
    if let Some(Value::Array(errors)) = error.get("Errors").or_else(|| error.get("errors")) {
        return errors.first().map(|first| match first {
            Value::String(text) => text.clone(),
            other => located(other, said),
        });
    }
    let message = text(&["message", "Message", "error_description", "error"]);
    let detail = error.pointer("/details/0/message").and_then(Value::as_str);
    match (message, detail) {
        (Some(message), Some(detail)) if !message.contains(detail) => {
            Some(format!("{message} ({detail})"))
        }
        (Some(message), _) => Some(message),
        (None, Some(detail)) => Some(detail.to_string()),
        (None, None) => Some(said.code.clone()).filter(|code| outermost && !code.is_empty()),
    }
}

/// A query error with the place it names: `{"severity","location":{"start","end"},"code","message"}`.
fn located(error: &Value, said: &mut Said) -> String {
    let part = |pointer: &str| error.pointer(pointer).and_then(Value::as_u64);
    let message = error.get("message").and_then(Value::as_str);
    let code = error.get("code").and_then(Value::as_str);
    let mut text = message.unwrap_or("syntax error").to_string();
    if let Some(code) = code {
        text = format!("{code}: {text}");
    }
    if let (Some(start), Some(end)) = (part("/location/start"), part("/location/end")) {
        said.place = Some((start, end));
        text = format!("{text} (characters {start} to {end} of the query)");
    }
    text
}

/// One paragraph at most: an HTML page or a stack trace is not a message.
fn shorten(text: &str) -> String {
    const LIMIT: usize = 1500;
    let text = if text.starts_with('<') {
        page_title(text)
    } else {
        text.to_string()
    };
    match text.char_indices().nth(LIMIT) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// What an HTML error page says, without its tags.
fn page_title(page: &str) -> String {
    let mut words = String::new();
    let mut inside = false;
    for c in page.chars() {
        match c {
            '<' => {
                inside = true;
                words.push(' ');
            }
            '>' => inside = false,
            c if !inside => words.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> = words.split_whitespace().collect();
    format!("a web page, not JSON: {}", words.join(" "))
}
