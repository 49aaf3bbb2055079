"""The query language: MLflow's `search_runs` filters, read by a parser of our own, and more.

    query     = [filter] ["group by" field {"," field} ["aggregate" figure {"," figure}]]
                ["order by" order {"," order}]
    filter    = both {"or" both}          both = term {"and" term}
    term      = "not" term | "(" filter ")" | field test
    test      = ("=" | "!=" | "<" | "<=" | ">" | ">=") value
              | ["not"] "in" "(" value {"," value} ")"
              | ["not"] ("like" | "ilike") text
              | "is" ["not"] "null"
    order     = (field | figure) ["asc" | "desc"]
    figure    = ("mean" | "std" | "min" | "max" | "sum" | "median") ["(" field ")"] | "count"
    field     = [kind "."] key ["." part]
    key       = a word of letters, digits and _ / : @ + - and dots; or anything in "..." or `...`
    value     = number | inf | nan | true | false | length of time | text
    text      = '...' or "...", the quote itself doubled in it

Words of the language are read in any case, and so are attributes; keys are not. As the last word
behind a dot a *part* of a metric is one: `metrics.x.min`. A metric whose name ends in such a word
is quoted: `metrics."x.min"`.

| kind | what it is | compares as |
|---|---|---|
| metrics, metric | a metric's figure: last; or its part min, max, first, mean, step (of last), min_step, max_step, count | number |
| params, parameters, param | config as MLflow has it | number with a number, also where a text is one; text with a text |
| config | config, typed | number with a number, text with a text, true and false |
| summary | summary, typed | as config |
| tags, tag | tags | as params |
| attributes, attribute, attr, run, or no kind | see `tracker.query.language.attributes` | each as it says |
| git | `git.commit`, `git.remote`: what is known of the code | text |
| host | `host.name`, `host.user`, `host.python`, `host.platform`, ...: where it ran | text |

What a run does not have, or has as null or NaN, fulfils no comparison, neither `!=` nor under
`not`; ask for it with `is null`. NaN fulfils `= nan` alone. Runs are ordered by number, infinities
at their ends; behind these, in both directions, NaN, then texts, then runs that have nothing there.
Equal runs stand newest first.

A figure without a field is of the field before it: `mean(metrics.loss), std`. std is that of a
sample (n - 1), None of a single run. Runs that have no number there are not in a figure, but in count.

Times are compared with dates ('2026-11-24', '2026-11-24T18:30', of this machine's zone if they
name none), with lengths of time (7d: so long ago; m, h, d, w), or with milliseconds since 1970, as
MLflow has them.
"""

from tracker.query.language.parser import parse
from tracker.query.language.tree import Field, Figure, Order, Query

__all__ = ["Field", "Figure", "Order", "Query", "parse"]
