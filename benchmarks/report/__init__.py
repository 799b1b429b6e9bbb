"""From a file of results to docs/benchmarks.md and its plots.

    python -m benchmarks.report RESULTS.json            write the page and docs/benchmarks/*.svg
    python -m benchmarks.report --readme RESULTS.json   write the block of README.md

    book        the results, looked up: what was measured, as spreads over the repetitions
    words       numbers and sizes as people read them
    tables      Markdown tables
    style       what all plots look like, and how one becomes an SVG
    lines       a line a peer, over sizes
    dots        a row a peer, with a mark for each figure
    tracks      a bar for each fraction
    pictures    which lines and rows a plot has
    questions   what the page asks, and the table and the plot that answer
    measure     how a figure is computed that shall be reached: medians, ratios, floors
    goals       which figures are to be reached, and goaltable their table (explanations.toml)
    fractions   what fraction of each floor is reached
    losses      where somebody else is better
    prose       where the numbers come from (introduction.md, method.md)
    page        all of it in one page
    readme      the little of it that README shows

Whatever the results hold is shown, and what they lack is left out: a run with --only makes a short
page. Rendering the same results again gives the same bytes.
"""
