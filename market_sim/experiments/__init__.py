"""Published results, computed again through the matching engine: what lessons show and slow tests assert.

Each module plays one paper's model with the formulas in `market_sim.theory`, the ones its agent uses, and
gives `Verdict` rows: published, simulated, standard error, tolerance, and whether it came out.
"""
