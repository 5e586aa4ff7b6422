//! Values that are bound to statements, of the few kinds that both databases have.

use jiff::Timestamp;
use tributary_model::id::CaseId;

/// A value bound to `$n`.
#[derive(Debug, Clone)]
pub(in crate::store) enum Val {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Blob(Option<Vec<u8>>),
}

macro_rules! val_from {
    ($($from:ty => |$v:ident| $to:expr),+ $(,)?) => {
        $(impl From<$from> for Val { fn from($v: $from) -> Val { $to } })+
    };
}

val_from! {
    &str => |v| Val::Text(Some(v.to_owned())),
    String => |v| Val::Text(Some(v)),
    &String => |v| Val::Text(Some(v.clone())),
    Option<String> => |v| Val::Text(v),
    i64 => |v| Val::Int(Some(v)),
    i32 => |v| Val::Int(Some(v.into())),
    u32 => |v| Val::Int(Some(v.into())),
    u64 => |v| Val::Int(Some(i64::try_from(v).unwrap_or(i64::MAX))),
    Option<i64> => |v| Val::Int(v),
    bool => |v| Val::Bool(v),
    Vec<u8> => |v| Val::Blob(Some(v)),
    &[u8] => |v| Val::Blob(Some(v.to_owned())),
    Option<Vec<u8>> => |v| Val::Blob(v),
    Timestamp => |v| Val::Int(Some(v.as_millisecond())),
    Option<Timestamp> => |v| Val::Int(v.map(Timestamp::as_millisecond)),
    CaseId => |v| Val::Text(Some(v.to_string())),
    &CaseId => |v| Val::Text(Some(v.to_string())),
    tributary_model::id::InstructionId => |v| Val::Text(Some(v.to_string())),
    &tributary_model::id::EntityId => |v| Val::Text(Some(v.to_string())),
    tributary_model::disposition::Disposition => |v| Val::Text(Some(v.as_str().to_owned())),
    tributary_model::lifecycle::CaseState => |v| Val::Text(Some(v.as_str().to_owned())),
    tributary_model::lifecycle::TaskState => |v| Val::Text(Some(v.as_str().to_owned())),
}

macro_rules! vals {
    ($($value:expr),* $(,)?) => { [$($crate::store::sql::Val::from($value)),*] };
}
pub(in crate::store) use vals;
