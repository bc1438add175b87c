"""The tour of a service is true: its picture is that of the code, and its files are there."""

import re

import structure
from template import PROJECT, TEMPLATE

TOUR = TEMPLATE / "docs" / "tour.md"


def test_the_picture_is_fresh():
    assert structure.PICTURE.read_text("utf-8") == structure.picture(), "run python structure.py"


def test_nothing_points_up():
    rank = {name: place for place, row in enumerate(structure.rows()) for name in row}
    assert all(rank[above] < rank[below] for above, below in structure.imports())


def test_every_path_of_the_tour_is_there():
    paths = re.findall(r"`((?:src|docs|clients|loadtest|tests)/[^`]*)`", TOUR.read_text("utf-8"))
    assert len(paths) > 20
    for path in paths:
        real = path.replace("src/my_service", "src/{{cookiecutter.package_name}}")
        assert (PROJECT / real).exists(), path
