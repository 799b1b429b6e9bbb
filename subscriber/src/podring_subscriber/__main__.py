"""`python -m podring_subscriber`, and what the podring-subscriber script runs."""

import sys

from podring_subscriber import main

if __name__ == "__main__":
    sys.exit(main())
