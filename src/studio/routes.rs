//! What may be asked. `docs/studio.md` has the same as a table.

use super::datasets::DataSets;
use super::draw::{Drawer, Drawing, Look, MOST_PIXELS, MOST_WEIGHTS, View, socket};
use super::guard::Guard;
use super::page;
use super::refusal::{Json, Refusal, on_disk, read_body, read_json};
use super::runs::notes::Notes;
use super::runs::watch::{Follower, Watchers};
use super::runs::{RunsFolder, detail, files, summary};
use super::trainings::{Start, Trainings};
use super::uploads::{self, MOST_DATA};
use crate::train::run::RunDir;
use crate::train::{Changes, form};
use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderValue, Method, Uri, header};
use axum::middleware::{self, Next};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::watch;
use tower_http::set_header::SetResponseHeaderLayer;

/// What all requests share.
#[derive(Debug)]
pub struct Shared {
    pub guard: Guard,
    pub runs: RunsFolder,
    pub watchers: Watchers,
    pub datasets: DataSets,
    pub trainings: Arc<Trainings>,
    pub drawer: Drawer,
    /// Whether the studio ends.
    pub end: watch::Receiver<bool>,
}

type Studio = State<Arc<Shared>>;
type Answer = Result<Json<Value>, Refusal>;

