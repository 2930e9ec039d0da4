//! The page, inside the program.

use super::refusal::Refusal;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "web/page/"]
struct Page;

/// What the page may do: it uses the studio and nothing else.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' \
                      'unsafe-inline'; img-src 'self' blob: data:; media-src 'self' blob:; \
                      worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action \
                      'none'; frame-ancestors 'none'";

/// A file of the page.
pub fn file(path: &str) -> Result<Response, Refusal> {
    let path = match path {
        "" => "index.html",
        path => path,
    };
    let Some(file) = Page::get(path) else {
        return Err(Refusal::missing(format!(
            "there is no {} here; the page is at /",
            path.escape_debug()
        )));
    };
    let headers = [
        (header::CONTENT_TYPE, kind_of(path)),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
    ];
    Ok((headers, file.data.into_owned()).into_response())
}

/// The media type of a file, by its ending.
pub fn kind_of(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "csv" => "text/csv; charset=utf-8",
        "md" | "txt" | "wgsl" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
