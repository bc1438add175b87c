"""An app of somebody else's that has the service mounted, and the routers of its modules as well."""

from fastapi import FastAPI

from {{ cookiecutter.package_name }} import (
    main,
    modules,
)

service = main.create_app()

# An app that is mounted is not told of the start: whoever mounts it passes its lifespan on.
mounting = FastAPI(lifespan=service.router.lifespan_context)
mounting.mount("/x", service)

including = FastAPI()
modules.add_modules(including, prefix="/x")