/// All routes.
pub fn router(shared: Arc<Shared>) -> Router {
    let api = Router::new()
        .route("/studio", get(about_studio))
        .route("/about", get(about))
        .route("/models", get(models).post(upload))
        .route("/models/{model}", get(model).delete(forget_model))
        .route("/inspect", post(inspect))
        .route("/drawing", post(drawing))
        .route("/shader", post(shader))
        .route("/activations", post(activations))
        .route("/options", get(async || Json(form())))
        .route("/datasets", get(datasets).post(add_dataset))
        .route("/datasets/{dataset}", delete(forget_dataset))
        .route("/runs", get(runs))
        .route("/runs/{run}", get(run).delete(forget_run))
        .route("/runs/{run}/metrics", get(metrics))
        .route("/runs/{run}/events", get(events))
        .route("/runs/{run}/notes", get(notes).put(write_notes))
        .route("/runs/{run}/stop", post(stop))
        .route("/runs/{run}/resume", post(resume))
        .route("/trainings", post(start))
        .route("/draw", get(draw))
        .layer(middleware::from_fn_with_state(shared.clone(), check_call));
    Router::new()
        .nest("/api", api)
        .route("/files/{token}/{run}/{*path}", get(file))
        .fallback(page_file)
        .method_not_allowed_fallback(async || {
            Refusal::new(
                axum::http::StatusCode::METHOD_NOT_ALLOWED,
                "this address does not take such a request; docs/studio.md lists what it takes",
            )
        })
        .layer(middleware::from_fn_with_state(shared.clone(), check_place))
        .layer(header_of(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header_of(header::REFERRER_POLICY, "no-referrer"))
        .layer(header_of(header::CACHE_CONTROL, "no-store"))
        .with_state(shared)
}

/// Adds a header to every answer that has not got it.
fn header_of(name: header::HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

async fn check_place(State(shared): Studio, request: Request, next: Next) -> Response {
    match shared.guard.check_place(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn check_call(State(shared): Studio, request: Request, next: Next) -> Response {
    match shared.guard.check_call(request.headers(), request.uri()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn page_file(method: Method, uri: Uri) -> Result<Response, Refusal> {
    match method {
        Method::GET | Method::HEAD => page::file(uri.path().trim_start_matches('/')),
        _ => Err(Refusal::missing(
            "there is nothing to send this to; the page is at /",
        )),
    }
}

async fn about_studio(State(shared): Studio) -> Json<Value> {
    Json(json!({
        "name": "pix2pix studio",
        "version": env!("CARGO_PKG_VERSION"),
        "runs": shared.runs.root().display().to_string(),
        "training": shared.trainings.running(),
    }))
}

async fn about(State(shared): Studio) -> Answer {
    shared.drawer.about().await.map(Json)
}

async fn models(State(shared): Studio) -> Answer {
    let runs = shared.runs.clone();
    let known = shared.drawer.files().await?;
    on_disk(move || super::draw::list(&runs, known))
        .await
        .map(Json)
}

async fn model(State(shared): Studio, Path(id): Path<String>) -> Answer {
    shared.drawer.open(id).await.map(Json)
}

async fn draw(State(shared): Studio, socket: WebSocketUpgrade) -> Response {
    socket::upgrade(socket, shared.drawer.clone())
}

#[derive(Deserialize)]
struct Upload {
    name: String,
}

async fn upload(State(shared): Studio, uri: Uri, body: Body) -> Answer {
    let Upload { name } = query(&uri)?;
    let bytes = read_body(body, MOST_WEIGHTS).await?;
    shared.drawer.take(name, bytes).await.map(Json)
}

async fn forget_model(State(shared): Studio, Path(id): Path<String>) -> Answer {
    shared.drawer.forget(id.clone()).await?;
    Ok(Json(json!({"id": id})))
}

async fn inspect(State(shared): Studio, body: Body) -> Result<Response, Refusal> {
    look(&shared, body, View::Table, "application/json").await
}

async fn drawing(State(shared): Studio, body: Body) -> Result<Response, Refusal> {
    look(&shared, body, View::Drawing, "image/svg+xml").await
}

async fn shader(State(shared): Studio, body: Body) -> Result<Response, Refusal> {
    look(&shared, body, View::Shader, "text/plain; charset=utf-8").await
}

async fn look(
    shared: &Shared,
    body: Body,
    view: View,
    kind: &'static str,
) -> Result<Response, Refusal> {
    let asked: Look = read_json(body).await?;
    let text = shared.drawer.look(asked, view).await?;
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

#[derive(Deserialize)]
struct Picture {
    model: String,
    #[serde(default)]
    seed: u64,
    width: u32,
    height: u32,
}

/// The answer is packed: a line of JSON with the sizes of all pictures, and then their bytes.
async fn activations(State(shared): Studio, uri: Uri, body: Body) -> Result<Response, Refusal> {
    let asked: Picture = query(&uri)?;
    let rgba = read_body(body, MOST_PIXELS).await?;
    let size = (asked.width, asked.height);
    let drawing = Drawing::new(asked.model, asked.seed, size, rgba)?;
    let maps = shared.drawer.maps(drawing).await?;
    let list: Vec<Value> = maps
        .iter()
        .map(|map| {
            json!({
                "layer": map.layer,
                "shape": map.shape,
                "about": map.about(),
                "bytes": map.png.len(),
            })
        })
        .collect();
    let mut packed = Value::Array(list).to_string().into_bytes();
    packed.push(b'\n');
    maps.iter().for_each(|map| packed.extend(&map.png));
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], packed).into_response())
}

async fn add_dataset(State(shared): Studio, uri: Uri, body: Body) -> Answer {
    let Upload { name } = query(&uri)?;
    let bytes = read_body(body, MOST_DATA).await?;
    on_disk(move || uploads::add(&shared.runs, &name, bytes))
        .await
        .map(Json)
}

async fn forget_dataset(State(shared): Studio, Path(id): Path<String>) -> Answer {
    on_disk(move || {
        uploads::forget(&shared.runs, &id)?;
        Ok(Json(json!({"id": id})))
    })
    .await
}

async fn forget_run(State(shared): Studio, Path(id): Path<String>) -> Answer {
    on_disk(move || {
        let to = shared.runs.forget(&id)?;
        Ok(Json(json!({"id": id, "to": to.display().to_string()})))
    })
    .await
}

async fn datasets(State(shared): Studio) -> Result<Response, Refusal> {
    let all = on_disk(move || shared.datasets.list(&shared.runs)).await?;
    Ok(Json(all).into_response())
}

async fn runs(State(shared): Studio) -> Answer {
    on_disk(move || {
        let (runs, comparisons) = shared.runs.list()?;
        let runs: Vec<_> = runs.iter().map(summary::summary).collect();
        Ok(Json(json!({
            "runs": runs,
            "comparisons": comparisons,
            "training": shared.trainings.running(),
        })))
    })
    .await
}

async fn run(State(shared): Studio, Path(id): Path<String>) -> Result<Response, Refusal> {
    let detail = on_disk(move || detail::detail(&shared.runs.find(&id)?)).await?;
    Ok(Json(detail).into_response())
}

#[derive(Deserialize)]
struct After {
    /// Rows up to this step are known.
    #[serde(default)]
    after: u64,
}

async fn metrics(State(shared): Studio, Path(id): Path<String>, uri: Uri) -> Answer {
    let After { after } = query(&uri)?;
    on_disk(move || {
        let mut rows = RunDir::metrics_of(&shared.runs.find(&id)?.path)?;
        rows.retain(|row| row.step > after);
        Ok(Json(json!({"rows": rows})))
    })
    .await
}

async fn events(
    State(shared): Studio,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let After { after } = query(&uri)?;
    let (runs, end) = (shared.runs.clone(), shared.end.clone());
    let run = on_disk(move || runs.find(&id)).await?;
    let follower = shared.watchers.follow(run, after).await?;
    let next = async |(mut follower, end): (Follower, watch::Receiver<bool>)| {
        let event = follower.next().await?;
        Some((
            Ok::<_, Infallible>(Event::default().data(event)),
            (follower, end),
        ))
    };
    let stream = futures_util::stream::unfold((follower, end), next);
    Ok(Sse::new(stream)
        .keep_alive(KeepAlive::default())
        .into_response())
}

async fn notes(State(shared): Studio, Path(id): Path<String>) -> Result<Response, Refusal> {
    let notes = on_disk(move || Ok(Notes::read(&shared.runs.find(&id)?.path)?)).await?;
    Ok(Json(notes).into_response())
}

async fn write_notes(
    State(shared): Studio,
    Path(id): Path<String>,
    body: Body,
) -> Result<Response, Refusal> {
    let notes: Notes = read_json(body).await?;
    let notes = on_disk(move || notes.write(&shared.runs.find(&id)?.path)).await?;
    Ok(Json(notes).into_response())
}

async fn start(State(shared): Studio, body: Body) -> Answer {
    let asked: Start = read_json(body).await?;
    on_disk(move || {
        let id = shared.trainings.start(&shared.datasets, asked)?;
        Ok(Json(json!({"id": id})))
    })
    .await
}

async fn stop(State(shared): Studio, Path(id): Path<String>) -> Answer {
    on_disk(move || {
        shared.trainings.stop(&id)?;
        Ok(Json(json!({"id": id})))
    })
    .await
}

async fn resume(State(shared): Studio, Path(id): Path<String>, body: Body) -> Answer {
    let bytes = read_body(body, 1 << 16).await?;
    let changes: Changes = match bytes.is_empty() {
        true => Changes::default(),
        false => serde_json::from_slice(&bytes)
            .map_err(|error| Refusal::bad(format!("the request is no such JSON: {error}")))?,
    };
    on_disk(move || {
        let id = shared.trainings.resume(&id, &changes)?;
        Ok(Json(json!({"id": id})))
    })
    .await
}

/// A file of a run. The token is a part of the path, so that the links of a page keep it; `-`
/// stands for none.
async fn file(
    State(shared): Studio,
    Path((token, run, path)): Path<(String, String, String)>,
) -> Result<Response, Refusal> {
    shared.guard.check_token(&token)?;
    let runs = shared.runs.clone();
    let folder = on_disk(move || runs.folder(&run)).await?;
    files::file(folder, path).await
}

/// The values of a query.
fn query<T: serde::de::DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    let query = Query::try_from_uri(uri);
    query
        .map(|Query(values)| values)
        .map_err(|error| Refusal::bad(format!("the address makes no sense: {error}")))
}
