//! sworn
