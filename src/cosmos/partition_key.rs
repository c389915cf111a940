//! Partition keys: the header, the paths, the key of an item, and its effective key.
