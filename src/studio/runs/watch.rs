//! What is new in a run, told to everybody who looks on. One watcher for each run reads what was
//! appended, however many look on; without anybody it ends.

use super::summary::{alive, pace, stage_of, steps_of};
use super::{Run, gone};
use crate::studio::refusal::{Refusal, on_disk};
use crate::train::run::{MetricsRow, MetricsTail, RunDir, RunState};
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::{self, error::RecvError};

/// The time from one look to the next.
const PAUSE: Duration = Duration::from_millis(500);
/// Told events that wait for a slow client. One that is slower still reads the file again.
const WAITING: usize = 64;
/// Rows in one event at most.
const MOST_ROWS: usize = 2000;
/// Rows that are kept to know how long a step takes.
const NEWEST: usize = 20;

/// One event.
#[derive(Debug, Clone)]
pub enum Told {
    /// Rows from the first step to the last.
    Rows { steps: (u64, u64), event: Arc<str> },
    /// Rows after a step were dropped, or those of another run are there.
    Anew,
    /// Anything else.
    Other(Arc<str>),
    /// The folder is gone. Nothing follows.
    Gone(Arc<str>),
}

type Senders = Arc<Mutex<HashMap<String, broadcast::Sender<Told>>>>;

/// Why runs failed that this studio has trained.
pub type Failures = Arc<Mutex<HashMap<String, String>>>;

/// What is told of the trainings of this studio when they begin.
pub type Remarks = Arc<Mutex<HashMap<String, Vec<String>>>>;

/// What this studio has to say of the runs that it trains.
#[derive(Debug, Clone, Default)]
pub struct Said {
    pub failures: Failures,
    pub remarks: Remarks,
}

/// All watchers.
#[derive(Debug, Default)]
pub struct Watchers {
    senders: Senders,
    pub said: Said,
}

impl Watchers {
    /// Looks on from now.
    async fn subscribe(&self, run: &Run) -> Result<broadcast::Receiver<Told>, Refusal> {
        let receiver = |senders: &Senders| {
            let senders = senders.lock().unwrap_or_else(PoisonError::into_inner);
            senders.get(&run.id).map(broadcast::Sender::subscribe)
        };
        if let Some(receiver) = receiver(&self.senders) {
            return Ok(receiver);
        }
        let mut watch = Watch::new(run.clone(), self.said.clone());
        // What is there now is no news.
        let watch = on_disk(move || {
            watch.look();
            Ok(watch)
        })
        .await?;
        let mut senders = self.senders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = senders.get(&run.id) {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(WAITING);
        senders.insert(run.id.clone(), sender.clone());
        drop(senders);
        tokio::spawn(go_on(watch, sender, self.senders.clone()));
        Ok(receiver)
    }

    /// The events of a run: first what there is after step `after`, then what comes.
    ///
    /// # Errors
    /// A run that is gone.
    pub async fn follow(&self, run: Run, after: u64) -> Result<Follower, Refusal> {
        let receiver = self.subscribe(&run).await?;
        let mut follower = Follower {
            receiver,
            run,
            said: self.said.clone(),
            last: after,
            waiting: VecDeque::new(),
            has_ended: false,
        };
        follower.catch_up(true).await?;
        Ok(follower)
    }
}

/// Looks again and again, until nobody looks on.
async fn go_on(mut watch: Watch, sender: broadcast::Sender<Told>, senders: Senders) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let looked = on_disk(move || {
            let told = watch.look();
            Ok((watch, told))
        });
        let Ok((looked, told)) = looked.await else {
            return;
        };
        watch = looked;
        let is_gone = matches!(told.last(), Some(Told::Gone(_)));
        for told in told {
            // Without anybody there is nobody to tell.
            let _ = sender.send(told);
        }
        let mut senders = senders.lock().unwrap_or_else(PoisonError::into_inner);
        if is_gone || sender.receiver_count() == 0 {
            senders.remove(&watch.run.id);
            return;
        }
    }
}

/// What was seen of a run.
#[derive(Debug)]
struct Watch {
    run: Run,
    said: Said,
    tail: MetricsTail,
    newest: Vec<MetricsRow>,
    sample: Option<u64>,
    state: Value,
}

impl Watch {
    fn new(run: Run, said: Said) -> Self {
        Self {
            tail: MetricsTail::of(&run.path),
            run,
            said,
            newest: Vec::new(),
            sample: None,
            state: Value::Null,
        }
    }

