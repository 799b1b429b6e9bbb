"""What podring is compared with, one module a library, each with its real server and settings."""
