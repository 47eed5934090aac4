"""__logical__.v1.__Service__Service."""

{{#injected}}
from dataclasses import dataclass

import grpc
{{/injected}}
{{#calls}}
from __callee_module__ import __callee_module_name___pb2_grpc
from __request_module__ import __request_module_name___pb2
from google.protobuf import json_format
{{/calls}}
{{#database}}
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool
{{/database}}
from __logical__.v1 import __file___pb2, __file___pb2_grpc
{{#calls}}

import mesh
{{/calls}}


{{#injected}}
@dataclass
{{/injected}}
class __Service__Service(__file___pb2_grpc.__Service__ServiceServicer):
{{#database}}
    database: AsyncConnectionPool
{{/database}}
{{#calls}}
    callee: __callee_module_name___pb2_grpc.__callee_service__Stub
{{/calls}}
{{#injected}}

{{/injected}}
    async def Describe(self, request, context):
{{#calls}}
{{#open_request}}
        # __callee_rpc__ asks for more than an empty request; its contract says what.
{{/open_request}}
        asked = __request_module_name___pb2.__callee_request__()
{{#filled_request}}
        json_format.Parse(__request_json_string__, asked)
{{/filled_request}}
        try:
            answer = await self.callee.__callee_rpc__(asked, **mesh.onward(context))
        except grpc.aio.AioRpcError as error:
            await mesh.pass_on(context, error, "__callee_logical__")
        said = json_format.MessageToJson(answer, indent=None)
        return __file___pb2.DescribeResponse(text=f"__callee_logical__ answered {said}")
{{/calls}}
{{^calls}}
        return __file___pb2.DescribeResponse(text="__service__ serves")
{{/calls}}
{{#database}}

    async def AddItem(self, request, context):
        if not 1 <= len(request.name) <= 100:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "name must have 1 to 100 characters")
        async with self.database.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute(
                "insert into items (item_id, name) values (gen_random_uuid(), %s) returning *", (request.name,)
            )
            return __file___pb2.AddItemResponse(item=item_of(await cursor.fetchone()))

    async def ListItems(self, request, context):
        async with self.database.connection() as connection:
            cursor = connection.cursor(row_factory=dict_row)
            await cursor.execute("select * from items order by created_at desc limit 50")
            return __file___pb2.ListItemsResponse(items=[item_of(row) for row in await cursor.fetchall()])


def item_of(row: dict) -> __file___pb2.Item:
    return __file___pb2.Item(item_id=str(row["item_id"]), name=row["name"], created_at=row["created_at"])
{{/database}}
