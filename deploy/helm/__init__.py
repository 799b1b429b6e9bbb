"""Make the Helm chart in deploy/chart from the kustomize sources, which stay the only ones.

    scripts/chart            writes deploy/chart/values.yaml, templates/*.yaml and crds/*.yaml
    scripts/chart --check    writes nothing, and fails when one of them is not current

`sources` renders the base alone, and with each component; `merge` makes one tree of all these,
whose parts know for which features they are there; `values` names what else can be set and where;
`emit` writes a tree as a template, and `chart` puts files together. So a chart with features on or
off is what kustomize makes of the base with these components, and tests/deploy/test_chart.py holds
it to that.
"""
