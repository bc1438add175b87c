"""The applications that are compared; they run in the environment of the generated service."""
