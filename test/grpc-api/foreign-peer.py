"""A peer of another make: calls one method with bytes, then serves every method and reports what it was sent.

Usage: foreign-peer.py URL_AUTHORITY METHOD REQUEST_HEX ANSWER_HEX
Prints the answer in hex, then the port it serves on, then the path and bytes of each call.
"""

import sys
from concurrent import futures

import grpc

authority, method, request, answer = sys.argv[1:5]

with grpc.insecure_channel(authority) as channel:
    call = channel.unary_unary(method)
    print(call(bytes.fromhex(request), timeout=20).hex(), flush=True)


class Everything(grpc.GenericRpcHandler):
    def service(self, details):
        def handle(received, context):
            print(details.method, received.hex(), flush=True)
            if received == b"":
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, "empty, naïve")
            return bytes.fromhex(answer)

        return grpc.unary_unary_rpc_method_handler(handle)


server = grpc.server(futures.ThreadPoolExecutor(max_workers=1))
server.add_generic_rpc_handlers((Everything(),))
print(server.add_insecure_port("127.0.0.1:0"), flush=True)
server.start()
sys.stdin.read()
server.stop(0)