    /// What is new since the last look.
    fn look(&mut self) -> Vec<Told> {
        let mut told = Vec::new();
        if !RunDir::is_run(&self.run.path) {
            let failures = self
                .said
                .failures
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let (state, message) = match failures.get(&self.run.id) {
                // A run that fails before it saves anything leaves no folder.
                Some(failure) => ("failed", failure.clone()),
                None => ("gone", gone(&self.run.id).message),
            };
            let event = json!({"kind": "state", "state": state, "message": message});
            return vec![Told::Gone(event.to_string().into())];
        }
        match self.tail.look() {
            Ok(new) => {
                if new.is_anew {
                    self.newest.clear();
                    told.push(Told::Anew);
                }
                if let Some((first, last)) = new.rows.first().zip(new.rows.last()) {
                    told.push(Told::Rows {
                        steps: (first.step, last.step),
                        event: rows_event(&new.rows).into(),
                    });
                }
                self.newest.extend(new.rows);
                let surplus = self.newest.len().saturating_sub(NEWEST);
                self.newest.drain(..surplus);
            }
            Err(error) => told.push(Told::Other(problem_event(&error.to_string()).into())),
        }
        let samples = RunDir::samples_of(&self.run.path).unwrap_or_default();
        let sample = samples.last().map(|(step, _)| *step);
        if sample.is_some() && sample != self.sample {
            self.sample = sample;
            told.extend(sample.map(|step| Told::Other(sample_event(step).into())));
        }
        let state = state_of(&self.run, &self.said, &self.newest);
        if state != self.state {
            told.push(Told::Other(state.to_string().into()));
            self.state = state;
        }
        told
    }
}

fn rows_event(rows: &[MetricsRow]) -> String {
    json!({"kind": "losses", "rows": rows}).to_string()
}

fn sample_event(step: u64) -> String {
    json!({"kind": "samples", "step": step}).to_string()
}

fn problem_event(message: &str) -> String {
    json!({"kind": "problem", "message": message}).to_string()
}

/// The event that says where a run stands.
fn state_of(run: &Run, said: &Said, newest: &[MetricsRow]) -> Value {
    let state: Option<RunState> = RunDir::state_of(&run.path).ok().flatten();
    let (alive, process) = alive(run);
    let of_state = state.as_ref().map_or(0, |state| state.standing.step);
    let step = newest.last().map_or(0, |row| row.step).max(of_state);
    let config = RunDir::config_of(&run.path).ok();
    let steps = steps_of(run, state.as_ref(), config.as_ref());
    let stage = stage_of(alive, state.as_ref(), step, steps);
    let told = said.remarks.lock().unwrap_or_else(PoisonError::into_inner);
    let told = told.get(&run.id).cloned().unwrap_or_default();
    let failures = said.failures.lock().unwrap_or_else(PoisonError::into_inner);
    let failure = failures.get(&run.id).filter(|_| !alive).cloned();
    let name = match (&failure, stage) {
        (Some(_), _) => "failed",
        (_, "out-of-patience") => "complete",
        (_, "interrupted") => "stopped",
        (_, stage) => stage,
    };
    let message = failure.or_else(|| match stage {
        "out-of-patience" => Some("It ended because its held-out score was no better.".to_owned()),
        "interrupted" => Some(
            "Its process ended without saving; it goes on from its newest checkpoint.".to_owned(),
        ),
        _ => None,
    });
    json!({
        "kind": "state",
        "state": name,
        "stage": stage,
        "step": step,
        "steps": steps,
        "secondsPerStep": pace(newest),
        "process": process,
        "message": message,
        "told": told,
    })
}

/// Somebody who looks on.
#[derive(Debug)]
pub struct Follower {
    receiver: broadcast::Receiver<Told>,
    run: Run,
    said: Said,
    /// The last step that was told.
    last: u64,
    waiting: VecDeque<String>,
    has_ended: bool,
}

impl Follower {
    /// The next event, as JSON. None after the run is gone.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.has_ended {
                return None;
            }
            match self.receiver.recv().await {
                Ok(Told::Rows { steps, event }) if steps.0 > self.last => {
                    self.last = steps.1;
                    return Some(event.to_string());
                }
                Ok(Told::Rows { steps, .. }) if steps.1 <= self.last => {}
                // Some of them are known, or some were missed: the file has all.
                Ok(Told::Rows { .. }) => self.catch_up(false).await.ok()?,
                Ok(Told::Anew) => {
                    self.waiting.push_back(json!({"kind": "anew"}).to_string());
                    self.last = 0;
                    self.catch_up(false).await.ok()?;
                }
                Err(RecvError::Lagged(_)) => self.catch_up(true).await.ok()?,
                Ok(Told::Other(event)) => return Some(event.to_string()),
                Ok(Told::Gone(event)) => {
                    self.has_ended = true;
                    return Some(event.to_string());
                }
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Queues the rows after the last one that was told and, if `all`, what else is there.
    async fn catch_up(&mut self, all: bool) -> Result<(), Refusal> {
        let (run, said, last) = (self.run.clone(), self.said.clone(), self.last);
        let (events, last) = on_disk(move || {
            let rows = RunDir::metrics_of(&run.path)?;
            let mut events = Vec::new();
            let new = rows.partition_point(|row| row.step <= last);
            events.extend(rows[new..].chunks(MOST_ROWS).map(rows_event));
            if all {
                let samples = RunDir::samples_of(&run.path).unwrap_or_default();
                events.extend(samples.last().map(|(step, _)| sample_event(*step)));
                let newest = &rows[rows.len().saturating_sub(NEWEST)..];
                events.push(state_of(&run, &said, newest).to_string());
            }
            Ok((events, rows.last().map_or(last, |row| row.step.max(last))))
        })
        .await?;
        self.waiting.extend(events);
        self.last = last;
        Ok(())
    }
}
