"""The controller: turns `Sharedmemory` resources into topics on the nodes' brokers.

So far it can read such a resource and say what is wrong with it (`resource`). The operator that
watches a cluster and asks the brokers, and the custom resource definition, are not part of this
version.
"""
