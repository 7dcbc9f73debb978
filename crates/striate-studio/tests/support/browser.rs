//! Chromium, started headless with a profile of its own, spoken to over one WebSocket.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::{Message, WebSocket};

const PATIENCE: Duration = Duration::from_secs(30);

/// The first Chromium found: `STRIATE_CHROMIUM`, then the usual names.
pub fn find_chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("STRIATE_CHROMIUM").filter(|name| !name.is_empty()) {
        return Some(named.into());
    }
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = names.iter().flat_map(|name| std::env::split_paths(&path).map(move |folder| folder.join(name)));
    let elsewhere = ["/usr/bin/chromium", "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"];
    on_path.chain(elsewhere.iter().map(PathBuf::from)).find(|program| program.is_file())
}

/// A running browser; it ends with this value.
pub struct Browser {
    child: Child,
    address: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts `program` and waits until it can be spoken to.
    pub fn launch(program: &Path) -> Browser {
        let profile = tempfile::tempdir().expect("a folder for the browser's profile");
        let mut child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            // What it leaves behind when killed goes with its profile.
            .env("TMPDIR", profile.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is piped")).lines();
        let address = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("DevTools listening on ").map(str::to_owned))
            .expect("the browser ended before it could be spoken to");
        // The pipe must be emptied, or the browser stops when it is full.
        std::thread::spawn(move || lines.for_each(drop));
        Browser { child, address, _profile: profile }
    }

