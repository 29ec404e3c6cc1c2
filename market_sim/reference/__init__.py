"""The engine in readable Python, file for file like `engine_rs/core`; standard library only.

It runs where the native engine cannot be built, the lessons quote it, and the differential tests
compare it with the native engine event by event and hash by hash. The two share a specification
and tests, never code. Read it in this order: types, terms, order, event, level, book, stops, pegs,
venue, ledger, latency, gateway, kernel, external.
"""
