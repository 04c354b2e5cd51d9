"""Sockets, signals, memory maps, descriptors: what Python shows of the kernel."""
import errno, fcntl, mmap, os, resource, select, selectors, signal, socket, struct, tempfile, threading, time

left, right = socket.socketpair()
left.send(b"hello")
print(right.recv(10), select.select([right], [], [], 0)[0])
reader, writer = os.pipe()
socket.send_fds(left, [b"fd"], [writer])
_, (passed,), _, _ = socket.recv_fds(right, 10, 1)
os.write(passed, b"through a passed descriptor")
print(os.read(reader, 100))
left.close()
print(right.recv(1))
with tempfile.TemporaryDirectory() as folder:
    server = socket.socket(socket.AF_UNIX)
    server.bind(folder + "/s")
    server.listen()

    def client():
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(folder + "/s")
        connection.sendall(b"q" * 100000)
        connection.shutdown(socket.SHUT_WR)
        print(connection.recv(9))

    thread = threading.Thread(target=client)
    thread.start()
    connection, _ = server.accept()
    pid, uid, gid = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    print(pid == os.getpid(), uid == os.getuid(), gid == os.getgid())
    received = 0
    while data := connection.recv(65536):
        received += len(data)
    print(received)
    connection.send(b"done")
    connection.close()
    thread.join()

seen = []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
os.kill(os.getpid(), signal.SIGUSR1)
print(seen)
signal.signal(signal.SIGALRM, lambda *_: seen.append("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.05)
while "alarm" not in seen:
    time.sleep(0.01)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
print(signal.sigtimedwait([signal.SIGUSR2], 0.01))
os.kill(os.getpid(), signal.SIGUSR2)
print(signal.sigpending(), signal.sigwaitinfo([signal.SIGUSR2]).si_pid == os.getpid())
started = time.monotonic()
signal.signal(signal.SIGALRM, lambda *_: seen.append("late"))
signal.setitimer(signal.ITIMER_REAL, 0.05)
time.sleep(0.2)
print(time.monotonic() - started >= 0.2, seen[-1])

with open("mapped", "wb+") as file:
    file.write(b"0123456789" * 1000)
    file.flush()
    with mmap.mmap(file.fileno(), 0) as shared, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as private:
        shared[0:3] = b"abc"
        private[3:6] = b"xyz"
        shared.flush()
        file.seek(0)
        print(file.read(10), private[:10], shared.find(b"9"), len(shared))
        file.seek(5)
        file.write(b"!")
        file.flush()
        print(shared[:10])

os.set_blocking(reader, False)
try:
    os.read(reader, 1)
except BlockingIOError as error:
    print(error)
print(fcntl.fcntl(reader, fcntl.F_GETPIPE_SZ), fcntl.fcntl(reader, fcntl.F_GETFL) & os.O_NONBLOCK != 0)
with selectors.DefaultSelector() as selector:
    selector.register(reader, selectors.EVENT_READ, "data")
    print(selector.select(0))
    os.write(writer, b"x")
    print([(key.data, events) for key, events in selector.select(10)])
with open("locked", "w") as first, open("locked", "w") as second:
    fcntl.flock(first, fcntl.LOCK_EX)
    try:
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        print(errno.errorcode[error.errno])
memory = os.memfd_create("x")
os.truncate(memory, 100)
counter = os.eventfd(3)
print(os.fstat(memory).st_size, os.eventfd_read(counter), len(os.getrandom(4)))
source = os.open("mapped", os.O_RDONLY)
target = os.open("sent", os.O_CREAT | os.O_WRONLY)
print(os.sendfile(target, source, 0, 5000), os.copy_file_range(source, target, 3, 0), os.stat("sent").st_size)
os.setxattr("sent", "user.x", b"1")
print(os.listxattr("sent"), os.getxattr("sent", "user.x"), os.statvfs("/").f_bsize)
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0)
print(os.times().user > 0, time.clock_gettime(time.CLOCK_BOOTTIME) > 0, time.get_clock_info("monotonic").resolution)
for name in ["/nosuch/f", "/etc/hostname/x", "/"]:
    try:
        open(name, "w")
    except OSError as error:
        print(error)
