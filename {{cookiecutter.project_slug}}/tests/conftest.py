pytest_plugins = ["tests.streaming.fixtures", "tests.streaming.killing"]
