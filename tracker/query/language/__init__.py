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

Kinds, and what they compare as:

    metrics, metric      a figure of a metric: last, or its part min, max, mean, first, step (of
                         last), min_step, max_step, count. Numbers
    params, parameters,  config as MLflow has it: with a number as a number, also where a text is
    param, parameter     one; with a text as a text
    config               config, typed: numbers with numbers, texts with texts, true and false
                         with these (and with 1 and 0)
    summary              as config
    tags, tag            as params
    git                  git.commit, git.remote: what is known of the code. Texts
    host                 host.name, host.user, host.python, host.platform, ...: where it ran
    attributes, attr,    see `tracker.query.language.attributes`; a word without a kind is one too
    attribute, run

What a run does not have, or has as null or NaN, fulfils no comparison, neither `!=` nor under
`not`; ask for it with `is null`. NaN fulfils `= nan` alone. Runs are ordered by number, infinities
at their ends; behind these, in both directions, NaN, then texts, then runs that have nothing there.
Equal runs stand newest first.

A figure without a field is of the field before it: `mean(metrics.loss), std`. std is that of a
sample (n - 1), None of a single run. Runs without a number there are in count, not in the figure.

Times are compared with dates ('2026-11-24', '2026-11-24T18:30', of this machine's zone if they
name none), with lengths of time (7d: so long ago; m, h, d, w), or with milliseconds since 1970, as
MLflow has them.
"""

from tracker.query.language.parser import parse
from tracker.query.language.tree import Field, Figure, Order, Query

__all__ = ["Field", "Figure", "Order", "Query", "parse"]
