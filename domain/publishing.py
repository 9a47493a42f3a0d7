"""What publishing a policy would change: row by row and rule by rule in words, and in whose terms it shows."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from itertools import chain
from operator import attrgetter
from typing import Any

from domain.contradictions import in_words
from domain.market import Market
from domain.policy import ReturnPolicy, Season, WindowRule
from domain.terms import Terms, terms_for
from domain.tier import Tier

NONE = "none"
# Fields of a policy by the keys of its file, as far as a value is all there is to say.
ASPECTS: Mapping[str, str] = {
    "title": "title",
    "window.days": "return_window_days",
    "window.starts": "window_starts",
    "fees.bears_all": "bears_all",
    "fees.shopper_informed": "shopper_informed",
    "fees.waterfall": "waterfall",
    "fees.restocking": "fees.restocking",
    "fees.inspection": "fees.inspection",
    "fees.repackaging": "fees.repackaging",
    "fees.inspection.cost_minor": "fees.inspection_cost_minor",
    "fees.shopper_bears": "fees.shopper_bears",
    "fees.when_above_refund": "fees.when_above_refund",
    "fees.payment_cost": "fees.payment_cost",
    "goods.not_goods_skus": "not_goods_skus",
    "goods.categories": "goods_categories",
    "goods.excluded": "excluded",
    "goods.natures": "natures",
    "goods.accepts": "accepts",
    "refer.above_minor": "refer_above_minor",
    "refer.unmatched": "refer_unmatched",
    "requests.automatic": "automatic",
    "requests.reasons": "reasons",
    "requests.reason_required": "reason_required",
    "requests.methods": "methods",
    "requests.fair_use": "fair_use",
    "destination.within": "destination",
    "destination.silence": "destination_silence",
    "goodwill.limit_minor": "goodwill_limit_minor",
    "returnless.offered": "returnless",
    "returnless.refund_only": "refund_only",
    "law.informed_of_right": "informed_of_right",
    "refund.delivery": "delivery_back",
    "refund.loss_percent": "loss_percent",
    "refund.reprice": "reprice",
    "refund.waived_minor": "claw_back_waived",
    "currency.accounting": "accounting_currency",
    "currency.difference_borne_by": "difference_borne_by",
    "currency.warn_percent": "warn_percent",
}
# Aspects of terms that say where they come from rather than what holds.
NOT_WHAT_HOLDS = frozenset({"programme", "policy_version", "policy_id", "sources", "promises", "law_doubts"})


@dataclass(frozen=True)
class Change:
    """One thing that is otherwise: "rows.inspection VIP: 12h -> 6h". `tier` is None where it is the same for all."""

    aspect: str
    tier: Tier | None
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.aspect}{f' {self.tier}' if self.tier else ''}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class Effect:
    """The aspects of the terms that become others for the customers of one tier in one market."""

    market: str
    tier: Tier
    aspects: tuple[str, ...]


def changes(before: ReturnPolicy, after: ReturnPolicy) -> tuple[Change, ...]:
    """What another version says otherwise, in the order of the file. Versions that say the same differ in nothing."""
    return tuple(
        chain(_settings(before, after), _rules(before, after), _thresholds(before, after), _rows(before, after))
    )


def effects(before: ReturnPolicy, after: ReturnPolicy, markets: Iterable[Market]) -> tuple[Effect, ...]:
    """In whose terms the difference shows, after the law has raised both."""
    found = (
        Effect(market.market, tier, _differing(terms_for(before, market, tier), terms_for(after, market, tier)))
        for market in markets
        for tier in Tier
    )
    return tuple(effect for effect in found if effect.aspects)


def counts(found: Iterable[Effect]) -> dict[str, int]:
    """In how many pairs of market and tier each aspect becomes another, most first."""
    return dict(Counter(aspect for effect in found for aspect in effect.aspects).most_common())


def _settings(before: ReturnPolicy, after: ReturnPolicy) -> Iterator[Change]:
    for aspect, name in ASPECTS.items():
        old, new = attrgetter(name)(before), attrgetter(name)(after)
        if old == new:
            continue
        if isinstance(old, frozenset):
            added = [f"+{one}" for one in sorted(new - old)]
            yield Change(
                aspect,
                None,
                _said(old),
                f"{_said(new)} ({', '.join([*added, *(f'-{one}' for one in sorted(old - new))])})",
            )
        else:
            yield Change(aspect, None, _said(old), _said(new))


def _rules(before: ReturnPolicy, after: ReturnPolicy) -> Iterator[Change]:
    old, new = _by_name(before.windows), _by_name(after.windows)
    for name, rule in old.items():
        if name not in new:
            yield Change(f"window.when {name!r}", None, _rule_said(rule), NONE)
        elif _rule_said(rule) != _rule_said(new[name]):
            yield Change(f"window.when {name!r}", None, _rule_said(rule), _rule_said(new[name]))
    for name, rule in new.items():
        if name not in old:
            yield Change(f"window.when {name!r}", None, NONE, _rule_said(rule))
    kept = [name for name in old if name in new]
    if kept != (order := [name for name in new if name in old]):
        yield Change("window.when, the order", None, ", ".join(kept), ", ".join(order))


def _by_name(rules: tuple[WindowRule, ...]) -> dict[str, WindowRule]:
    """Rules by name; of several with one name, the later ones with their number."""
    found: dict[str, WindowRule] = {}
    for number, rule in enumerate(rules, start=1):
        found[f"{rule.name} ({number})" if rule.name in found else rule.name] = rule
    return found


def _rule_said(rule: WindowRule) -> str:
    length = f"{rule.days} days" if rule.days is not None else f"until {rule.until}"
    conditions = {
        "category": rule.categories,
        "condition": rule.conditions,
        "channel": rule.channels,
        "payment": rule.payments,
        "seller": rule.sellers,
    }
    parts = [f"{name} {_said(words)}" for name, words in conditions.items() if words]
    parts += [f"placed {_season_said(rule.season)}"] if rule.season else []
    return f"{length} for {'; '.join(parts)}" if parts else f"{length} for everything"


def _season_said(season: Season) -> str:
    return f"{season.placed_from} to {season.placed_to}"


def _thresholds(before: ReturnPolicy, after: ReturnPolicy) -> Iterator[Change]:
    old, new = before.tier_table.thresholds, after.tier_table.thresholds
    for name in ("currency", "window_months", "grace_days"):
        if getattr(old, name) != getattr(new, name):
            yield Change(f"thresholds.{name}", None, str(getattr(old, name)), str(getattr(new, name)))
    for tier in Tier:
        one, other = old.by_tier.get(tier), new.by_tier.get(tier)
        if one and other:
            for field in fields(one):
                if (was := getattr(one, field.name)) != (is_now := getattr(other, field.name)):
                    yield Change(f"thresholds.{field.name}", tier, str(was), str(is_now))


def _rows(before: ReturnPolicy, after: ReturnPolicy) -> Iterator[Change]:
    old, new = before.tier_table.rows, after.tier_table.rows
    for name in {**old, **new}:
        for tier in Tier:
            was, is_now = (rows[name].values.get(tier) if name in rows else None for rows in (old, new))
            if was != is_now:
                yield Change(f"rows.{name}", tier, in_words(was), in_words(is_now))


def _differing(before: Terms, after: Terms) -> tuple[str, ...]:
    old, new = _flat(before), _flat(after)
    return tuple(name for name in old if old[name] != new[name])


def _flat(terms: Terms) -> dict[str, Any]:
    plain = {name: value for name, value in asdict(terms).items() if name not in NOT_WHAT_HOLDS}
    limits, refund = plain.pop("limits"), plain.pop("refund")
    flat = {f"limits.{name}": value for name, value in limits.items()}
    flat |= {f"refund.{name}": value for name, value in refund.items() if not name.endswith("_source")}
    return {**plain, **flat}


def _said(value: Any) -> str:
    if value is None:
        return "by tier"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {one}" for name, one in sorted(value.items())) or NONE
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or NONE
    if isinstance(value, tuple):
        return ", ".join(value) or NONE
    return str(value) or NONE
