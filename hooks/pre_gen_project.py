"""Refuse what would not work, before anything is written; render aside where files exist."""

import ast
import json
import keyword
import re
import shutil
import sys
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")

# The parts that each module needs, in the order of cookiecutter.json.
MODULES = ast.literal_eval("""{{ cookiecutter.__modules }}""")
LONGEST_NAME = 60
# cruft renders without it; the copy is cookiecutter's, which leaves it behind where a hook fails.
REPO = Path(ANSWERS["_repo_dir"]) if "_repo_dir" in ANSWERS else None
COPY = ".copy-of-the-template"

SLUG = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
PACKAGE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
TEXTS = ("project_name", "description", "author")

# What a service imports, tests and tools included: a package of that name would hide it.
DEPENDENCIES = """
    adbc_driver_duckdb adbc_driver_manager adbc_driver_postgresql adbc_driver_sqlite aiosqlite
    annotated_doc annotated_types anyio arro3 asgiref asyncpg attr attrs babel backports bidict
    blinker brotli c787785866c7b801238d__mypyc certifi cfgv charset_normalizer click
    configargparse dateutil deepmerge distlib dotenv duckdb engineio fastapi fastapi_cli
    fastapi_swagger filelock flask flask_cors flask_login gevent geventhttpclient granian
    graphql greenlet gunicorn h11 h2 harfile hdrh hiredis hpack http_sf httpcore httpcore2
    httptools httpx httpx2 hypercorn hyperframe hypothesis hypothesis_graphql identify idna
    ijson iniconfig itsdangerous jinja2 jsonschema jsonschema_path jsonschema_rs
    jsonschema_specifications lazy_object_proxy linkify_it locust markdown markdown_it
    markupsafe mdit_py_plugins mdurl memray msgpack msgspec nodeenv numpy obstore
    openapi_python_client openapi_schema_validator openapi_spec_validator opentelemetry orjson
    outcome packaging pandas pathable pathspec pbr platformdirs pluggy polars pre_commit
    priority prometheus_client psutil py pyarrow pydantic pydantic_core pydantic_settings
    pygments pyhdrh pymdownx pyrate_limiter pytest pytest_locust python_discovery
    pythonjsonlogger redis referencing requests rfc3339_validator rich rich_toolkit rpds ruamel
    ruff schemathesis selenium setuptools shellingham simple_websocket six sniffio socketio
    socks sockshandler sortedcontainers sqlalchemy stamina starlette tenacity textual tomli trio
    trio_websocket truststore ty typer typing_extensions typing_inspection tzdata urllib3
    uvicorn uvloop virtualenv watchfiles websocket websockets werkzeug wrapt wsproto yaml
    zensical zipstream zmq zope
""".split()  # noqa: SIM905 (a hundred lines otherwise)
FOLDERS = ("clients", "demo", "docs", "loadtest", "src", "streaming", "tests")
DEVICES = (
    "aux",
    "con",
    "nul",
    "prn",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
)


# A package of one of these names would hide something, or not be importable.
TAKEN = {
    "a word of Python": (*keyword.kwlist, *keyword.softkwlist),
    "a module of Python": (*sys.stdlib_module_names, "sitecustomize", "test", "usercustomize"),
    "a tool that installs packages": (
        "_distutils_hack",
        "pip",
        "pkg_resources",
        "setuptools",
        "wheel",
    ),
    "a package that the service needs": DEPENDENCIES,
    "a module of the service": MODULES,
    "a part of the service": [part for parts in MODULES.values() for part in parts],
    "a folder of the service": FOLDERS,
    "a device of Windows": DEVICES,
}


def find_problem():
    slug, package = ANSWERS["project_slug"], ANSWERS["package_name"]
    is_new = all(path.name == ".git" for path in Path.cwd().iterdir())
    is_folder = not is_new and slug == Path.cwd().name
    is_slug = SLUG.fullmatch(slug) and len(slug) <= LONGEST_NAME and slug not in DEVICES
    if not is_folder and not is_slug:
        return (
            f"project_slug must be lower-case letters and digits with single hyphens or underscores "
            f"between them, and at most {LONGEST_NAME} long; {slug!r} is not."
        )
    if not PACKAGE.fullmatch(package) or len(package) > LONGEST_NAME:
        return (
            "package_name must be lower-case letters, digits and single underscores, begin with a "
            f"letter and be at most {LONGEST_NAME} long; {package!r} is not."
        )
    for kind, names in TAKEN.items():
        if package in names:
            return f"package_name must be another: {package!r} is {kind}."
    for name in TEXTS:
        if not ANSWERS[name].strip() or not ANSWERS[name].isprintable():
            return f"{name} must be one line of printable text; {ANSWERS[name]!r} is not."
    if not any(ANSWERS[module] for module in MODULES):
        return f"At least one module must be chosen: {', '.join(MODULES)}."
    return find_problem_of_a_new_project() if is_new else prepare_regeneration()


def find_problem_of_a_new_project():
    service = Path.cwd().parent
    if (service / "streaming.json").is_file() and Path.cwd().name == service.name:
        return f"{service} must be regenerated from the folder that it is in: add -o .."
    return "_dry_run must be no for a new project." if ANSWERS["_dry_run"] else None


def prepare_regeneration():
    if REPO is None or not (REPO / COPY).exists():
        return f"The folder must be new or empty; {Path.cwd()} has files in it."
    sys.path.insert(0, str(REPO / "hooks"))
    from regeneration import Refused, turn_aside  # noqa: PLC0415

    try:
        turn_aside(Path.cwd(), ANSWERS["package_name"], REPO)
    except Refused as refused:
        return str(refused)
    return None


if problem := find_problem():
    if REPO and (REPO / COPY).exists():
        shutil.rmtree(REPO.parent, ignore_errors=True)
    Path(__file__).unlink(missing_ok=True)  # cookiecutter leaves the hook that it has rendered
    sys.exit(problem)
