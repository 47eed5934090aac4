"""`__weft_command__ test __service__` runs this. It calls the handlers in memory."""

from types import SimpleNamespace
{{#calls}}
from unittest import IsolatedAsyncioTestCase
from unittest.mock import AsyncMock, Mock

import grpc
from __request_module__ import __request_module_name___pb2
{{/calls}}
{{^calls}}
from unittest import IsolatedAsyncioTestCase
{{/calls}}

from __logical__.v1 import __file___pb2
from service import __Service__Service


class __Service__ServiceTest(IsolatedAsyncioTestCase):
{{#calls}}
    def setUp(self) -> None:
        # What it answers is not asked here, so any message will do.
        self.callee = SimpleNamespace(
            __callee_rpc__=AsyncMock(return_value=__request_module_name___pb2.__callee_request__())
        )
        self.service = __Service__Service({{#database}}Mock(), {{/database}}self.callee)
        self.context = Mock(abort=AsyncMock(side_effect=RuntimeError))
        self.context.invocation_metadata.return_value = ()

    async def test_describe(self) -> None:
        answer = await self.service.Describe(__file___pb2.DescribeRequest(), self.context)
        self.assertEqual(answer.text, "__callee_logical__ answered {}")

    async def test_describe_without_callee(self) -> None:
        nothing = grpc.aio.Metadata()
        self.callee.__callee_rpc__.side_effect = grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, nothing, nothing)
        with self.assertRaises(RuntimeError):
            await self.service.Describe(__file___pb2.DescribeRequest(), self.context)
        self.context.abort.assert_awaited_once_with(grpc.StatusCode.UNAVAILABLE, "__callee_logical__ failed")
{{/calls}}
{{^calls}}
    async def test_describe(self) -> None:
        service = __Service__Service({{#database}}SimpleNamespace(){{/database}})
        answer = await service.Describe(__file___pb2.DescribeRequest(), SimpleNamespace())
        self.assertEqual(answer.text, "__service__ serves")
{{/calls}}
