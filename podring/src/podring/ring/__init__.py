"""The ring: C core (layout.h, ring.h) and its binding, `_ring`."""
