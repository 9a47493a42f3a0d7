"""Partners played by programs of their own, with books of their own, so that there is an independent witness.

They import nothing of the house and share no process, database or clock with it: what was paid and what was shipped
can be asked of them, whatever the house believes. They speak only to programs on the same machine or network that hold
their key. Money moved here is not money.
"""
