//! A call whose version nobody can tell: it computes for its session only, and changes nothing for others.
//!
//! Nothing that is stored can be compared, so nothing is served but what needs no version. The result is of a
//! version that equals no other. Neither the session nor what is stored goes by that: who calls next asks
//! anew.

use crate::engine::call::plan::{Phase, Plan, Source, Stage};
use crate::engine::call::policy::Manner;
use crate::engine::call::protocol::NextStep;
use crate::engine::function_cache::context::Context;
use crate::engine::host::Decided;
use crate::engine::order;
use crate::engine::session::audience::SessionHost;
use crate::engine::storage::deferred_drops::Leaving;
use crate::engine::versions::observation::Observation;

impl<H: SessionHost> Plan<H> {
    /// Whether a call whose version function fails now may go on without a version.
    #[must_use]
    pub fn may_go_alone(&self) -> bool {
        matches!(self.phase, Phase::Asking(_)) && self.request.wish.manner == Manner::Called
    }

    /// Takes that the version can't be told: unless something stored stands in, the call goes on by
    /// `version`, which equals no other.
    pub fn without_version(&mut self, version: H::Object) {
        self.unknown = Some(version);
    }

    /// Whether a call that has computed asks for its version once more, since its result lags.
    #[must_use]
    pub fn asks_again(&self) -> bool {
        self.computation().is_some_and(|computation| matches!(computation.stage, Stage::Asking(..)))
    }

    /// Takes that it can't be told now: what was made is the answer, as where nothing is tried again.
    pub fn ask_no_more(&mut self) {
        let computation = self.computing();
        computation.retries = u32::MAX;
        if let Stage::Asking(made, _) = std::mem::replace(&mut computation.stage, Stage::Running) {
            computation.stage = Stage::Made(made, false);
        }
    }

    /// Goes on by that.
    pub(crate) fn go_alone(
        &mut self,
        version: H::Object,
        cx: &mut Context<'_, H>,
    ) -> Decided<H, NextStep<H>> {
        let since = order::draw();
        let alone =
            Observation { version, tag: since, since, ticket: since, until: since, at: cx.now, reads: None };
        let before = self.observation.replace(alone);
        cx.drops.extend(before.map(Leaving::Observation));
        self.source = Source::Alone;
        self.waits.impatient = true;
        self.phase = Phase::Deciding;
        self.decide(cx)
    }

    /// Whether it goes by a version that is nobody's.
    pub(crate) fn is_alone(&self) -> bool {
        self.source == Source::Alone
    }
}
