"""__logical__.v1.__Service__Service."""

{{#calls}}
from dataclasses import dataclass

import grpc
from __callee_module__ import __callee_module_name___pb2_grpc
from __request_module__ import __request_module_name___pb2
from google.protobuf import json_format
{{/calls}}
from __logical__.v1 import __file___pb2, __file___pb2_grpc
{{#calls}}

import mesh
{{/calls}}


{{#calls}}
@dataclass
{{/calls}}
class __Service__Service(__file___pb2_grpc.__Service__ServiceServicer):
{{#calls}}
    callee: __callee_module_name___pb2_grpc.__callee_service__Stub

{{/calls}}
    async def Describe(self, request, context):
{{#calls}}
{{^empty_request}}
        # __callee_rpc__ asks for more than an empty request; its contract says what.
{{/empty_request}}
        try:
            answer = await self.callee.__callee_rpc__(__request_module_name___pb2.__callee_request__(), **mesh.onward(context))
        except grpc.aio.AioRpcError as error:
            await mesh.pass_on(context, error, "__callee_logical__")
        said = json_format.MessageToJson(answer, indent=None)
        return __file___pb2.DescribeResponse(text=f"__callee_logical__ answered {said}")
{{/calls}}
{{^calls}}
        return __file___pb2.DescribeResponse(text="__service__ serves")
{{/calls}}