    /// Opens a page of this size.
    pub fn page(&self, width: u32, height: u32) -> Page {
        let authority = self.address.trim_start_matches("ws://").split('/').next().unwrap_or_default();
        let stream = TcpStream::connect(authority).expect("the browser listens");
        let (socket, _) = tungstenite::client(self.address.as_str(), stream).expect("the browser speaks WebSocket");
        socket.get_ref().set_read_timeout(Some(Duration::from_millis(200))).expect("a read timeout");
        let mut page = Page { socket, session: None, next_id: 0, problems: Vec::new(), events: Vec::new() };
        let target = page.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = page.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        page.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            page.call(domain, json!({}));
        }
        page.resize(width, height);
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A page of the browser, and everything that went wrong on it.
pub struct Page {
    socket: WebSocket<TcpStream>,
    session: Option<String>,
    next_id: u64,
    problems: Vec<String>,
    events: Vec<String>,
}

impl Page {
    /// Calls a method of the DevTools protocol.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.try_call(method, parameters).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    fn try_call(&mut self, method: &str, parameters: Value) -> Result<Value, Value> {
        self.next_id += 1;
        let id = self.next_id;
        let mut request = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(request.to_string())).expect("the browser takes a command");
        let deadline = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < deadline, "{method} was not answered");
            if let Some(message) = self.read()
                && message["id"] == json!(id)
            {
                return message.get("error").map_or_else(|| Ok(message["result"].clone()), |error| Err(error.clone()));
            }
        }
    }

    /// One message, if one arrives within the socket's time limit; events are noted on the way.
    fn read(&mut self) -> Option<Value> {
        let text = match self.socket.read() {
            Ok(Message::Text(text)) => text,
            Ok(_) => return None,
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                return None;
            }
            Err(error) => panic!("the browser has gone: {error}"),
        };
        let message: Value = serde_json::from_str(&text).expect("the browser speaks JSON");
        self.note(&message);
        Some(message)
    }

    fn note(&mut self, message: &Value) {
        let Some(method) = message["method"].as_str() else { return };
        let parameters = &message["params"];
        match method {
            "Runtime.exceptionThrown" => self.problems.push(format!("exception: {}", parameters["exceptionDetails"])),
            "Runtime.consoleAPICalled"
                if matches!(parameters["type"].as_str(), Some("error" | "warning" | "assert")) =>
            {
                self.problems.push(format!("console: {}", parameters["args"]));
            }
            "Log.entryAdded" if parameters["entry"]["level"] == "error" => {
                self.problems.push(format!("log: {} {}", parameters["entry"]["text"], parameters["entry"]["url"]));
            }
            "Page.javascriptDialogOpening" => self.problems.push(format!("dialog: {}", parameters["message"])),
            _ => {}
        }
        self.events.push(method.to_owned());
    }

    /// Goes to an address and waits until it has loaded.
    pub fn open(&mut self, url: &str) {
        self.events.clear();
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert!(answer.get("errorText").is_none(), "{url}: {}", answer["errorText"]);
        let deadline = Instant::now() + PATIENCE;
        while !self.events.iter().any(|event| event == "Page.loadEventFired") {
            assert!(Instant::now() < deadline, "{url} does not finish loading");
            self.read();
        }
    }

    /// The value of a JavaScript expression (a promise is waited for).
    pub fn evaluate(&mut self, expression: &str) -> Value {
        self.try_evaluate(expression).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// The error is the browser's: above all, that the page went elsewhere before the expression had a value.
    fn try_evaluate(&mut self, expression: &str) -> Result<Value, Value> {
        let parameters = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.try_call("Runtime.evaluate", parameters)?;
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {}", answer["exceptionDetails"]);
        Ok(answer["result"]["value"].clone())
    }

    /// Waits until an expression is truthy and returns its value; asks again when the page went elsewhere meanwhile.
    pub fn wait_for(&mut self, expression: &str, limit: Duration) -> Value {
        let deadline = Instant::now() + limit;
        loop {
            let value = self.try_evaluate(expression).unwrap_or(Value::Null);
            let is_truthy =
                !matches!(&value, Value::Null | Value::Bool(false)) && value != json!(0) && value != json!("");
            if is_truthy {
                return value;
            }
            if Instant::now() > deadline {
                let shown = self.evaluate("document.querySelector('main')?.innerText?.slice(0, 1500)");
                panic!("waited {limit:?} in vain for {expression}\nproblems: {:?}\npage: {shown}", self.problems);
            }
            std::thread::sleep(Duration::from_millis(60));
        }
    }

    /// Where the middle of an element is, scrolled into view.
    pub fn middle_of(&mut self, selector: &str) -> (f64, f64) {
        let [x, y, width, height] = self.box_of(selector);
        (x + width / 2.0, y + height / 2.0)
    }

    /// Left, top, width and height of an element in the window, scrolled into view.
    pub fn box_of(&mut self, selector: &str) -> [f64; 4] {
        let expression = format!(
            "(() => {{ const e = document.querySelector({selector:?}); e.scrollIntoView({{block: 'center', behavior: 'instant'}}); \
             const b = e.getBoundingClientRect(); return [b.left, b.top, b.width, b.height]; }})()"
        );
        let found = self.evaluate(&expression);
        [0, 1, 2, 3].map(|index| found[index].as_f64().unwrap_or_else(|| panic!("{selector} has no box")))
    }

    /// Clicks the middle of an element.
    pub fn click(&mut self, selector: &str) {
        let at = self.middle_of(selector);
        self.mouse("mouseMoved", at, 0);
        self.mouse("mousePressed", at, 1);
        self.mouse("mouseReleased", at, 0);
    }

    /// Moves the pointer.
    pub fn hover(&mut self, at: (f64, f64)) {
        self.mouse("mouseMoved", at, 0);
    }

    /// Draws through these points of the window with the button held down.
    pub fn drag(&mut self, points: &[(f64, f64)]) {
        self.mouse("mouseMoved", points[0], 0);
        self.mouse("mousePressed", points[0], 1);
        for point in &points[1..] {
            self.mouse("mouseMoved", *point, 1);
        }
        self.mouse("mouseReleased", points[points.len() - 1], 0);
    }

    /// Draws strokes given in the unit square onto an element.
    pub fn draw(&mut self, selector: &str, strokes: &[Vec<(f64, f64)>]) {
        let [left, top, width, height] = self.box_of(selector);
        for stroke in strokes {
            let points: Vec<_> = stroke.iter().map(|(x, y)| (left + x * width, top + y * height)).collect();
            self.drag(&points);
        }
    }

    fn mouse(&mut self, kind: &str, (x, y): (f64, f64), buttons: u32) {
        let button = if kind == "mouseMoved" && buttons == 0 { "none" } else { "left" };
        let parameters = json!({ "type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1 });
        self.call("Input.dispatchMouseEvent", parameters);
    }

    /// Presses and releases a key, by its name in JavaScript.
    pub fn press(&mut self, key: &str) {
        for kind in ["keyDown", "keyUp"] {
            self.call("Input.dispatchKeyEvent", json!({ "type": kind, "key": key }));
        }
    }

    /// Replaces the text of a field, with the events typing has.
    pub fn fill(&mut self, selector: &str, text: &str) {
        self.evaluate(&format!(
            "document.querySelector({selector:?}).focus(), document.querySelector({selector:?}).select()"
        ));
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Chooses an option of a select, with the events choosing has.
    pub fn choose(&mut self, selector: &str, value: &str) {
        self.evaluate(&format!(
            "(() => {{ const s = document.querySelector({selector:?}); s.value = {value:?}; \
             s.dispatchEvent(new Event('input', {{bubbles: true}})); s.dispatchEvent(new Event('change', {{bubbles: true}})); }})()"
        ));
    }

    /// Sets the size of the window.
    pub fn resize(&mut self, width: u32, height: u32) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", metrics);
    }

    /// Writes what is visible as PNG.
    pub fn screenshot(&mut self, path: &Path) {
        let data = self.call("Page.captureScreenshot", json!({ "format": "png" }))["data"].clone();
        let png = base64::engine::general_purpose::STANDARD
            .decode(data.as_str().expect("a picture"))
            .expect("a picture in base64");
        std::fs::write(path, png).unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
    }

    /// Errors, warnings and exceptions since the last call.
    pub fn problems(&mut self) -> Vec<String> {
        // Late messages of the page.
        self.evaluate("new Promise(done => setTimeout(done, 30))");
        std::mem::take(&mut self.problems)
    }
}
