"""What the simulated shop is and sells: names, hosts, product groups, products.

Belongs here: constants of the fictional shop and its products with prices and costs. Does not belong here: orders,
people or files.
"""

from __future__ import annotations

from dataclasses import dataclass

from smm_pipeline.shop.clock import stream

BRAND = "Domivka"
COMPETITORS = ("Zatyshok", "Oselya")
HOST = "www.domivka.example"
SITE = f"https://{HOST}"
STORE_ID = "domivka"
CURRENCY = "UAH"
# Group: (word in Ukrainian, word in Russian, things sold, lowest and highest price in hryvnias)
GROUPS: dict[str, tuple[str, str, tuple[str, ...], int, int]] = {
    "kitchen": ("кухня", "кухня", ("Kettle", "Pan", "Knife", "Teapot", "Bowl", "Board"), 240, 2600),
    "textile": ("текстиль", "текстиль", ("Blanket", "Linen set", "Towel", "Pillow", "Curtain", "Apron"), 190, 3400),
    "light": ("світло", "свет", ("Lamp", "Garland", "Floor lamp", "Night light", "Lantern", "Sconce"), 260, 4200),
    "decor": ("декор", "декор", ("Vase", "Candle", "Frame", "Clock", "Mirror", "Basket"), 120, 2900),
    "kids": ("дітям", "детям", ("Play tent", "Kids rug", "Toy box", "Wall ruler", "Kids desk", "Mobile"), 220, 3900),
    "garden": ("сад", "сад", ("Planter", "Hammock", "Watering can", "Garden torch", "Grill", "Bird house"), 180, 5200),
}
BLOG = (
    "spring-cleaning",
    "small-kitchen-ideas",
    "how-to-choose-linen",
    "lamp-or-sconce",
    "balcony-garden",
    "kids-corner",
)


@dataclass(frozen=True)
class Product:
    """One product; money in kopiykas."""

    product_id: int
    sku: str
    name: str
    group: str
    price: int
    cost: int

    @property
    def path(self) -> str:
        """Path of the product page."""
        return f"/product/{self.sku}"


def make_products(seed: int, per_group: int = 12) -> tuple[Product, ...]:
    """All products, grouped in the order of GROUPS."""
    rng = stream(seed, "goods")
    products: list[Product] = []
    for group, (_, _, things, low, high) in GROUPS.items():
        for number in range(1, per_group + 1):
            price = (rng.randint(low, high) // 10 * 10 - 1) * 100
            name = f"{things[(number - 1) % len(things)]} {group.title()} {number:02d}"
            cost = int(price * rng.uniform(0.45, 0.68))
            products.append(
                Product(2000 + len(products) + 1, f"{group[:3].upper()}-{number:03d}", name, group, price, cost)
            )
    return tuple(products)


def by_group(products: tuple[Product, ...]) -> dict[str, list[Product]]:
    """Products of each group, in catalogue order."""
    groups: dict[str, list[Product]] = {group: [] for group in GROUPS}
    for product in products:
        groups[product.group].append(product)
    return groups


def money(kopiykas: int) -> str:
    """Money as the shop system writes it: hryvnias with two decimals, as text."""
    sign = "-" if kopiykas < 0 else ""
    return f"{sign}{abs(kopiykas) // 100}.{abs(kopiykas) % 100:02d}"
