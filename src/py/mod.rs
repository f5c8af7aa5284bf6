//! All that knows Python, in folders that are floors: none imports from a folder above it.

mod api;
mod arguments;
mod asyncio;
mod call;
mod flight;
mod function;
mod interpreter;
mod objects;
mod records;
mod session;
