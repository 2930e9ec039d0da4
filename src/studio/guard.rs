//! Who may ask: pages of the studio itself and, where other machines are let in, who knows the
//! token.
//!
//! A page of another site can send requests to this machine. Its `Origin` gives it away, and where
//! its name was made to point here (DNS rebinding), its `Host` does.

use super::refusal::Refusal;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use std::net::IpAddr;

/// The header with the token. A query may have it as `token`.
pub const TOKEN_HEADER: &str = "x-pix2pix-token";

/// What a request must show.
#[derive(Debug)]
pub struct Guard {
    /// Needed where others than this machine can ask.
    token: Option<String>,
    /// The name that was listened at, if it is one.
    name: Option<String>,
}

impl Guard {
    /// The guard of a studio that only this machine reaches.
    pub fn of_loopback() -> Self {
        Self {
            token: None,
            name: None,
        }
    }

    /// The guard of a studio that others reach at `address`.
    pub fn of_token(token: String, address: &str) -> Self {
        Self {
            token: Some(token),
            name: Some(address.to_ascii_lowercase()),
        }
    }

    /// The token, if one is needed.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Checks who asks, by its headers.
    ///
    /// # Errors
    /// A host or an origin that is not the studio's own.
    pub fn check_place(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let forbidden = |message: &str| Err(Refusal::new(StatusCode::FORBIDDEN, message));
        let Some(host) = text(headers, header::HOST) else {
            return forbidden(
                "the request names no host; open the address that the studio printed",
            );
        };
        if !self.is_own(host) {
            return forbidden(
                "this host is not the studio's; open the address that the studio printed",
            );
        }
        let own = |origin: &str| {
            let place = origin.split_once("://").map(|(_, place)| place);
            place.is_some_and(|place| place.eq_ignore_ascii_case(host))
        };
        match text(headers, header::ORIGIN) {
            None if headers.contains_key(header::ORIGIN) => {}
            None => return Ok(()),
            Some(origin) if own(origin) => return Ok(()),
            Some(_) => {}
        }
        forbidden("a page of another origin asks; open the address that the studio printed")
    }

    /// Checks a request to the interface, which needs the token and comes from the studio's page.
    ///
    /// # Errors
    /// A request from another site, and a token that is missing or wrong.
    pub fn check_call(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
        if !matches!(site, None | Some(b"same-origin" | b"none")) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "a page of another site asks; open the address that the studio printed",
            ));
        }
        let given = headers
            .get(TOKEN_HEADER)
            .and_then(|token| token.to_str().ok())
            .or_else(|| of_query(uri, "token"));
        self.check_token(given.unwrap_or_default())
    }

    /// Checks a token.
    ///
    /// # Errors
    /// One that is not the studio's.
    pub fn check_token(&self, given: &str) -> Result<(), Refusal> {
        match &self.token {
            Some(token) if !same(token, given) => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong; open the address that the studio printed",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the studio is reached under this name. The port is not compared: a tunnel may have
    /// another one.
    fn is_own(&self, host: &str) -> bool {
        let Ok(place) = host.parse::<Authority>() else {
            return false;
        };
        let name = place.host().to_ascii_lowercase();
        let address = name.trim_start_matches('[').trim_end_matches(']');
        match (address.parse::<IpAddr>(), &self.token) {
            _ if name == "localhost" => true,
            (Ok(address), None) => address.is_loopback(),
            (Ok(_), Some(_)) => true,
            (Err(_), _) => self.name.as_ref() == Some(&name),
        }
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// A value of the query that needs no decoding.
fn of_query<'a>(uri: &'a Uri, name: &str) -> Option<&'a str> {
    let parts = uri.query().unwrap_or_default().split('&');
    parts
        .filter_map(|part| part.split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Compares without telling by the time how much is alike.
fn same(one: &str, other: &str) -> bool {
    let differences = one
        .bytes()
        .zip(other.bytes())
        .fold(0, |sum, (one, other)| sum | (one ^ other));
    one.len() == other.len() && differences == 0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_the_own_host_and_origin_pass() {
        let loopback = Guard::of_loopback();
        let listening = Guard::of_token("t".to_owned(), "studio.local");
        for (host, origin, here, there) in [
            ("127.0.0.1:8686", None, true, true),
            ("localhost:9", Some("http://localhost:9"), true, true),
            ("[::1]:8686", Some("http://[::1]:8686"), true, true),
            ("192.168.1.5:8686", None, false, true),
            ("studio.local:8686", None, false, true),
            ("evil.example:8686", None, false, false),
            ("127.0.0.1.evil.example", None, false, false),
            ("127.0.0.1:8686", Some("http://evil.example"), false, false),
            ("127.0.0.1:8686", Some("http://127.0.0.1:80"), false, false),
            ("127.0.0.1:8686", Some("null"), false, false),
            ("", None, false, false),
        ] {
            let mut pairs = vec![("host", host)];
            pairs.extend(origin.map(|origin| ("origin", origin)));
            let headers = headers(&pairs);
            for (guard, passes) in [(&loopback, here), (&listening, there)] {
                let found = guard.check_place(&headers).is_ok();
                assert_eq!(found, passes, "{host} {origin:?} {guard:?}");
            }
        }
        assert!(loopback.check_place(&HeaderMap::new()).is_err());
    }

    #[test]
    fn a_call_needs_the_token_and_comes_from_no_other_site() {
        let guard = Guard::of_token("abc".to_owned(), "0.0.0.0");
        let uri = |text: &str| text.parse::<Uri>().unwrap();
        let none = HeaderMap::new();
        assert!(guard.check_call(&none, &uri("/api/runs?token=abc")).is_ok());
        assert!(
            guard
                .check_call(&headers(&[(TOKEN_HEADER, "abc")]), &uri("/api"))
                .is_ok()
        );
        for wrong in ["/api", "/api?token=", "/api?token=abd", "/api?token=abcd"] {
            let refused = guard.check_call(&none, &uri(wrong)).unwrap_err();
            assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{wrong}");
        }
        let guard = Guard::of_loopback();
        for (site, passes) in [("same-origin", true), ("none", true), ("cross-site", false)] {
            let headers = headers(&[("sec-fetch-site", site)]);
            assert_eq!(
                guard.check_call(&headers, &uri("/api")).is_ok(),
                passes,
                "{site}"
            );
        }
    }
}
