//! Packages that are made when somebody asks for them: each once, however many ask at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, watch};

use crate::error::{Answer, Refusal};

/// After how long a build that failed may be tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Builds that run or have run, by what they make.
pub(crate) struct Builds<K, T> {
    builds: Mutex<HashMap<K, Build<T>>>,
}

type Outcome<T> = Option<Answer<T>>;

struct Build<T> {
    outcome: watch::Receiver<Outcome<T>>,
    began: Instant,
}

impl<K, T> Default for Builds<K, T> {
    fn default() -> Self {
        Self { builds: Mutex::default() }
    }
}

impl<K: Eq + Hash, T: Clone + Send + Sync + 'static> Builds<K, T> {
    /// What the build called `key` made, or is making. It goes on where whoever asked for it does not wait for its end.
    pub(crate) async fn get(
        &self,
        key: K,
        turns: &Arc<Semaphore>,
        make: impl FnOnce() -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let mut outcome = self.start(key, turns, make);
        match outcome.wait_for(Option::is_some).await {
            Ok(made) => made.clone().unwrap_or_else(|| Err(Refusal::internal("the build was broken off"))),
            Err(_) => Err(Refusal::internal("the build was broken off")),
        }
    }

    /// Makes it again the next time, unless that is under way.
    pub(crate) fn forget(&self, key: &K) {
        let mut builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
        if builds.get(key).is_some_and(|build| build.outcome.borrow().is_some()) {
            builds.remove(key);
        }
    }

    fn start(
        &self,
        key: K,
        turns: &Arc<Semaphore>,
        make: impl FnOnce() -> Answer<T> + Send + 'static,
    ) -> watch::Receiver<Outcome<T>> {
        let mut builds = self.builds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(build) = builds.get(&key)
            && !build.may_be_tried_again()
        {
            return build.outcome.clone();
        }
        let (done, outcome) = watch::channel(None);
        builds.insert(key, Build { outcome: outcome.clone(), began: Instant::now() });
        let turns = turns.clone();
        tokio::spawn(async move {
            let _turn = turns.acquire_owned().await;
            let made = tokio::task::spawn_blocking(make).await.unwrap_or_else(|broken| Err(broken.into()));
            let _ = done.send(Some(made));
        });
        outcome
    }
}

impl<T> Build<T> {
    fn may_be_tried_again(&self) -> bool {
        let failed = matches!(*self.outcome.borrow(), Some(Err(_)));
        let broken_off = self.outcome.has_changed().is_err() && self.outcome.borrow().is_none();
        broken_off || failed && self.began.elapsed() >= RETRY_AFTER
    }
}
