"""What a label costs, by where the parcel goes from and to.

Assumption: three flat prices, of the order that parcel services asked for a small parcel in 2025, in minor units of
whatever currency is asked for (320 is EUR 3.20, GBP 3.20 or JPY 320). Real tariffs depend on weight, zone and contract.
"""

DOMESTIC = 320
WITHIN_EU = 890
ELSEWHERE = 1490

# Member states of the European Union as ISO 3166-1 alpha-2 codes.
_MEMBERS = """
AT BE BG CY CZ DE DK EE ES FI FR GR HR HU
IE IT LT LU LV MT NL PL PT RO SE SI SK
"""
EU = frozenset(_MEMBERS.split())


def label_cost(from_country: str, to_country: str) -> int:
    """Minor units: `label_cost("DE", "FR") == 890`."""
    if from_country == to_country:
        return DOMESTIC
    if from_country in EU and to_country in EU:
        return WITHIN_EU
    return ELSEWHERE
