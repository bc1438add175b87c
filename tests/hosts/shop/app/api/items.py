from fastapi import APIRouter, HTTPException
from pydantic import BaseModel

router = APIRouter(prefix="/items", tags=["items"])


class OutOfStock(Exception):
    pass


class Item(BaseModel):
    id: int
    name: str


@router.get("/{id}")
async def read_item(id: int) -> Item:
    if id == 0:
        raise OutOfStock
    if id < 0:
        raise HTTPException(404, "Item not found")
    return Item(id=id, name="chair")


@router.post("/", status_code=201)
async def add_item(item: Item) -> Item:
    return item
