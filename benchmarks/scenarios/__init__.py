"""The scenarios, named by topology. Each runs one case with one peer and gives its figures."""
