"""`tracker top`: runs, curves, machine, console and delivery, live in a terminal.

    Keeper  thread: keeps the index up to date, about a twentieth of a core
    Reader  thread: reads what the screen wishes for from the index as it stands, and draws it
    Top     the screen (textual): shows the newest `Sight`, tells the reader the newest `Wish`

The screen reads nothing itself, so it never waits for a disk, and moves while an index is made
anew. A wish names everything that decides what is read: of the list only the rows that are on
the screen, of the pane the one that is chosen. What did not change is not read again.

The list is read first and shown at once, from what the index held before; catching up and the
pane follow. NumPy is imported behind that.

Only `app`, `runlist`, `paneview` and `picker` import textual.
"""
