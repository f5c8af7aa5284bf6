//! What happens at a call of a plain function: the hit path, and the driver of what the engine asks for.

pub(crate) mod admission;
pub(crate) mod asked_hit;
pub(crate) mod attempt;
pub(crate) mod awaited_call;
pub(crate) mod background_refresh;
pub(crate) mod beginning;
pub(crate) mod cache_lookup;
pub(crate) mod caller;
pub(crate) mod check;
pub(crate) mod computation;
pub(crate) mod drive;
pub(crate) mod entrance;
pub(crate) mod first_hit;
pub(crate) mod hit;
pub(crate) mod long_way;
pub(crate) mod plain_miss;
pub(crate) mod question;
pub(crate) mod read_set;
pub(crate) mod recorded_hit;
pub(crate) mod returned;
pub(crate) mod settle;
pub(crate) mod stable_key;
pub(crate) mod switched_off;
pub(crate) mod validation;
pub(crate) mod version_call;
