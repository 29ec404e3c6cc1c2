//! Orders beyond plain ones: worked examples from exchanges' rules, and properties on random commands.

mod auctions;
mod examples;
mod market_data;
mod policies;
mod random;
mod subscriber;
