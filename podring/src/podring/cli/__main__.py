"""`python -m podring.cli`: the `podring` command where its script is not on the path."""

import sys

from podring.cli import main

sys.exit(main())
