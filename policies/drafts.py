"""Reading a programme that somebody means to publish: its faults line by line, then what it contradicts, and where."""

from collections.abc import Mapping
from dataclasses import replace

from domain.contradictions import Contradiction, contradictions
from domain.policy import PolicyBook, ReturnPolicy, TierTable
from policies.book import read_programme
from policies.page import BadPolicyFile, Fault, lines_of

TIERS = "policies/tiers.toml"
VERSION_MAX = 40
TITLE_MAX = 200


def read_draft(text: str, where: str, book: PolicyBook) -> ReturnPolicy:
    """The programme of a text over the common tier table; `where` names it in faults.

    It calls itself a programme that the house has. Raises BadPolicyFile with every fault.
    """
    policy = read_over(text, where, book.tiers)
    named = (
        (
            "programme",
            "one of " + ", ".join(sorted(book.programmes)),
            policy.programme,
            policy.programme in book.programmes,
        ),
        (
            "version",
            f"at most {VERSION_MAX} characters that can be seen",
            policy.version,
            _fits(policy.version, VERSION_MAX),
        ),
        ("title", f"at most {TITLE_MAX} characters that can be seen", policy.title, _fits(policy.title, TITLE_MAX)),
    )
    lines = lines_of(text)
    faults = [
        Fault(where, key, lines.get(key), expected, repr(found)) for key, expected, found, fits in named if not fits
    ]
    if faults:
        raise bad_policy(faults)
    return policy


def read_over(text: str, where: str, tiers: TierTable, *, policy_id: str = "") -> ReturnPolicy:
    """As `read_programme`, whatever the text is: what no reader of TOML can take is a fault of the file too."""
    try:
        return read_programme(text, where, tiers, policy_id=policy_id)
    except (RecursionError, ValueError) as problem:  # nested beyond reason, or a number of thousands of digits
        said = "nested too deep" if isinstance(problem, RecursionError) else str(problem)
        raise bad_policy([Fault(where, "(file)", None, "a TOML file", said)]) from None


def bad_policy(faults: list[Fault]) -> BadPolicyFile:
    first, more = faults[0], f" And {len(faults) - 1} more." if len(faults) > 1 else ""
    return BadPolicyFile(
        f"{first}{more}", file=first.file, key=first.key, line=first.line, expected=first.expected, faults=tuple(faults)
    )


def look_through(policy: ReturnPolicy, text: str, where: str, book: PolicyBook) -> tuple[Contradiction, ...]:
    """What the policy contradicts, each with the file and line where it is written: its own text, or the common tier table."""
    own, common = lines_of(text), lines_of(book.texts.get("tiers.toml", ""))
    return tuple(_placed(one, policy, where, own, common) for one in contradictions(policy, book.markets.values()))


def _placed(
    one: Contradiction, policy: ReturnPolicy, where: str, own: Mapping[str, int], common: Mapping[str, int]
) -> Contradiction:
    start, _, cell = one.key.partition(".")
    row = cell.partition(".")[0]
    if start == "tiers" and row in policy.tier_table.rows and not policy.tier_table.rows[row].written_in:
        return replace(one, file=TIERS, line=_line(common, f"rows.{cell}"))
    return replace(one, file=where, line=_line(own, one.key))


def _line(lines: Mapping[str, int], key: str) -> int | None:
    """Where the key stands, or what it lies in."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def _fits(text: str, most: int) -> bool:
    return len(text) <= most and text.isprintable()
