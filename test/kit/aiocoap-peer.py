"""One side of the device API, made of aiocoap and cbor2: a gateway for a device of ours, or a device for our gateway.

`gateway PORT IMAGE` waits at PORT until a device registers, tries everything that a gateway does, and prints what came of each
step as a line of JSON. `device PORT UUID` registers at the gateway at PORT under that id and hosts functions that answer a cast
with the same text and an exclamation mark; it prints what it is told, and leaves when its standard input ends.
"""

import asyncio
import hashlib
import json
import sys

import cbor2
from aiocoap import CHANGED, CONTENT, CREATED, DELETE, DELETED, GET, POST, PUT, Context, Message, Unreliable, resource

HOST = "127.0.0.1"
ID = bytes(range(16))


def say(step, **facts):
    print(json.dumps({"step": step, **facts}), flush=True)


class Registrations(resource.Resource):
    def __init__(self):
        super().__init__()
        self.seen = asyncio.Event()

    async def render_post(self, request):
        self.device = request.remote
        self.board = cbor2.loads(request.payload)[2]
        self.seen.set()
        answer = Message(code=CREATED, payload=cbor2.dumps({0: 1764000000}))
        answer.opt.location_path = ("rd", "1")
        return answer


class Taker(resource.Resource):
    """Takes whatever is posted and says so."""

    def __init__(self, name):
        super().__init__()
        self.name = name

    async def render_post(self, request):
        if self.name == "event":
            say("event", payload=[str(part) for part in cbor2.loads(request.payload)])
        return Message(code=CHANGED)


async def play_gateway(port, image_path):
    site = resource.Site()
    registrations = Registrations()
    site.add_resource(["rd"], registrations)
    for path, name in ((["rd", "1"], "refresh"), (["e"], "event"), (["l"], "log"), (["y"], "state")):
        site.add_resource(path, Taker(name))
    context = await Context.create_server_context(site, bind=(HOST, port))
    await asyncio.wait_for(registrations.seen.wait(), 20)
    device = registrations.device
    say("registered", board=registrations.board)

    async def ask(code, path, payload=b"", **options):
        message = Message(code=code, payload=payload, **options)
        message.remote = device
        message.opt.uri_path = tuple(path.split("/"))
        return await asyncio.wait_for(context.request(message).response, 20)

    async def step(name, code, path, payload=b"", **options):
        answer = await ask(code, path, payload, **options)
        facts = {"code": answer.code.dotted}
        if answer.opt.content_format is not None:
            facts["format"] = int(answer.opt.content_format)
        if answer.opt.location_path:
            facts["location"] = "/".join(answer.opt.location_path)
        if answer.opt.size1 is not None:
            facts["size1"] = answer.opt.size1
        say(name, **facts)
        return answer

    say("links", text=(await step("discovery", GET, ".well-known/core")).payload.decode())
    say("status", keys=sorted(cbor2.loads((await step("read", GET, "s")).payload)))
    await step("accepted", GET, "s", accept=60)
    await step("not acceptable", GET, "s", accept=50)
    await step("strange format", POST, "e", b"{}", content_format=50)
    await step("nowhere", GET, "nothing")
    await step("wrong method", DELETE, "s")
    await step("critical option", GET, "s", if_match=[b"x"])
    await step("by NON", GET, "s", transport_tuning=Unreliable)
    with open(image_path, "rb") as file:
        image = file.read()
    digest = hashlib.sha256(image).digest()[:8]
    for exponent in range(7):
        device.maximum_block_size_exp = exponent
        await step(f"image by {16 << exponent}", PUT, "i/" + digest.hex(), image)
        await step(f"removed {exponent}", DELETE, "i/" + digest.hex())
    await step("wrong image", PUT, "i/" + digest.hex(), image[:-1])
    await step("image", PUT, "i/" + digest.hex(), image)
    await step("too large", PUT, "i/" + "f" * 16, b"\0asm" + bytes(60000))
    say("images", there=digest in cbor2.loads((await step("list", GET, "i")).payload))

    request = Message(code=GET, observe=0)
    request.remote = device
    request.opt.uri_path = ("s",)
    observation = context.request(request)
    await observation.response
    counts = []
    images = []

    async def watch():
        async for told in observation.observation:
            status = cbor2.loads(told.payload)
            counts.append(len(status[2]))
            images.append(len(status[5]))

    watching = asyncio.create_task(watch())
    start = {0: digest, 1: ID, 2: ID[:8], 5: 1000, 6: 65536, 7: "incr"}
    await step("start", POST, "f", cbor2.dumps(start))
    await step("start again", POST, "f", cbor2.dumps(start))
    await step("outputs", PUT, "f/1", cbor2.dumps({"result": 3}))
    await step("cast", POST, "e", cbor2.dumps([1, b"41", 0]))
    await step("cast to nobody", POST, "e", cbor2.dumps([9, b"41", 0]))
    say("diagnostic", error=cbor2.loads((await step("nonsense", POST, "e", b"\xff\xff")).payload)[0])
    await asyncio.sleep(0.3)
    await step("stop", DELETE, "f/1")
    await step("reset", POST, "x")
    await step("removed", DELETE, "i/" + digest.hex())
    await asyncio.sleep(0.3)
    say("observed", counts=counts, images=images)
    watching.cancel()
    observation.observation.cancel()
    await context.shutdown()


