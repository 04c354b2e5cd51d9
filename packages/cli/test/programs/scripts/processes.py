"""subprocess, fork, multiprocessing, pseudo terminals."""
import ctypes, mmap, multiprocessing, os, pty, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import shared_memory


def square(x):
    return x * x


def count(value):
    for _ in range(100):
        with value.get_lock():
            value.value += 1


def main():
    print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True, text=True))
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    print("through cat", len(child.communicate(b"x" * 1000000)[0]))
    try:
        subprocess.run(["sleep", "100"], timeout=0.1)
    except subprocess.TimeoutExpired as error:
        print("timed out", error.cmd)
    try:
        subprocess.run(["nosuchprogram"])
    except FileNotFoundError as error:
        print(error)
    print(subprocess.check_output("echo $0 $X", shell=True, env={"X": "1"}))
    print(subprocess.run(["sh", "-c", "kill -9 $$"]).returncode)
    print(subprocess.run(["pwd"], cwd="/", stdout=subprocess.PIPE).stdout)
    print(subprocess.run(["true"], start_new_session=True, preexec_fn=lambda: os.nice(1)).returncode)
    first = subprocess.Popen(["seq", "1000"], stdout=subprocess.PIPE)
    second = subprocess.Popen(["tail", "-n", "1"], stdin=first.stdout, stdout=subprocess.PIPE)
    first.stdout.close()
    print(second.communicate()[0], first.wait())

    page = mmap.mmap(-1, 8192)
    page[0:5] = b"mine."
    child = os.fork()
    if child == 0:
        page[0:5] = b"child"
        os._exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), page[0:5])
    with multiprocessing.Pool(3) as pool:
        print(pool.map(square, range(6)))
    with ProcessPoolExecutor(2) as pool:
        print(list(pool.map(square, range(4))))
    results = multiprocessing.Queue()
    child = multiprocessing.Process(target=results.put, args=("from a child",))
    child.start()
    print(results.get())
    child.join()
    print(child.exitcode)
    value = multiprocessing.Value("i", 0)
    children = [multiprocessing.Process(target=count, args=(value,)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    print("counted", value.value)
    block = shared_memory.SharedMemory(create=True, size=100)
    block.buf[0] = 5
    again = shared_memory.SharedMemory(block.name)
    print("shared", again.buf[0], again.size)
    again.close()
    block.close()
    block.unlink()
    sys.stdout.flush()
    child = multiprocessing.get_context("spawn").Process(target=print, args=("spawned",))
    child.start()
    child.join()

    child, terminal = pty.fork()
    if child == 0:
        os.execlp("sh", "sh", "-c", "tty | cut -c1-9; stty size; echo $(ps -o tty= -p $$) | cut -c1-4")
    output = b""
    try:
        while data := os.read(terminal, 100):
            output += data
    except OSError as error:
        print(error)
    print(output, os.wait()[1])
    print(ctypes.CDLL(None).abs(-5), os.sched_getaffinity(0) == set(range(os.cpu_count())))


if __name__ == "__main__":
    main()
