"""Runs of shipped scenarios with and without their strategy, in one process or two."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from market_sim import run
from market_sim.engine import engine_name
from market_sim.scenario import load

NATIVE = engine_name() == "rust"


def with_and_without(scenario, strategy, share, seed, until):
    """(share of time without the strategy, share with it, its profit) of one seed."""
    plan = load(scenario)
    alone = run(plan.without(strategy), seed=seed, until=until)
    together = run(plan, seed=seed, until=until)
    profit = together.summary()["accounts"][strategy]["profit"]
    return alone.metrics[share], together.metrics[share], profit


def profit_of(scenario, strategy, seed, until):
    """What a strategy has earned, and how many orders it has sent."""
    result = run(scenario, seed=seed, until=until)
    orders = result.orders.filter(agent=strategy, event="accepted").height
    return result.summary()["accounts"][strategy]["profit"], orders


def on_both_cores(task, seeds, *terms):
    """`task(*terms, seed, until)` of many seeds, two at a time; `terms` ends with `until`."""
    *first, until = terms
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        futures = [pool.submit(task, *first, seed, until) for seed in seeds]
        return [future.result() for future in futures]
