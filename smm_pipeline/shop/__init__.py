"""The simulated shop behind the demo and the tests: feeds in the vendors' own formats, with known causes.

Belongs here: making an instance folder full of deliveries, and holding what was found of its orders against what caused
them. Does not belong here: reading deliveries; no module of the pipeline may depend on how the shop is simulated.
"""

from smm_pipeline.shop.simulation import DEFAULT_LAST_DAY, ShopFacts, make_shop

__all__ = ["DEFAULT_LAST_DAY", "ShopFacts", "make_shop"]
