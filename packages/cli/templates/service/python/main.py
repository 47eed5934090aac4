"""Serves __logical__."""

import asyncio

import grpc
{{#calls}}
from __callee_module__ import __callee_module_name___pb2_grpc
{{/calls}}
from __logical__.v1 import __file___pb2_grpc

import mesh
from service import __Service__Service


async def main() -> None:
    server = grpc.aio.server()
{{#calls}}
    callee = __callee_module_name___pb2_grpc.__callee_service__Stub(mesh.channel("__callee_logical__"))
    __file___pb2_grpc.add___Service__ServiceServicer_to_server(__Service__Service(callee), server)
{{/calls}}
{{^calls}}
    __file___pb2_grpc.add___Service__ServiceServicer_to_server(__Service__Service(), server)
{{/calls}}
    await mesh.serve(server)


asyncio.run(main())
