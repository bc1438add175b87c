"""Leave what was asked for in the project, and say what is there and how to go on.

A module, or a part that modules share, owns every path that has a component whose stem is its name.
"""

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | jsonify }}""")

# The parts that each module needs, in the order of cookiecutter.json.
MODULES = ast.literal_eval("""{{ cookiecutter.__modules }}""")
# cruft renders without it.
REPO = Path(ANSWERS["_repo_dir"]) if "_repo_dir" in ANSWERS else None
COPY = ".copy-of-the-template"
STAGE = Path(".regeneration")
ANSWERS_FILE = "streaming.json"
LINK = Path(".cruft.json")


def finish_new_project():
    chosen = [module for module in MODULES if ANSWERS[module]]
    left_out = [module for module in MODULES if not ANSWERS[module]]
    needed = {*chosen, *(part for module in chosen for part in MODULES[module])}
    for name in {*MODULES, *(part for parts in MODULES.values() for part in parts)} - needed:
        prune(Path.cwd(), name)
    write_answers(Path.cwd(), kept={}, modules=chosen)
    link()
    # cruft compares projects that it renders in folders of its own: nobody is to go there.
    if REPO is not None or Path(tempfile.gettempdir()).resolve() not in Path.cwd().parents:
        welcome(chosen, left_out)


def welcome(chosen, left_out):
    print(f"\n{ANSWERS['project_name']} is in {Path.cwd()}")
    print(f"  modules:  {', '.join(chosen)}")
    if left_out:
        print(f"  left out: {', '.join(left_out)}")
    print("\nIn that folder:")
    print(f"  make run    starts it at {address(os.environ.get('PORT') or '8000')}")
    print("  make test   runs its tests")


def address(port):
    """Where `make run` starts it, which takes the port from the same place."""
    return "a free port, which it names" if port == "0" else f"http://127.0.0.1:{port}"


def prune(folder, stem):
    for path in folder.iterdir():
        if path.name == ".git":
            continue
        if path.stem == stem:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        elif path.is_dir():
            prune(path, stem)
            # cruft would take an empty folder for one that the team has deleted.
            if not any(path.iterdir()):
                path.rmdir()


def write_answers(folder, kept, modules):
    """Keep the answers as a configuration of cookiecutter, for the next time."""
    others = {key: value for key, value in ANSWERS.items() if key[0] != "_"} | kept
    names = {key: value for key, value in others.items() if key not in MODULES}
    chosen = {module: module in modules or kept.get(module, False) for module in MODULES}
    text = json.dumps({"default_context": names | chosen}, ensure_ascii=False, indent=2)
    (folder / ANSWERS_FILE).write_text(text + "\n", encoding="utf-8", newline="\n")


def kept_answers():
    answers = Path(ANSWERS_FILE)
    if not answers.is_file():
        return {}
    try:
        return dict(json.loads(answers.read_text(encoding="utf-8"))["default_context"])
    except (ValueError, LookupError, TypeError):
        sys.exit(f"Nothing has changed: {ANSWERS_FILE} holds no answers; mend or delete it first.")


def link():
    """Write what `cruft create` writes, where the commit of the template says all of it."""
    if REPO is None or not (REPO / ".git").exists():
        return
    # `pre_prompt` has given it another name, which would be a change.
    folder = next(path for path in REPO.iterdir() if path.name.startswith("{" * 2))
    folder.rename(REPO / ("{" * 2 + "cookiecutter.project_slug" + "}" * 2))
    if git("status", "--porcelain", "-uno"):
        return
    commit = git("rev-parse", "HEAD")
    # A hook runs in the project; the path was given where the user is.
    template = Path(os.environ.get("PWD", ""), ANSWERS["_template"]).expanduser()
    url = (
        str(template.resolve())
        if template.is_dir()
        else git("config", "--get", "remote.origin.url")
    )
    questions = json.loads((REPO / "cookiecutter.json").read_text("utf-8"))
    answers = {**ANSWERS, "__modules": MODULES}
    context = {key: answers[key] for key in questions if key in answers}
    state = {
        "template": url,
        "commit": commit,
        "checkout": ANSWERS["_checkout"],
        "context": {"cookiecutter": {**context, "_template": url, "_commit": commit}},
        "directory": None,
    }
    text = json.dumps(state, ensure_ascii=False, indent=2, separators=(",", ": "))
    LINK.write_text(text + "\n", encoding="utf-8", newline="\n")


def git(*arguments):
    # cookiecutter makes the hooks executable.
    command = ("git", "-c", "core.fileMode=no", *arguments)
    return subprocess.run(
        command, cwd=REPO, capture_output=True, encoding="utf-8", check=False
    ).stdout.strip()


def regenerate(repo):
    sys.path.insert(0, str(repo / "hooks"))
    from regeneration import Refused, Regeneration  # noqa: PLC0415
    from report import report  # noqa: PLC0415

    # None where the command cannot be read: then every answer counts.
    named = json.loads((repo / COPY).read_text("utf-8"))
    # A service that is stopped while it is regenerated is put back as it was.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("Stopped; nothing has changed."))
    try:
        regeneration = Regeneration(Path.cwd(), ANSWERS["package_name"], MODULES)
        kept = dict.fromkeys(regeneration.there, True) | kept_answers()
        regeneration.choose(
            module
            for module in MODULES
            if (ANSWERS if named is None or module in named else kept).get(module)
        )
        write_answers(regeneration.rendered, kept, regeneration.chosen)
        regeneration.plan()
        if not ANSWERS["_dry_run"]:
            regeneration.write()
        print("\n".join(["", *report(regeneration, dry_run=ANSWERS["_dry_run"])]))
    except (Refused, OSError) as error:
        sys.exit(f"Nothing has changed: {error}")
    except KeyboardInterrupt:
        sys.exit("Stopped; nothing has changed.")
    finally:
        shutil.rmtree(STAGE, ignore_errors=True)


# A Windows console cannot print every name.
sys.stdout.reconfigure(errors="backslashreplace")  # ty: ignore[missing-union-attribute]
if REPO is not None and STAGE.is_dir():
    regenerate(REPO)
else:
    finish_new_project()
