# Python, Debian's: its standard library on threads, processes, data, sockets, signals; virtual environments, bytecode, errors.
/usr/bin/python3 $F/scripts/threads.py
/usr/bin/python3 $F/scripts/processes.py
/usr/bin/python3 $F/scripts/data.py
/usr/bin/python3 $F/scripts/system.py
/usr/bin/python3 -c 'import sys; print(sys.argv, sys.platform, sys.flags.optimize)' a 'b c' ''; echo 'print(input()[::-1])' > s.py; echo abc | /usr/bin/python3 s.py; /usr/bin/python3 - <<< 'print(6 * 7)'; /usr/bin/python3 -c 'raise SystemExit(9)'; echo $?; /usr/bin/python3 -c '1 / 0'; echo $?; /usr/bin/python3 -c 'import os; os.abort()'; echo $?; /usr/bin/python3 -c 'import os; os.kill(os.getpid(), 2)'; echo $?
echo 'def f(): return 5' > m.py; /usr/bin/python3 -c 'import m; print(m.f())'; ls __pycache__; /usr/bin/python3 -O -m compileall -q .; ls __pycache__ | wc -l; /usr/bin/python3 -m json.tool <<< '{"b":1}'; /usr/bin/python3 -m timeit -n 1 -r 1 pass | cut -d' ' -f1; /usr/bin/python3 -m zipfile -c z.zip m.py; /usr/bin/python3 -m zipfile -l z.zip | wc -l; PYTHONPATH=z.zip /usr/bin/python3 -c 'import m; print(m.__file__[-10:])'; /usr/bin/python3 -X dev -W error -c 'print(sorted(__import__("os").environ)[:1])'
