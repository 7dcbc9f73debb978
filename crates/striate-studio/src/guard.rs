//! Who may talk to the studio: this computer's browser, on a page the studio itself served.
//!
//! Three checks, on every request: `Host` must be a loopback name with our port (a page elsewhere that points its own
//! name at 127.0.0.1 is turned away), `Origin`, when a browser sends one, must be ours, and whatever changes state or
//! runs code must carry the token of this launch, which only a page we served knows.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Header that carries the token on requests that change something.
pub const TOKEN_HEADER: &str = "x-striate-token";
/// The WebSocket subprotocol; the token travels as a second one, as browsers cannot set other headers there.
pub const SOCKET_PROTOCOL: &str = "striate";

/// Pages may load only what the studio serves; style attributes are allowed because rendered formulas use them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
    img-src 'self' data: blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'";

/// What requests are measured against.
#[derive(Clone, Debug)]
pub struct Guard {
    port: u16,
    token: String,
}

impl Guard {
    /// A guard for `port` with a fresh token of 128 random bits.
    pub fn new(port: u16) -> Result<Self, getrandom::Error> {
        let mut bytes = [0u8; 16];
        getrandom::fill(&mut bytes)?;
        let token = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Guard { port, token })
    }

    /// The token of this launch.
    pub fn token(&self) -> &str {
        &self.token
    }

    fn is_our_authority(&self, authority: &str) -> bool {
        ["127.0.0.1", "localhost"].iter().any(|name| authority == format!("{name}:{}", self.port))
    }

    fn is_our_origin(&self, origin: &str) -> bool {
        origin.strip_prefix("http://").is_some_and(|authority| self.is_our_authority(authority))
    }

    fn has_token(&self, headers: &HeaderMap, is_socket: bool) -> bool {
        let given = if is_socket {
            headers
                .get(SEC_WEBSOCKET_PROTOCOL)
                .and_then(text)
                .and_then(|list| list.split(',').map(str::trim).find(|name| *name != SOCKET_PROTOCOL))
        } else {
            headers.get(TOKEN_HEADER).and_then(text)
        };
        given.is_some_and(|given| equal_in_constant_time(given.as_bytes(), self.token.as_bytes()))
    }

    /// Why the request is refused, if it is.
    fn refusal(&self, method: &Method, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
        let host = headers.get(HOST).and_then(text).unwrap_or("");
        if !self.is_our_authority(host) {
            return Some((
                StatusCode::MISDIRECTED_REQUEST,
                "The studio answers only to localhost. Open the address that `striate` printed.\n",
            ));
        }
        if headers.get(ORIGIN).is_some_and(|origin| !text(origin).is_some_and(|origin| self.is_our_origin(origin))) {
            return Some((
                StatusCode::FORBIDDEN,
                "This request comes from another site; the studio does not answer it.\n",
            ));
        }
        let is_socket = headers.contains_key(UPGRADE);
        let is_safe = (method == Method::GET || method == Method::HEAD) && !is_socket;
        if !is_safe && !self.has_token(headers, is_socket) {
            return Some((
                StatusCode::FORBIDDEN,
                "The token of this launch is missing or old: Striate was restarted. Reload the page.\n",
            ));
        }
        None
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    left.len() == right.len() && left.iter().zip(right).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

/// The middleware: refuses, or passes on and adds the headers every answer carries.
pub async fn protect(State(guard): State<Guard>, request: Request<Body>, next: Next) -> Response {
    if let Some(refusal) = guard.refusal(request.method(), request.headers()) {
        return refusal.into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    // Some browsers do not count WebSockets to the own address as 'self'.
    let port = guard.port;
    let policy = format!("{POLICY} ws://127.0.0.1:{port} ws://localhost:{port}");
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers.insert("referrer-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| ((*name).try_into().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn other_hosts_origins_and_tokens_are_refused() {
        let guard = Guard::new(4747).unwrap();
        let status = |method: Method, pairs: &[(&'static str, &str)]| {
            guard.refusal(&method, &headers(pairs)).map(|(status, _)| status.as_u16())
        };
        let ours = ("host", "127.0.0.1:4747");
        let token = ("x-striate-token", guard.token());
        assert_eq!(status(Method::GET, &[ours]), None);
        assert_eq!(status(Method::GET, &[("host", "localhost:4747")]), None);
        assert_eq!(status(Method::GET, &[("host", "localhost:80")]), Some(421));
        assert_eq!(status(Method::GET, &[("host", "evil.example:4747")]), Some(421));
        assert_eq!(status(Method::GET, &[]), Some(421));
        assert_eq!(status(Method::GET, &[ours, ("origin", "http://evil.example")]), Some(403));
        assert_eq!(status(Method::POST, &[ours, token, ("origin", "null")]), Some(403));
        assert_eq!(status(Method::POST, &[ours]), Some(403));
        assert_eq!(status(Method::POST, &[ours, ("x-striate-token", "0123")]), Some(403));
        assert_eq!(status(Method::POST, &[ours, token, ("origin", "http://127.0.0.1:4747")]), None);
        assert_eq!(status(Method::GET, &[ours, ("upgrade", "websocket")]), Some(403));
        let protocols = format!("striate, {}", guard.token());
        assert_eq!(
            status(Method::GET, &[ours, ("upgrade", "websocket"), ("sec-websocket-protocol", &protocols)]),
            None
        );
    }
}
