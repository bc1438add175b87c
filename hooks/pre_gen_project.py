"""Refuse names that would not work, before anything is written."""

import json
import keyword
import re
import sys
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")

MODULES = ("file_download", "sse", "jsonl", "batch_export")
LONGEST_NAME = 60
SLUG = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
PACKAGE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
TEXTS = ("project_name", "description", "author")

# What a service imports, tests and tools included: a package of that name would hide it.
DEPENDENCIES = """
    adbc_driver_duckdb annotated_doc annotated_types anyio arro3 attr attrs backports bidict blinker
    brotli certifi cfgv charset_normalizer click configargparse distlib dotenv duckdb engineio
    fastapi filelock flask flask_cors flask_login gevent geventhttpclient granian greenlet h11
    httpcore2 httptools httpx2 identify idna iniconfig itsdangerous jinja2 jsonschema
    jsonschema_path jsonschema_specifications lazy_object_proxy locust markupsafe msgpack msgspec
    nodeenv openapi_schema_validator openapi_spec_validator opentelemetry orjson outcome packaging
    pathable platformdirs pluggy pre_commit prometheus_client psutil py pyarrow pydantic
    pydantic_core pydantic_settings pygments pytest pytest_locust python_discovery pythonjsonlogger
    referencing requests rfc3339_validator rpds ruff selenium simple_websocket six sniffio socketio
    socks sockshandler sortedcontainers stamina starlette tenacity trio trio_websocket truststore ty
    typing_extensions typing_inspection urllib3 uvicorn uvloop virtualenv watchfiles websocket
    websockets werkzeug wsproto yaml zmq zope
""".split()  # noqa: SIM905 (a hundred lines otherwise)
FOLDERS = ("clients", "docs", "loadtest", "src", "tests")
DEVICES = (
    "aux",
    "con",
    "nul",
    "prn",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
)


PACKAGE_RULE = (
    "package_name must be lower-case letters, digits and single underscores, begin with a letter, "
    f"be at most {LONGEST_NAME} long, and be no word or module of Python, no package that the "
    f"service needs and no part of it"
)


def find_problem():
    slug, package = ANSWERS["project_slug"], ANSWERS["package_name"]
    if not SLUG.fullmatch(slug) or len(slug) > LONGEST_NAME or slug in DEVICES:
        return (
            f"project_slug must be lower-case letters and digits with single hyphens or underscores "
            f"between them, and at most {LONGEST_NAME} long; {slug!r} is not."
        )
    taken = {*keyword.kwlist, *sys.stdlib_module_names, *DEPENDENCIES, *MODULES, *FOLDERS, *DEVICES}
    if not PACKAGE.fullmatch(package) or len(package) > LONGEST_NAME or package in taken:
        return f"{PACKAGE_RULE}; {package!r} is not allowed."
    for name in TEXTS:
        if not ANSWERS[name].strip() or not ANSWERS[name].isprintable():
            return f"{name} must be one line of printable text; {ANSWERS[name]!r} is not."
    if not any(ANSWERS[module] for module in MODULES):
        return f"At least one module must be chosen: {', '.join(MODULES)}."
    if any(Path.cwd().iterdir()):
        return f"The folder must be new or empty; {Path.cwd()} has files in it."
    return None


if problem := find_problem():
    sys.exit(problem)
