//! The query language, over the items of one container.
