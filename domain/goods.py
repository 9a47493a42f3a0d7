"""What kind of goods these are, and in which condition the shopper says they are: what law and promise make exceptions for."""

from enum import StrEnum


class Nature(StrEnum):
    """Why some goods are unlike others in the law of returns (Directive 2011/83/EU, art. 16, and its kin elsewhere).

    custom_made         made to the shopper's own order
    perishable          spoils or expires quickly; food where a market names food
    sealed_hygiene      sealed for health or hygiene; excepted once the seal is broken
    sealed_media        sealed recordings and software; excepted once the seal is broken
    inseparably_mixed   mixed with other things after delivery
    periodical          newspapers and magazines
    digital             digital content whose supply began with consent
    price_fluctuation   its price follows a financial market
    public_auction      bought at one
    used                sold as used
    vehicle             cars, ships
    gift_card           money in another form: spent, it is gone; unspent, it is money
    """

    CUSTOM_MADE = "custom_made"
    PERISHABLE = "perishable"
    SEALED_HYGIENE = "sealed_hygiene"
    SEALED_MEDIA = "sealed_media"
    INSEPARABLY_MIXED = "inseparably_mixed"
    PERIODICAL = "periodical"
    DIGITAL = "digital"
    PRICE_FLUCTUATION = "price_fluctuation"
    PUBLIC_AUCTION = "public_auction"
    USED = "used"
    VEHICLE = "vehicle"
    GIFT_CARD = "gift_card"


SEALED = frozenset({Nature.SEALED_HYGIENE, Nature.SEALED_MEDIA})


class GoodsCondition(StrEnum):
    """What the shopper says of the goods when asking; the bench sees for itself later.

    not_said   nothing; taken for as sold until the bench has looked
    as_sold    untouched, seals unbroken
    opened     unpacked and tried as one would in a shop; seals broken
    used       worn or used beyond trying
    damaged    by the shopper
    """

    NOT_SAID = "not_said"
    AS_SOLD = "as_sold"
    OPENED = "opened"
    USED = "used"
    DAMAGED = "damaged"

    @property
    def seal_broken(self) -> bool:
        return self in (GoodsCondition.OPENED, GoodsCondition.USED, GoodsCondition.DAMAGED)

    @property
    def beyond_trying(self) -> bool:
        return self in (GoodsCondition.USED, GoodsCondition.DAMAGED)


class Grade(StrEnum):
    """The condition that the bench finds: A as new, B opened or lightly used, C used or damaged, D without value."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