class Starter(resource.Resource):
    """`f`: whatever is started is handle 1."""

    async def render_post(self, request):
        say("start", name=cbor2.loads(request.payload)[7])
        answer = Message(code=CREATED)
        answer.opt.location_path = ("f", "1")
        return answer


class Function(resource.Resource):
    """`f/1`"""

    route = None

    async def render_put(self, request):
        outputs = cbor2.loads(request.payload)
        self.route = next(iter(outputs.values()), None)
        say("outputs", channels=list(outputs))
        return Message(code=CHANGED)

    async def render_delete(self, request):
        say("stop")
        return Message(code=DELETED)


class Images(resource.Resource, resource.PathCapable):
    async def render_put(self, request):
        digest = hashlib.sha256(request.payload).hexdigest()[:16]
        say("image", bytes=len(request.payload), whole=request.opt.uri_path[-1] == digest)
        return Message(code=CREATED)


class Status(resource.Resource):
    async def render_get(self, request):
        return Message(code=CONTENT, payload=cbor2.dumps({0: 60000, 1: 1, 2: [], 3: [], 4: 77, 5: []}), content_format=60)


class Events(resource.Resource):
    def __init__(self, context, function, gateway):
        super().__init__()
        self.context, self.function, self.gateway = context, function, gateway

    async def render_post(self, request):
        payload = cbor2.loads(request.payload)[1]
        asyncio.get_running_loop().create_task(self.answer(payload))
        return Message(code=CHANGED)

    async def answer(self, payload):
        event = cbor2.dumps([self.function.route, payload + b"!"])
        answer = await self.context.request(Message(code=POST, uri=self.gateway + "/e", payload=event)).response
        say("sent", code=answer.code.dotted)


async def play_device(port, uuid):
    gateway = f"coap://{HOST}:{port}"
    site = resource.Site()
    context = await Context.create_server_context(site, bind=(HOST, 0))
    function = Function()
    for path, what in ((["f"], Starter()), (["f", "1"], function), (["i"], Images()), (["s"], Status())):
        site.add_resource(path, what)
    site.add_resource(["e"], Events(context, function, gateway))

    async def step(name, code, path, payload=b"", **options):
        answer = await context.request(Message(code=code, uri=gateway + path, payload=payload, **options)).response
        say(name, code=answer.code.dotted, location="/".join(answer.opt.location_path))
        return answer

    say("links", text=(await step("discovery", GET, "/.well-known/core")).payload.decode())
    await step("not acceptable", GET, "/.well-known/core", accept=50)
    await step("strange format", POST, "/rd?ep=" + uuid, b"{}", content_format=50)
    # Long enough that it takes several blocks.
    labels = ["label-" + "x" * 60 + str(i) for i in range(30)]
    me = {0: 1, 1: 77, 2: "aiocoap", 3: 200000, 4: [0], 8: [60000, 4, 65536, 500], 9: labels}
    registered = await step("register", POST, f"/rd?ep={uuid}&lt=60", cbor2.dumps(me))
    here = "/" + "/".join(registered.opt.location_path)
    await step("refresh", POST, here)
    await step("changed", POST, here, cbor2.dumps({0: 150000, 3: 5}))
    await step("log", POST, "/l", cbor2.dumps([[1, 3, b"t", b"x" * 100]] * 40))
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await step("leave", DELETE, here)
    await context.shutdown()


if sys.argv[1] == "gateway":
    asyncio.run(play_gateway(int(sys.argv[2]), sys.argv[3]))
else:
    asyncio.run(play_device(int(sys.argv[2]), sys.argv[3]))
