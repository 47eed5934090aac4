"""Serves __logical__."""

import asyncio

import grpc
{{#calls}}
from __callee_module__ import __callee_module_name___pb2_grpc
{{/calls}}
from __logical__.v1 import __file___pb2_grpc

import mesh
{{#database}}
from database import open_database
{{/database}}
from service import __Service__Service


async def main() -> None:
    server = grpc.aio.server()
{{#database}}
    database = await open_database()
{{/database}}
{{#calls}}
    callee = __callee_module_name___pb2_grpc.__callee_service__Stub(mesh.channel("__callee_logical__"))
    __file___pb2_grpc.add___Service__ServiceServicer_to_server(__Service__Service({{#database}}database, {{/database}}callee), server)
{{/calls}}
{{^calls}}
    __file___pb2_grpc.add___Service__ServiceServicer_to_server(__Service__Service({{#database}}database{{/database}}), server)
{{/calls}}
    await mesh.serve(server)
{{#database}}
    await database.close()
{{/database}}


asyncio.run(main())
