"""The generated service against its peers, on one machine and in one run: `make bench`."""
