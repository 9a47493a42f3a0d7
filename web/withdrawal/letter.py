"""The acknowledgement of a withdrawal in words: its content, and the date and time of its submission (Directive 2011/83/EU, art. 11a(4)).

One text for the mail, the download and the record. It is plain: it must be readable in ten years, and printed.
"""

from database.withdrawals import Letter
from desk.withdrawals import Submission
from policies.calendars import place_of
from web.words import Words, words_for


def acknowledgement(of: Submission) -> Letter:
    """The letter, in the nearest language to the declaration's own."""
    say, said = words_for(of.said.locale), of.said
    receipt = [(say("withdrawal.number"), of.id), (say("withdrawal.submitted"), "\n".join(moments(say, of)))]
    declared = [
        (say("withdrawal.name"), said.name),
        (say("withdrawal.contract"), said.contract),
        (say("withdrawal.goods"), said.goods or say("withdrawal.whole_contract")),
        (say("withdrawal.email"), said.email),
    ]
    parts = [
        say("withdrawal.received"),
        _listed(receipt),
        say("withdrawal.declared"),
        _listed(declared),
        say("withdrawal.keep"),
        say("withdrawal.next"),
    ]
    return Letter(say("withdrawal.subject", number=of.id), "\n\n".join(parts) + "\n", say.language)


def moments(say: Words, of: Submission) -> list[str]:
    """When it was submitted: in UTC, and by the clock of the market where that is known."""
    utc = say.moment(of.at)
    if of.market is None:
        return [utc]
    time_zone = place_of(of.market)[1].time_zone
    return [utc] if time_zone == "UTC" else [say.moment(of.at, time_zone), utc]


def _listed(fields: list[tuple[str, str]]) -> str:
    # What was typed is indented: no line of it can be taken for one of ours.
    return "\n".join("\n  ".join([f"{name}:", *value.splitlines()]) for name, value in fields)
