"""Services that are linked to the template with cruft get what cookiecutter renders, at any time."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter

from repository import Repository, create
from template import MODULES, choose

Fresh = Callable[[tuple[str, ...]], dict[str, bytes]]


@pytest.fixture(scope="module")
def fresh(template_repository, tmp_path_factory) -> Fresh:
    """The files of a service that has just been created with these modules."""

    @cache
    def create_fresh(modules: tuple[str, ...]) -> dict[str, bytes]:
        folder = tmp_path_factory.mktemp("fresh")
        return create(template_repository, folder, extra_context=choose(*modules)).files()

    return create_fresh


def test_cruft_creates_what_cookiecutter_creates(fresh, template_repository, tmp_path, combination):
    project = cookiecutter(
        str(template_repository.folder),
        no_input=True,
        output_dir=str(tmp_path),
        extra_context=choose(*combination),
        default_config=True,
    )
    assert Repository(Path(project)).files() == fresh(combination)


@pytest.mark.unix
@pytest.mark.parametrize("first", MODULES)
def test_a_module_switched_on_is_as_if_it_had_been_chosen_and_off_as_if_never(
    template_repository, fresh, tmp_path, first
):
    service = create(template_repository, tmp_path, extra_context=choose(first)).start()
    for second in MODULES.keys() - {first}:
        service.update(**{second: True})
        assert service.files() == fresh(tuple(each for each in MODULES if each in {first, second}))
        service.commit(f"add {second}")
        service.update(**{second: False})
        assert service.files() == fresh((first,))
        service.commit(f"remove {second}")
