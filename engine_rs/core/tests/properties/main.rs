//! Properties of venues, books and the ledger, on random and hostile input.

mod hostile;
mod invariants;
mod model;
mod rows;
mod steps;
