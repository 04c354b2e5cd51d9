"""Runs a program on a new pseudo terminal: terminal_driver.py ROWS COLUMNS COMMAND...

What the program writes comes on stdout. Commands come on stdin, a line of JSON each: {"type": TEXT}, {"resize": [ROWS, COLUMNS]}, {"modes": true}.
Answers go to descriptor 3, a line of JSON each: {"pid": PID} at the start, {"modes": [...]}, {"exit": STATUS} (128 + signal) at the end. The terminal stays
open until stdin ends, so that its modes can still be asked for.
"""
import fcntl, json, os, pty, select, struct, sys, termios

rows, columns = int(sys.argv[1]), int(sys.argv[2])


def size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def say(message):
    os.write(3, (json.dumps(message) + "\n").encode())


def modes(fd):
    iflag, oflag, cflag, lflag, _, _, cc = termios.tcgetattr(fd)
    return [iflag, oflag, cflag, lflag, [c if isinstance(c, int) else c[0] for c in cc]]


master, slave = pty.openpty()
size(master, rows, columns)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.closerange(3, 64)
    os.execvp(sys.argv[3], sys.argv[3:])
say({"pid": pid})
# The slave stays open here: the terminal outlives the program.
commands = b""
exited = False
while True:
    ready, _, _ = select.select([0, master], [], [], 0.02)
    if master in ready:
        os.write(1, os.read(master, 65536))
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            break
        commands += data
        while b"\n" in commands:
            line, commands = commands.split(b"\n", 1)
            command = json.loads(line)
            if "type" in command:
                os.write(master, command["type"].encode())
            if "resize" in command:
                size(master, *command["resize"])
            if "modes" in command:
                say({"modes": modes(master)})
    if not exited and not ready:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            exited = True
            say({"exit": os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)})
if not exited:
    os.kill(pid, 9)
