pytest_plugins = ["tests.streaming.fixtures"]
