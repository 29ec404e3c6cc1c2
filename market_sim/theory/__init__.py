"""Formulas of published models, one module each: numbers in, numbers out; no market, no agent, no state.

Agents decide by them and experiments check them through the engine, so what a lesson measures is what an
agent does. Where a docstring says "or an array", numpy arrays of one shape may stand for any of the numbers.
scipy and statsmodels are imported by the functions that need them: they take a second, and most markets need
neither.
"""
