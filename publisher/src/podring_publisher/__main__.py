"""`python -m podring_publisher`, and what the podring-publisher script runs."""

import sys

from podring_publisher import main

if __name__ == "__main__":
    sys.exit(main())
