//! What plays the service for a case: a script of steps, or a service with a rate limit.

use std::sync::Arc;
use std::time::Instant;

use crate::limited_service::LimitedService;
use crate::step::Step;

/// What plays the service for a case.
#[derive(Debug, Clone)]
pub enum Service {
    /// One step per request. The last step repeats. Without steps, the response is 404.
    Script(Vec<Arc<Step>>),
    /// A service with a rate limit.
    Limited(LimitedService),
}

impl Service {
    /// The response to the request at `index`, and whether the rate limit rejects it.
    pub(crate) fn respond(&mut self, index: usize, now: Instant) -> (Arc<Step>, bool) {
        match self {
            Self::Script(steps) => {
                let step = steps.get(index).or(steps.last()).cloned();
                (step.unwrap_or_else(|| Arc::new(Step::unknown_case())), false)
            }
            Self::Limited(service) => {
                let wait = service.admit(now).err();
                let step = wait.map_or_else(|| service.run(), LimitedService::rejection);
                (Arc::new(step), wait.is_some())
            }
        }
    }
}

impl Default for Service {
    fn default() -> Self {
        Self::Script(Vec::new())
    }
}

impl From<LimitedService> for Service {
    fn from(service: LimitedService) -> Self {
        Self::Limited(service)
    }
}

impl From<Vec<Step>> for Service {
    fn from(steps: Vec<Step>) -> Self {
        Self::Script(steps.into_iter().map(Arc::new).collect())
    }
}
