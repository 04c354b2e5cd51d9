"""Threads, locks, queues, events, pools; the same output on each machine."""
import asyncio, concurrent.futures, queue, threading

total = 0
lock = threading.Lock()


def add():
    global total
    for _ in range(2000):
        with lock:
            total += 1


threads = [threading.Thread(target=add) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("locked", total)

jobs, squares = queue.Queue(3), []


def consume():
    while (job := jobs.get()) is not None:
        squares.append(job * job)


consumer = threading.Thread(target=consume)
consumer.start()
for number in [*range(100), None]:
    jobs.put(number)
consumer.join()
print("queue", sum(squares))

event = threading.Event()
threading.Timer(0.05, event.set).start()
print("event", event.wait(30), event.is_set())
barrier, passed = threading.Barrier(4), []
threads = [threading.Thread(target=lambda: passed.append(barrier.wait())) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("barrier", sorted(passed))
condition, ready = threading.Condition(), False


def announce():
    global ready
    with condition:
        ready = True
        condition.notify_all()


threading.Thread(target=announce).start()
with condition:
    print("condition", condition.wait_for(lambda: ready, 30), condition.wait(0.01))

local = threading.local()
local.value = 1
thread = threading.Thread(target=lambda: print("local", hasattr(local, "value")))
thread.start()
thread.join()
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print("pool", list(pool.map(lambda x: x + 1, range(5))))


async def tasks():
    async def after(delay):
        await asyncio.sleep(delay / 20)
        return delay

    results = await asyncio.gather(*(after(3 - i) for i in range(3)))
    child = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
    output, _ = await child.communicate()
    return results, output, await asyncio.get_running_loop().run_in_executor(None, sum, [1, 2])


print("asyncio", asyncio.run(tasks()))
try:
    asyncio.run(asyncio.wait_for(asyncio.sleep(100), 0.05))
except asyncio.TimeoutError:
    print("timed out")
