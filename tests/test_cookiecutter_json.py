from template import DEFINITION, MODULES

VARIABLES = [
    "project_name",
    "project_slug",
    "package_name",
    "description",
    "author",
    *MODULES,
]


def test_it_asks_what_the_design_says_and_nothing_else():
    assert [name for name in DEFINITION if not name.startswith("_")] == VARIABLES


def test_every_prompt_has_a_label():
    assert list(DEFINITION["__prompts__"]) == VARIABLES


def test_every_module_is_chosen_by_default():
    assert all(DEFINITION[module] is True for module in MODULES)
