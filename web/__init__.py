"""The room for human faces: pages that people read and fill in, rendered here and complete without a script.

A face is a folder: `pages.py` with a router, its templates beside it, its words in web/locale. To add one:

1. `web/<face>/pages.py`: `router = APIRouter(route_class=Face, include_in_schema=False, dependencies=[open_to_all("why")])`, and
   routes that answer `render(request, "<face>/<template>.html", …)` (web/page.py). Errors of the house, of the database and
   of nobody leave as a page in the reader's language by themselves: that is what `Face` is for.
2. `web/<face>/<template>.html`: begins with `{% extends "base.html" %}` and fills the blocks `title` and `main`. Text is
   asked for by its name: `{{ say("policy.title") }}`, `{{ say("policy.until", day=say.date(until)) }}`. Whatever stands in double
   braces is escaped. No style and no script within the page: the browser is told to run none. What the stylesheet lacks
   goes into web/static/boomerang.css.
3. `web/locale/<language>/LC_MESSAGES/boomerang.po`: every name in every language (tests/web/test_words.py finds the one that is missing,
   the one that nobody uses, and the placeholder that got lost).
4. One line in FACES of web/app.py.

The reader's language is `words_of(request)`: `?lang=`, then what the browser prefers, then English.
"""
